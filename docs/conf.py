"""Sphinx: the pages of this folder, and one page of the public names with their docstrings."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import xai  # noqa: E402

project = "xai-toolkit"
copyright = "2026, the xai-toolkit authors"
release = version = xai.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"xai-toolkit {release}"
html_static_path: list[str] = []
exclude_patterns = ["_build"]
myst_heading_anchors = 3
autodoc_typehints = "none"  # the docstrings say shapes and units, which types do not
autodoc_member_order = "bysource"
suppress_warnings = ["myst.xref_missing"]  # links to files of the repository that are no pages

# The packages that have public names, in the order of the reference.
FAMILIES = {
    "model": "Models",
    "inputs": "Kinds of input",
    "results": "What comes back",
    "attribution": "Attribution",
    "lime": "LIME",
    "visualization": "Feature visualization",
    "sequences": "Sequences",
    "global_explanations": "Explanations of the whole model",
    "evidence": "Evidence",
    "auditing": "Audits",
    "runs": "Data sets of any size",
    "reports": "Reports",
    "base": "Errors and warnings",
}


def write_reference(app: object) -> None:
    """Write `api.md` from the public names: what is public is documented, without a list to keep."""
    found: dict[str, list[str]] = {family: [] for family in FAMILIES}
    for name in sorted(xai.__all__):
        if name.startswith("__"):
            continue
        value = getattr(xai, name)
        home = value.__name__ if name == "objectives" else value.__module__
        kind = "automodule" if name == "objectives" else "autoclass" if isinstance(value, type) else "autofunction"
        shown = home if kind == "automodule" else f"xai.{name}"
        found[home.split(".")[1]].append(f".. {kind}:: {shown}\n" + "   :members:\n" * (kind != "autofunction"))
    parts = ["# Reference\n"]
    for family, entries in found.items():
        if entries:
            parts.append(f"## {FAMILIES[family]}\n\n```{{eval-rst}}\n" + "\n".join(entries) + "```\n")
    (HERE / "api.md").write_text("\n".join(parts))


def setup(app: object) -> None:
    app.connect("builder-inited", write_reference)
