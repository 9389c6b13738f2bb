"""The chapters of an audit report: a first screen that says what holds, and a chapter per check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from xai.auditing.model_card import filled_card
from xai.auditing.power import power_of_kinds, power_rows
from xai.base.experiment import Panel, Series, Surface
from xai.methods import COMPARISONS, MODEL_CHECKS, ModelCheck
from xai.model.card import ModelCard
from xai.plots.panels import panel_figure
from xai.plots.translation import translate
from xai.reports.escape import render
from xai.reports.language import translated
from xai.reports.page import Section
from xai.reports.sentences import AUDIT_SENTENCES, COMPARISON_SENTENCES, AuditSentences, finding_title
from xai.reports.svg import inline_svg
from xai.results.audit_result import AuditResult
from xai.results.finding import Finding

__all__ = ["audit_summary", "check_section", "power_section", "run_section"]


class About(NamedTuple):
    """What differs between an audit and a comparison: the checks, their sentences, and what a status is called."""

    specs: Mapping[str, ModelCheck]
    sentences: Mapping[str, AuditSentences]
    stands: Mapping[str, str]


AUDIT = About(
    MODEL_CHECKS,
    AUDIT_SENTENCES,
    {"pass": "holds", "warn": "look", "fail": "does not hold", "untestable": "not testable"},
)
COMPARISON = About(
    COMPARISONS,
    COMPARISON_SENTENCES,
    {"pass": "as A", "warn": "look", "fail": "unlike A", "untestable": "not testable"},
)
WORST_FIRST = ("fail", "warn", "untestable", "pass")
MOST_LINES = 40
FIRST = 8  # findings to look at first


def audit_summary(result: AuditResult) -> Markup:
    """Return the first screen: how many findings hold, and one line per check with its worst finding first."""
    about = _about(result)
    checks = [
        {"name": name, "title": about.specs[name].title, "findings": _sorted(result.of(name))} for name in result.checks
    ]
    kinds = power_of_kinds() if result.power else None
    found = [finding for finding in _sorted(result.findings) if finding.status in ("fail", "warn")]
    return render(
        "audit_summary.html", result=result, checks=checks, counts=result.counts, title=finding_title,
        stands=about.stands, worst=found[:FIRST], beyond=found[FIRST:], kinds=kinds, lowest=kinds and _lowest(kinds),
        card=_card(result), unseen=_unseen(result), acts=_acts(found[:FIRST], about),
        skill=_skill(result, found[:FIRST]),
    )  # fmt: skip


def _acts(found: Sequence[Finding], about: About) -> dict[str, str]:
    """Return what to do about each finding, once for those of one check, by the name of the last of them."""
    last = {finding.check.partition(".")[0]: finding.check for finding in found}
    return {name: about.sentences[check].act for check, name in last.items()}


def _skill(result: AuditResult, found: Sequence[Finding]) -> Finding | None:
    """Return the finding that says how well the model does, unless it is said among those to look at first."""
    skill = [finding for finding in result.findings if finding.check == "performance.skill"]
    return skill[0] if skill and skill[0] not in found else None


def _card(result: AuditResult) -> dict[str, Any]:
    """Return the model card of an audit, also of one that was saved before there were cards; {} of a comparison."""
    if result.compared:
        return {}
    return result.card or filled_card(ModelCard(), result.findings, result.data)


def _unseen(result: AuditResult) -> dict[str, list[str]]:
    """Return the findings that could not be tested, by their reason."""
    found: dict[str, list[str]] = {}
    for finding in result.findings:
        if finding.status == "untestable":
            found.setdefault(finding.text, []).append(finding.check)
    return found


def _lowest(kinds: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the kind of fault that was found least often."""
    return min(kinds["faults"], key=lambda fault: fault["share"])


def check_section(name: str, result: AuditResult, extra: Markup | str = "") -> Section:
    """Return the chapter of one check; `extra` is HTML that stands behind its findings."""
    about, views = _about(result), []
    for finding in result.of(name):
        # What quotes inputs stands apart, so that it can be left out.
        details = {**finding.details, **finding.details.get("raw", {})}
        views.append(
            {
                "finding": finding,
                "title": finding_title(finding.check),
                "interval": details.get("interval"),
                "plots": [_plot(item) for item in details.get("panels", [])],
                "tables": [_table(item) for item in details.get("tables", [])],
                "texts": details.get("texts", []),
            }
        )
    spec = about.specs[name]
    body = render(
        "audit_check.html", question=spec.question, sentences=about.sentences[name], findings=views, extra=extra,
        stands=about.stands,
    )  # fmt: skip
    return Section(name, spec.title, body)


def power_section(result: AuditResult) -> Section:
    """Return the chapter on how far to trust the audit: how often it finds a planted fault, and accuses without one."""
    kinds = power_of_kinds()
    body = render(
        "audit_power.html", rows=power_rows(result.power), command=result.power["command"], kinds=power_rows(kinds),
        made=kinds, lowest=_lowest(kinds),
    )  # fmt: skip
    return Section("power", "How often this audit finds a planted fault", body)


def run_section(result: AuditResult) -> Section:
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


def _about(result: AuditResult) -> About:
    return COMPARISON if result.compared else AUDIT


def _about_models(result: AuditResult) -> dict[str, object]:
    """Return whose weights and answers the findings are about."""
    models = result.model
    if not result.compared:
        return {"weights (SHA-256)": models["weights"], "answers (SHA-256)": models["answers"]}
    versions = {"A": models["A"], "B": models["B"]}
    versions |= {f"replica {number}": item for number, item in enumerate(models["replicas"], start=1)}
    return {
        f"{version}: {fact} (SHA-256)": item[fact]
        for version, item in versions.items()
        for fact in ("weights", "answers")
    }


def _sorted(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: WORST_FIRST.index(finding.status))


def _plot(plain: dict) -> Markup:
    series = [Series(**{**item, "name": translated(item["name"])}) for item in plain["series"]]
    surface = None if plain["surface"] is None else Surface(**plain["surface"])
    words = {name: translated(plain[name]) for name in ("x_label", "y_label")}
    fields: dict[str, Any] = {**plain, **words, "series": series, "surface": surface}
    panel = Panel(**fields)
    axes = {"y": panel.y_label, "x": panel.x_label}
    label = f"{translated(panel.title)}: {translate('{y} by {x}', **axes) if panel.x_label else panel.y_label}"
    return render("audit_plot.html", svg=inline_svg(panel_figure(panel), label), title=panel.title)


def _table(plain: dict) -> dict[str, object]:
    rows = plain["rows"]
    columns = list(rows[0]) if rows else []
    return {"title": plain["title"], "columns": columns, "rows": rows[:MOST_LINES], "more": len(rows) - MOST_LINES}
