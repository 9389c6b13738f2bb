"""The chapters of an audit report: a first screen that says what holds, and a chapter per check."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from xai.auditing.power import power_rows
from xai.auditing.result import AuditResult
from xai.core.experiment import Panel, Series, Surface
from xai.core.finding import Finding
from xai.methods import MODEL_CHECKS
from xai.render.audit_words import AUDIT_WORDS, finding_title
from xai.render.escape import render
from xai.render.figures import inline_svg
from xai.render.panels import panel_figure
from xai.render.report import Section

__all__ = ["audit_summary", "check_section", "power_section", "provenance"]

STANDS = {"pass": "holds", "warn": "look", "fail": "does not hold", "untestable": "not testable"}
WORST_FIRST = ("fail", "warn", "untestable", "pass")
MOST_LINES = 40


def audit_summary(result: AuditResult) -> Markup:
    """Return the first screen: how many findings hold, and one line per check with its worst finding first."""
    checks = [
        {"name": name, "title": MODEL_CHECKS[name].title, "findings": _sorted(result.of(name))}
        for name in result.checks
    ]
    return render(
        "audit_summary.html", result=result, checks=checks, counts=result.counts, title=finding_title, stands=STANDS,
        worst=_sorted(result.findings),
    )  # fmt: skip


def check_section(name: str, findings: Sequence[Finding], extra: Sequence[Markup] = ()) -> Section:
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
    words = AUDIT_WORDS[name]
    spec = MODEL_CHECKS[name]
    body = render("audit_check.html", question=spec.question, words=words, findings=views, extra=extra, stands=STANDS)
    return Section(name, spec.title, body)


def power_section(result: AuditResult) -> Section:
    """Return the chapter on how far to trust the audit: how often it finds a planted fault, and accuses without one."""
    body = render("audit_power.html", rows=power_rows(result.power), command=result.power["command"])
    return Section("power", "How often this audit finds a planted fault", body)


def provenance(result: AuditResult) -> Section:
    """Return the chapter on what was run; all findings ride along in it as JSON."""
    facts = {
        "weights (SHA-256)": result.model["weights"],
        "answers (SHA-256)": result.model["answers"],
        "data (SHA-256)": result.data["digest"],
        "rows": "{held_out:,} held out, {train:,} learned from".format(**result.data),
        "seed": result.options["seed"],
        "seconds": ", ".join(f"{name} {seconds:.1f}" for name, seconds in result.seconds.items()),
        **result.versions,
    }
    return Section("audit", "What was run", render("audit_run.html", facts=facts), {"audit": result.to_dict()})


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
