"""From a comparison of two versions to its report: the summary, a chapter per check, and the rows that moved most."""

from __future__ import annotations

from markupsafe import Markup
from torch import Tensor

from xai.auditing.audit_data import AuditData
from xai.auditing.explainers import differentiable, explain, targets_of
from xai.base.errors import XaiError
from xai.evidence.verify import verify
from xai.model.labels import as_labels
from xai.model.model import Model
from xai.reports.audit_report import BACKGROUND, CHECKED, goal_in_words
from xai.reports.escape import render
from xai.reports.notebook import explanation_body
from xai.reports.page import Report
from xai.reports.sections.audit import audit_summary, check_section, provenance
from xai.results.audit_result import AuditResult
from xai.results.explanation import Explanation

__all__ = ["comparison_report"]

SHOWN = 4  # rows that are explained twice each


def comparison_report(
    result: AuditResult,
    a: Model | None = None,
    b: Model | None = None,
    data: AuditData | None = None,
    *,
    raw_data: bool = True,
    title: str | None = None,
) -> Report:
    """Return the report on a comparison.

    With both models and the data at hand it also explains the rows that moved most, by A and by B. raw_data=False keeps
    inputs, and protected columns by row, out of the file; numbers by group stay.
    """
    result = result if raw_data else result.without_raw_data()
    extra = {}
    if raw_data and a is not None and b is not None and data is not None:
        extra["predictions"] = _moved(result, a, b, data)
    sections = [check_section(name, result.of(name), extra.get(name, ()), compared=True) for name in result.checks]
    sections.append(provenance(result))
    title = title or f"Comparison of {result.model['A']['name']} (A) and {result.model['B']['name']} (B)"
    return Report(title, sections, audit_summary(result), {"call": "comparison_report", "raw_data": raw_data})


def _moved(result: AuditResult, a: Model, b: Model, data: AuditData) -> list[Markup]:
    """Return the rows that moved most, each with why A and why B answered as they did."""
    places = [place for item in result.of("predictions") for place in item.details.get("moved_most", [])][:SHOWN]
    if not places:
        return []
    seed = int(result.options["seed"])
    truth = as_labels(a, data.labels, len(a.prepare(data.inputs)))[places]
    try:
        gradient = all(differentiable(model, model.prepare(data.inputs)[:1].cpu()) for model in (a, b))
        found = [_explained(model, data, places, seed, gradient) for model in (a, b)]
    except XaiError as error:
        return [render("comparison_moved.html", rows=[], reason=f"They could not be explained: {error}")]
    rows = [
        {
            "row": place,
            "truth": goal_in_words(a, truth[number]),
            "versions": [
                {
                    "name": name,
                    "said": _answer(model, prediction[number]),
                    "sure": None if model.task in ("regression", "multilabel") else float(prediction[number].max()),
                    "body": explanation_body(made[number]),
                }
                for name, model, (prediction, made) in zip("AB", (a, b), found)
            ],
        }
        for number, place in enumerate(places)
    ]
    return [render("comparison_moved.html", rows=rows, reason="")]


def _explained(
    model: Model, data: AuditData, places: list[int], seed: int, gradient: bool
) -> tuple[Tensor, Explanation]:
    """Return what a version says of some rows, and why, with the checks on each explanation."""
    batch = model.prepare(data.inputs).cpu()
    inputs = batch[places]
    prediction = model.predict(inputs).cpu()
    about = {"seed": seed, "background": batch[:BACKGROUND], "gradient": gradient}
    made = explain(model, inputs, targets_of(prediction, model.task), **about)
    return prediction, verify(model, made, CHECKED, seed=seed)


def _answer(model: Model, prediction: Tensor) -> str:
    if model.task in ("regression", "multilabel"):
        return goal_in_words(model, (prediction > 0.5).double() if model.task == "multilabel" else prediction)
    number = int(prediction.argmax())
    return model.classes[number] if model.classes else str(number)
