"""The chapters of an audit report: a first screen that says what holds, and a chapter per check."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from xai.auditing.power import power_rows
from xai.base.experiment import Panel, Series, Surface
from xai.methods import COMPARISONS, MODEL_CHECKS
from xai.reports.check_words import AUDIT_WORDS, COMPARISON_WORDS, finding_title
from xai.reports.escape import render
from xai.reports.figures import inline_svg
from xai.reports.page import Section
from xai.reports.panels import panel_figure
from xai.results.audit_result import AuditResult
from xai.results.finding import Finding

__all__ = ["audit_summary", "check_section", "power_section", "provenance"]

STANDS = {"pass": "holds", "warn": "look", "fail": "does not hold", "untestable": "not testable"}
COMPARED = {"pass": "as A", "warn": "look", "fail": "unlike A", "untestable": "not testable"}
WORST_FIRST = ("fail", "warn", "untestable", "pass")
MOST_LINES = 40


def audit_summary(result: AuditResult) -> Markup:
    """Return the first screen: how many findings hold, and one line per check with its worst finding first."""
    table = COMPARISONS if result.compared else MODEL_CHECKS
    checks = [
        {"name": name, "title": table[name].title, "findings": _sorted(result.of(name))} for name in result.checks
    ]
    return render(
        "audit_summary.html", result=result, checks=checks, counts=result.counts, title=finding_title,
        stands=COMPARED if result.compared else STANDS,
        worst=_sorted(result.findings),
    )  # fmt: skip


def check_section(
    name: str, findings: Sequence[Finding], extra: Sequence[Markup] = (), *, compared: bool = False
) -> Section:
    """Return the chapter of one check; `extra` is HTML that stands behind its findings."""
    # What quotes inputs stands apart, so that it can be left out.
    shown = [{**finding.details, **finding.details.get("raw", {})} for finding in findings]
    views = [
        {
            "finding": finding,
            "title": finding_title(finding.check),
            "interval": details.get("interval"),
            "plots": [_plot(item) for item in details.get("panels", [])],
            "tables": [_table(item) for item in details.get("tables", [])],
            "texts": details.get("texts", []),
        }
        for finding, details in zip(findings, shown)
    ]
    words = (COMPARISON_WORDS if compared else AUDIT_WORDS)[name]
    spec = (COMPARISONS if compared else MODEL_CHECKS)[name]
    stands = COMPARED if compared else STANDS
    body = render("audit_check.html", question=spec.question, words=words, findings=views, extra=extra, stands=stands)
    return Section(name, spec.title, body)


def power_section(result: AuditResult) -> Section:
    """Return the chapter on how far to trust the audit: how often it finds a planted fault, and accuses without one."""
    body = render("audit_power.html", rows=power_rows(result.power), command=result.power["command"])
    return Section("power", "How often this audit finds a planted fault", body)


def provenance(result: AuditResult) -> Section:
    """Return the chapter on what was run; all findings ride along in it as JSON."""
    facts = {
        **_about_models(result),
        "data (SHA-256)": result.data["digest"],
        "rows": "{held_out:,} held out, {train:,} learned from".format(**result.data),
        "seed": result.options["seed"],
        "seconds": ", ".join(f"{name} {seconds:.1f}" for name, seconds in result.seconds.items()),
        **result.versions,
    }
    return Section("audit", "What was run", render("audit_run.html", facts=facts), {"audit": result.to_dict()})


def _about_models(result: AuditResult) -> dict[str, object]:
    """Return whose weights and answers the findings are about."""
    said = result.model
    if not result.compared:
        return {"weights (SHA-256)": said["weights"], "answers (SHA-256)": said["answers"]}
    versions = {"A": said["A"], "B": said["B"]}
    versions |= {f"replica {place}": item for place, item in enumerate(said["replicas"], start=1)}
    return {
        f"{version}: {fact} (SHA-256)": item[fact]
        for version, item in versions.items()
        for fact in ("weights", "answers")
    }


def _sorted(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: WORST_FIRST.index(finding.status))


def _plot(plain: dict) -> Markup:
    series = [Series(**item) for item in plain["series"]]
    surface = None if plain["surface"] is None else Surface(**plain["surface"])
    panel = Panel(**{**plain, "series": series, "surface": surface})
    label = f"{panel.title}: {panel.y_label} by {panel.x_label}" if panel.x_label else f"{panel.title}: {panel.y_label}"
    return render("audit_plot.html", svg=inline_svg(panel_figure(panel), label), title=panel.title)


def _table(plain: dict) -> dict[str, object]:
    rows = plain["rows"]
    columns = list(rows[0]) if rows else []
    return {"title": plain["title"], "columns": columns, "rows": rows[:MOST_LINES], "more": len(rows) - MOST_LINES}
