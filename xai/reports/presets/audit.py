"""The reports on an audit, and on a comparison of two versions: a chapter per check, and rows that are explained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from markupsafe import Markup
from torch import Tensor

from xai.auditing.audit_data import AuditData
from xai.auditing.checks.other_reasons import OTHER_REASON
from xai.auditing.explainers import differentiable, explain, targets_of
from xai.base.errors import InputError, XaiError, describe, names_errors
from xai.evidence.verify import verify
from xai.model.labels import as_labels
from xai.model.model import Model
from xai.reports.bodies import explanation_body
from xai.reports.escape import render
from xai.reports.language import in_language, translated
from xai.reports.language import language as current
from xai.reports.page import Lead, Report, Section
from xai.reports.sections.audit import audit_summary, check_section, power_section, run_section
from xai.reports.sections.own_reasons import reasons_body
from xai.results.audit_result import AuditResult
from xai.results.explanation import Explanation

__all__ = ["audit_report", "audit_sections", "comparison_report", "label_in_words"]

CHECKED = ("deletion", "randomization")  # of the explanations of single rows; the audit's own chapter tries them all
BACKGROUND = 5000  # rows of a table that say what is usual
MOST_CHANGED = 4  # rows that are explained twice each


@names_errors("audit_report")
def audit_report(
    result: AuditResult,
    model: Model | None = None,
    data: AuditData | None = None,
    *,
    raw_data: bool = True,
    language: str | None = None,
    title: str | None = None,
) -> Report:
    """Return the report on an audit.

    Args:
        result: What `xai.audit` found.
        model: The model; with it and the data, the report also shows and explains the worst errors.
        data: The data that the audit was made on.
        raw_data: False keeps inputs, and protected columns by row, out of the file; numbers by group stay.
        language: Of the report, "en" (the default) or "de".
        title: The report's title.

    Returns:
        The report.
    """
    _check_raw_data(raw_data)
    with in_language(language or current()):
        extra = {}
        if raw_data and model is not None and data is not None:
            extra["performance"] = _worst_errors(result, model, data)
            extra["shortcuts"] = Markup("").join(
                reasons_body(finding, model, data) for finding in result.findings if finding.check == OTHER_REASON
            )
        title = title or translated(f"Audit of {result.model['name']}")
        return _report("audit_report", result, extra, raw_data, title)


@names_errors("comparison_report")
def comparison_report(
    result: AuditResult,
    a: Model | None = None,
    b: Model | None = None,
    data: AuditData | None = None,
    *,
    raw_data: bool = True,
    language: str | None = None,
    title: str | None = None,
) -> Report:
    """Return the report on a comparison of two versions.

    Args:
        result: What `xai.compare` found.
        a: Version A; with both versions and the data, the report also explains the rows that changed most.
        b: Version B.
        data: The data that they were compared on.
        raw_data: False keeps inputs, and protected columns by row, out of the file; numbers by group stay.
        language: Of the report, "en" (the default) or "de".
        title: The report's title.

    Returns:
        The report.
    """
    _check_raw_data(raw_data)
    with in_language(language or current()):
        extra = {}
        if raw_data and a is not None and b is not None and data is not None:
            extra["predictions"] = _most_changed(result, a, b, data)
        names = f"{result.model['A']['name']} (A) and {result.model['B']['name']} (B)"
        title = title or translated(f"Comparison of {names}")
        return _report("comparison_report", result, extra, raw_data, title)


def _check_raw_data(raw_data: object) -> None:
    if not isinstance(raw_data, bool):
        raise InputError("raw_data", expected="True or False", got=describe(raw_data))


def _report(call: str, result: AuditResult, extra: Mapping[str, Markup], raw_data: bool, title: str) -> Report:
    sections = audit_sections(result if raw_data else result.without_raw_data(), extra)
    return Report(title, sections, request={"call": call, "raw_data": raw_data, "language": current()})


def audit_sections(result: AuditResult, extra: Mapping[str, Markup] | None = None) -> list[Lead | Section]:
    """Return the sections of the report on an audit or comparison; `extra` is HTML behind the findings of a check."""
    return [
        Lead(audit_summary(result)),
        *(check_section(name, result, (extra or {}).get(name, Markup(""))) for name in result.checks),
        *([power_section(result)] if result.power else []),
        run_section(result),
    ]


def _worst_errors(result: AuditResult, model: Model, data: AuditData) -> Markup:
    """Return the most costly errors, each with why the model answered as it did and the checks on that explanation."""

    def shown(rows: list[int], truth: Tensor) -> Markup:
        prediction, made = _explained(model, data, rows, _seed(result))
        lines = [
            {"row": row, "truth": label_in_words(model, label), "body": explanation_body(one), **_answer(model, answer)}
            for row, label, answer, one in zip(rows, truth, prediction, made, strict=True)
        ]
        return render("audit_errors.html", rows=lines, reason="")

    return _explained_rows("audit_errors.html", result.of("performance"), "worst", model, data, shown)


def _most_changed(result: AuditResult, a: Model, b: Model, data: AuditData) -> Markup:
    """Return the rows that changed most, each with why A and why B answered as they did."""

    def shown(rows: list[int], truth: Tensor) -> Markup:
        rows, seed = rows[:MOST_CHANGED], _seed(result)
        gradient = all(differentiable(model, model.prepare(data.inputs)[:1].cpu()) for model in (a, b))
        found = [(name, model, *_explained(model, data, rows, seed, gradient)) for name, model in (("A", a), ("B", b))]
        lines = [
            {
                "row": row,
                "truth": label_in_words(a, truth[index]),
                "versions": [
                    {"name": name, **_answer(model, prediction[index]), "body": explanation_body(made[index])}
                    for name, model, prediction, made in found
                ],
            }
            for index, row in enumerate(rows)
        ]
        return render("comparison_changed.html", rows=lines, reason="")

    return _explained_rows("comparison_changed.html", result.of("predictions"), "most_changed", a, data, shown)


def _explained_rows(
    template: str,
    findings: Sequence,
    detail: str,
    model: Model,
    data: AuditData,
    shown: Callable[[list[int], Tensor], Markup],
) -> Markup:
    """Return the rows that findings name, explained, or why they could not be."""
    rows = [row for finding in findings for row in finding.details.get(detail, [])]
    if not rows:
        return Markup("")
    truth = as_labels(model, data.labels, len(model.prepare(data.inputs)))[data.positions(rows)]
    try:
        return shown(rows, truth)
    except XaiError as error:
        return render(template, rows=[], reason=str(error))


def _explained(
    model: Model, data: AuditData, rows: list[int], seed: int, gradient: bool = True
) -> tuple[Tensor, Explanation]:
    """Return what a model predicts for some rows, and why, with the checks on each explanation."""
    batch = model.prepare(data.inputs).cpu()
    chosen = batch[data.positions(rows)]
    prediction = model.predict(chosen).cpu()
    settings = {"seed": seed, "background": batch[:BACKGROUND], "gradient": gradient}
    made = explain(model, chosen, targets_of(prediction, model.task), **settings)
    return prediction, verify(model, made, CHECKED, seed=seed)


def _answer(model: Model, prediction: Tensor) -> dict[str, object]:
    """Return a prediction in words and, of one class among several, its probability."""
    words = {
        "regression": lambda: label_in_words(model, prediction),
        "multilabel": lambda: label_in_words(model, (prediction > 0.5).double()),
    }.get(model.task)
    if words is not None:
        return {"predicted": words(), "probability": None}
    return {"predicted": label_in_words(model, prediction.argmax()), "probability": float(prediction.max())}


def label_in_words(model: Model, label: Tensor) -> str:
    """Return a label in words: a class, several, or numbers."""
    if label.ndim == 0 and not label.is_floating_point():
        return model.classes[int(label)] if model.classes else str(int(label))
    if model.task == "multilabel":
        names = model.classes or [str(number) for number in range(len(label))]
        return ", ".join(name for name, present in zip(names, label.tolist(), strict=True) if present) or "none"
    return ", ".join(f"{value:.3g}" for value in label.flatten().tolist())


def _seed(result: AuditResult) -> int:
    return int(result.options["seed"])
