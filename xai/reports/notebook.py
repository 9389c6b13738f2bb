"""Results in a notebook, where a frame keeps their style apart."""

from __future__ import annotations

from markupsafe import escape

from xai.reports.by_type import SECTIONS
from xai.reports.page import Report
from xai.results.display import PAGES
from xai.results.explanation import Explanation, Visualization

__all__ = ["notebook_html"]

TITLES = {Explanation: lambda item: f"{item.method} for {item.target_name()}", Visualization: repr}


def notebook_html(item: object) -> str:
    """Return what a notebook displays for a result."""
    title = TITLES.get(type(item), lambda item: type(item).__name__)(item)
    page = escape(Report(title, [item]).html())  # a str, so that it is escaped to stand in an attribute
    rights = "allow-scripts allow-downloads"
    return f'<iframe srcdoc="{page}" title="{escape(title)}" sandbox="{rights}" width="100%" height="520"></iframe>'


PAGES |= dict.fromkeys(SECTIONS, notebook_html)
