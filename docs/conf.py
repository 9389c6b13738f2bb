"""Sphinx: the pages of this folder, tutorials that are executed, and what the code says of itself."""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_build_steps")]

import matplotlib  # noqa: E402

matplotlib.use("agg")

import architectures_page  # noqa: E402
import galleries  # noqa: E402
import methods_page  # noqa: E402

import xai  # noqa: E402

project = "xai-toolkit"
copyright = "2026, the xai-toolkit authors"
release = version = xai.__version__
extensions = [
    "myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_design", "sphinx_copybutton", "sphinx_click",
    "sphinx_gallery.gen_gallery",
]  # fmt: skip
html_theme = "furo"
html_title = f"xai-toolkit {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
exclude_patterns = [
    "_build", "_build_steps", "tutorials", "course", "**/GALLERY_HEADER.rst", "auto_*/*.ipynb", "auto_*/*.py",
    "auto_*/runs", "auto_*/images",
]  # fmt: skip
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
autodoc_typehints = "none"  # the docstrings say shapes and units, which types do not
autodoc_member_order = "bysource"
suppress_warnings = ["myst.xref_missing", "config.cache"]  # links to files of the repository that are no pages
sphinx_gallery_conf = galleries.settings(HERE)

# The packages that have public names, in the order of the reference.
FAMILIES = {
    "model": "Models",
    "adapters": "Models of other libraries",
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
    from xai import plots

    found: dict[str, list[str]] = {family: [] for family in FAMILIES}
    for name in sorted(xai.__all__):
        if name.startswith("__"):
            continue
        value = getattr(xai, name)
        module = inspect.ismodule(value)
        home = value.__name__ if module else value.__module__
        kind = "automodule" if module else "autoclass" if isinstance(value, type) else "autofunction"
        shown = home if kind == "automodule" else f"xai.{name}"
        found[home.split(".")[1]].append(f".. {kind}:: {shown}\n" + "   :members:\n" * (kind != "autofunction"))
    parts = ["# Reference\n"]
    for family, entries in found.items():
        if entries:
            parts.append(f"## {FAMILIES[family]}\n\n```{{eval-rst}}\n" + "\n".join(entries) + "```\n")
    drawings = "\n".join(f".. autofunction:: xai.plots.{name}\n" for name in plots.__all__)
    parts.append(f"## Plots\n\n```{{eval-rst}}\n{drawings}```\n")
    (HERE / "api.md").write_text("\n".join(parts))


def setup(app: object) -> None:
    app.connect("builder-inited", write_reference)
    app.connect("builder-inited", lambda app: methods_page.write(HERE))
    app.connect("builder-inited", lambda app: architectures_page.write(HERE))
