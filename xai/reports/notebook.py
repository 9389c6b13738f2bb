"""Results in a notebook: a fragment of HTML as high as what it holds, with the evidence folded."""

from __future__ import annotations

import re
from functools import cache

from markupsafe import Markup

from xai.reports.by_type import SECTIONS
from xai.reports.escape import asset, render
from xai.reports.page import Report, section_of
from xai.reports.presets.audit import audit_report, comparison_report
from xai.results.audit_result import AuditResult
from xai.results.display import FRAGMENTS

__all__ = ["result_fragment", "sections_fragment"]

# The templates escape whatever comes from outside, so that these tags are the library's own.
EVIDENCE = re.compile(r'<div class="scroll"><table class="findings".*?</table></div>', re.S)
FOLDED = r"<details><summary>Evidence</summary>\g<0></details>"
ROOT = re.compile(r":root \{(.*?)\}", re.S)


def result_fragment(item: object) -> str:
    """Return what a notebook displays for a result."""
    section = section_of(item, 1)
    body = Markup(EVIDENCE.sub(FOLDED, str(section.body)))
    return str(render("fragment.html", style=_style(), title=section.title, lead=body, sections=[]))


def sections_fragment(report: Report) -> str:
    """Return what a notebook displays for a report: its lead, and its sections folded."""
    return str(render("fragment.html", style=_style(), title=report.title, lead=report.lead, sections=report.sections))


@cache
def _style() -> Markup:
    """Return the style of a report for what is inside a fragment alone, in the notebook's own light or dark."""
    style = str(asset("report.css"))  # markup would escape the &
    light, dark = ROOT.findall(style)
    themes = (
        f'[data-jp-theme-light="true"] &, .vscode-light & {{{light}}}\n'
        f'[data-jp-theme-light="false"] &, .vscode-dark & {{{dark} color-scheme: dark; }}\n'
    )
    own = "& { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); padding: .5rem; }\n"
    return Markup(f".xai-result {{\n{style.split('@page')[0].replace(':root', '&')}{themes}{own}}}")


FRAGMENTS |= dict.fromkeys(SECTIONS, result_fragment)
FRAGMENTS[Report] = sections_fragment
FRAGMENTS[AuditResult] = lambda result: sections_fragment(
    comparison_report(result) if result.compared else audit_report(result)
)
