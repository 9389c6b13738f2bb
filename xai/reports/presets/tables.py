"""The report on a model of a table: how well it does, what it goes by as a whole, and why it said so of some rows."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor

from xai.auditing.checks.performance import measure_performance
from xai.base.errors import names_errors
from xai.base.spacing import evenly
from xai.evidence.verify import verify
from xai.global_explanations.partial_dependence import partial_dependence
from xai.global_explanations.permutation import permutation_importance
from xai.inputs.table import TabularInput
from xai.methods import all_methods
from xai.model.labels import as_labels
from xai.model.model import Model
from xai.reports.asked_methods import check_methods
from xai.reports.bodies_of_results import effects_body, importance_body
from xai.reports.escape import render
from xai.reports.page import Lead, Report, Section
from xai.reports.presets.sequences import Sequences
from xai.reports.provenance import default_title, facts_section
from xai.reports.sections.explained_rows import explained_rows_section
from xai.reports.sections.performance import performance_section
from xai.reports.sections.summary import sequence_summary
from xai.results.explanation import Explanation

__all__ = ["METHODS", "table_methods", "table_report"]

METHODS = ("lime_tabular", "kernel_shap")
TASKS = ("classification", "binary")
# Rows that stand behind what a method hides: so many of the training part, evenly spread.
BACKGROUND = 50
MEASURED = 2000  # rows on which the model as a whole is asked
SHOWN = 4  # columns whose effects are drawn
WITH_ROWS: dict[str, str] = {"lime_tabular": "background", "kernel_shap": "background", "gradient_shap": "background"}


def table_methods(methods: Sequence[str]) -> tuple[str, ...]:
    """Return the methods asked for, or the usual ones; raises InputError for one that takes no table."""
    check_methods(methods, {"tabular"})
    return tuple(methods) or METHODS


@names_errors("table_report")
def table_report(
    model: Model,
    examples: Sequences,
    data: Sequences,
    background: Tensor | None = None,
    *,
    methods: Sequence[str] = (),
    target: object = None,
    seed: int = 0,
    title: str | None = None,
    origin: Mapping[str, object] | None = None,
) -> Report:
    """Return the report on a model of a table.

    Args:
        model: A model of rows: a classifier, a regression, or a classifier of several labels.
        examples: The rows that are explained.
        data: Rows to ask the model as a whole on, and to measure it where they have labels.
        background: Rows that it learned from, (B, D), by default those of `data`.
        methods: Names of methods, by default LIME and Kernel SHAP.
        target: The class that is explained, the predicted one by default.
        seed: Of everything that is drawn at random.
        title: The report's title.
        origin: How the model came about, as its folder says.

    Returns:
        The report.

    Raises:
        InputError: A method is unknown, or takes no table.
    """
    started, chosen = time.perf_counter(), table_methods(methods)
    background_rows = data.inputs if background is None else background
    made = [_explained(model, name, examples.inputs, background_rows, target, seed) for name in chosen]
    sections = [Lead(_lead(model, examples, data, made))]
    if data.labels is not None and model.task in TASKS:
        sections.append(performance_section(measure_performance(model, data.inputs, data.labels), data.source))
    elif data.labels is not None and model.task == "regression":
        rows = _fit_of_values(model, data)
        sections.append(
            Section("performance", "How well it does", render("rows.html", columns=list(rows[0]), rows=rows, total=1))
        )
    sections += _as_a_whole(model, data, seed)
    one_of, labels = model.task in TASKS, None
    if examples.labels is not None and one_of:
        labels = as_labels(model, examples.labels, len(examples)).tolist()
    cells = partial(_cells, model, examples.inputs)
    sections.append(explained_rows_section(made, examples.names, labels, one_of=one_of, cells=cells))
    facts = {"seed": seed, "examples": len(examples), "seconds": time.perf_counter() - started}
    sections.append(facts_section(model, facts, origin or {}))
    return Report(title or default_title(model), sections)


def _explained(
    model: Model, name: str, rows: Tensor, background_rows: Tensor, target: object, seed: int
) -> Explanation:
    spec, options = all_methods()[name], {}
    if name in WITH_ROWS:
        options[WITH_ROWS[name]] = (
            background_rows if name == "lime_tabular" else background_rows[evenly(len(background_rows), BACKGROUND)]
        )
    if spec.kind == "surrogate" or name in WITH_ROWS:
        options["seed"] = seed
    return verify(model, spec.load()(model, rows, target, **options), ["faithfulness", "deletion"], seed=seed)


def _lead(model: Model, examples: Sequences, data: Sequences, made: Sequence[Explanation]) -> Any:
    if model.task not in TASKS:
        return render(
            "table_lead.html", model=model, columns=len(model.input.names), rows=len(data), source=data.source,
            outputs=list(model.classes or []), examples=len(examples),
        )  # fmt: skip
    performance = None if data.labels is None else measure_performance(model, data.inputs, data.labels)
    wrong = []
    if examples.labels is not None:
        called = made[0].prediction.argmax(1).cpu()
        wrong = (called != as_labels(model, examples.labels, len(examples))).nonzero().flatten().tolist()
    return sequence_summary(model, performance, examples.names, made, wrong)


def _fit_of_values(model: Model, data: Sequences) -> list[dict[str, object]]:
    """Return how far a regression's values are from the right ones, a line for each value."""
    found, right = model.predict(data.inputs).double().cpu(), as_labels(model, data.labels, len(data))
    lines: list[dict[str, object]] = []
    for number in range(found.shape[1]):
        error, variance = found[:, number] - right[:, number], right[:, number].var(correction=0)
        lines.append(
            {
                "value": model.classes[number] if model.classes else "the value",
                "rows": len(data),
                "R2": round(float(1 - error.square().mean() / variance), 3) if float(variance) else "not defined",
                "mean absolute error": f"{float(error.abs().mean()):.4g}",
                "spread of the right ones": f"{float(variance.sqrt()):.4g}",
            }
        )
    return lines


def _as_a_whole(model: Model, data: Sequences, seed: int) -> list[Section]:
    """Return which columns it goes by, where there are labels, and what it answers along the first of them."""
    indices = evenly(len(data), MEASURED)
    rows, sections = data.inputs[indices], []
    columns = list(model.input.names)[:SHOWN]
    if data.labels is not None and model.task != "multilabel" and len(rows) > 1:
        found = permutation_importance(model, rows, data.labels[indices], repeats=5, seed=seed)
        order = found.values.argsort(descending=True).tolist()
        columns = [found.names[index] for index in order if found.names[index] in model.input.names][:SHOWN]
        sections.append(Section("importance", "What it goes by", importance_body(found)))
    if columns and len(rows) > 1:
        effects = partial_dependence(model, rows, columns, points=12, seed=seed)
        sections.append(Section("effects", "What it answers along a column", effects_body(effects)))
    return sections


def _cells(model: Model, rows: Tensor, row: int) -> list[tuple[str, str]]:
    """Return what stands in each column of a row, as its reader knows it."""
    values = rows[row].tolist()
    table = TabularInput.of(model.input) if model.input.tabular else TabularInput([f"x{n}" for n in range(len(values))])
    return [(name, table.shown(name, value)) for name, value in zip(table.names, values, strict=True)]
