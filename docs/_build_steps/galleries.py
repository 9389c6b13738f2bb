"""How tutorials are executed: what they show, and that none takes a minute."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

__all__ = ["settings"]

MOST_SECONDS = 60


def settings(here: Path) -> dict[str, object]:
    """Return the settings of sphinx-gallery: two galleries, executed in their order, failing where an example fails."""
    return {
        "examples_dirs": [str(here / "tutorials"), str(here / "course")],
        "gallery_dirs": [str(here / "auto_tutorials"), str(here / "auto_course")],
        "filename_pattern": r"plot_",
        "within_subsection_order": "FileNameSortKey",
        "abort_on_example_error": True,
        "image_scrapers": ("matplotlib", _Figures()),
        "capture_repr": ("_repr_html_", "__str__"),
        "ignore_repr_types": r"Figure|matplotlib|tuple|list|Tensor|NoneType",
        "reset_modules": ("matplotlib",),
        "reset_modules_order": "before",
        "remove_config_comments": True,
        "show_signature": False,
        "show_memory": False,
        "min_reported_time": 0,
        "copyfile_regex": r"^$",
        "download_all_examples": False,
    }


class _Figures:
    """Takes figures that pyplot does not know: the last value of a block, as in a notebook."""

    def __repr__(self) -> str:
        return "Figures"  # without an address: the settings of two builds are the same

    def __call__(self, block: tuple, block_vars: dict, gallery_conf: dict) -> str:
        figure = block_vars["example_globals"].get("___")
        if not isinstance(figure, Figure):
            return ""
        path = next(block_vars["image_path_iterator"])
        figure.savefig(path, dpi=120, facecolor="white", bbox_inches="tight")
        block_vars["example_globals"]["___"] = None
        return figure_rst([path], gallery_conf["src_dir"])
