"""Results in a notebook: a fragment of HTML as high as what it holds, with the evidence folded."""

from __future__ import annotations

from markupsafe import Markup

from xai.reports.by_type import SECTIONS
from xai.reports.escape import render
from xai.reports.fragment_style import fragment_style
from xai.reports.page import Report, Section, section_of
from xai.reports.presets.audit import audit_report, comparison_report
from xai.reports.presets.run import run_report
from xai.reports.svg import with_unique_ids
from xai.results.audit_result import AuditResult
from xai.results.display import FRAGMENTS
from xai.runs.store import Run

__all__ = ["result_fragment", "sections_fragment"]

# The templates escape whatever comes from outside, so that this tag is the library's own.
OPEN, FOLDED = '<details class="evidence" open>', '<details class="evidence">'


def result_fragment(item: object) -> str:
    """Return what a notebook displays for a result."""
    section = section_of(item, 1)
    return _fragment(section.title, Markup(str(section.body).replace(OPEN, FOLDED)), [])


def sections_fragment(report: Report) -> str:
    """Return what a notebook displays for a report: its lead, and its sections folded."""
    return _fragment(report.title, report.lead, report.sections)


def _fragment(title: str, lead: Markup, sections: list[Section]) -> str:
    body = with_unique_ids(str(render("fragment.html", title=title, lead=lead, sections=sections)))
    return f'<div class="xai-result">\n<style>{fragment_style(body)}</style>\n{body}</div>'


FRAGMENTS |= dict.fromkeys(SECTIONS, result_fragment)
FRAGMENTS[Report] = sections_fragment
FRAGMENTS[Run] = lambda run: sections_fragment(run_report(run))
FRAGMENTS[AuditResult] = lambda result: sections_fragment(
    comparison_report(result) if result.compared else audit_report(result)
)
