"""From an audit to its report: the summary, a chapter per check, and everything that makes the numbers again."""

from __future__ import annotations

from markupsafe import Markup
from torch import Tensor

from xai.auditing.audit_data import AuditData
from xai.auditing.explainers import explain, targets_of
from xai.base.errors import XaiError
from xai.evidence.verify import verify
from xai.model.labels import as_labels
from xai.model.model import Model
from xai.reports.escape import render
from xai.reports.notebook import explanation_body
from xai.reports.page import Report
from xai.reports.sections.audit import audit_summary, check_section, power_section, provenance
from xai.results.audit_result import AuditResult

__all__ = ["BACKGROUND", "CHECKED", "audit_report", "goal_in_words"]

CHECKED = ("deletion", "randomization")  # of the explanations of single errors; the audit's own chapter tries them all
BACKGROUND = 5000  # rows of a table that say what is usual


def audit_report(
    result: AuditResult,
    model: Model | None = None,
    data: AuditData | None = None,
    *,
    raw_data: bool = True,
    title: str | None = None,
) -> Report:
    """Return the report on an audit.

    With the model and the data at hand it also shows and explains the worst errors. raw_data=False keeps inputs, and
    protected columns by row, out of the file; numbers by group stay.
    """
    result = result if raw_data else result.without_raw_data()
    extra = {}
    if raw_data and model is not None and data is not None:
        extra["performance"] = _worst_errors(result, model, data)
    sections = [check_section(name, result.of(name), extra.get(name, ())) for name in result.checks]
    if result.power:
        sections.append(power_section(result))
    sections.append(provenance(result))
    title = title or f"Audit of {result.model['name']}"
    request = {"call": "audit_report", "raw_data": raw_data}
    return Report(title, sections, audit_summary(result), request)


def _worst_errors(result: AuditResult, model: Model, data: AuditData) -> list[Markup]:
    """Return the most costly errors, each with why the model answered as it did and the checks on that explanation."""
    places = [place for finding in result.of("performance") for place in finding.details.get("worst", [])]
    if not places:
        return []
    inputs = model.prepare(data.inputs)[places].cpu()
    prediction = model.predict(inputs)
    seed = int(result.options["seed"])
    background = model.prepare(data.inputs)[:BACKGROUND].cpu()
    try:
        made = explain(model, inputs, targets_of(prediction, model.task), seed=seed, background=background)
        made = verify(model, made, CHECKED, seed=seed)
    except XaiError as error:
        return [render("audit_errors.html", rows=[], body="", reason=str(error))]
    truth = as_labels(model, data.labels, len(model.prepare(data.inputs)))[places]
    rows = [
        {
            "row": place,
            "truth": goal_in_words(model, goal),
            "said": model.classes[int(said.argmax())] if model.classes else f"{float(said.max()):.3g}",
            "sure": float(said.max()) if model.task in ("classification", "binary") else None,
        }
        for place, goal, said in zip(places, truth, prediction)
    ]
    return [render("audit_errors.html", rows=rows, body=explanation_body(made), reason="")]


def goal_in_words(model: Model, goal: Tensor) -> str:
    """Return a right answer in words: a class, several, or numbers."""
    if goal.ndim == 0 and not goal.is_floating_point():
        return model.classes[int(goal)] if model.classes else str(int(goal))
    if model.task == "multilabel":
        names = model.classes or [str(number) for number in range(len(goal))]
        return ", ".join(name for name, there in zip(names, goal.tolist()) if there) or "none"
    return ", ".join(f"{value:.3g}" for value in goal.flatten().tolist())
