"""Counterfactuals: what would have to be otherwise for the worst errors, and typical rows, to be answered otherwise?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from xai.auditing.checks.performance import losses
from xai.auditing.counterfactuals import Allowed, Counterfactual, allowed, counterfactual
from xai.auditing.finding_figures import table
from xai.auditing.kinds import class_names, table_of
from xai.auditing.scores import ONE_CLASS
from xai.auditing.sentences import plain_number
from xai.auditing.split import Prepared, Split
from xai.auditing.verdicts import Measured, Untestable, tested
from xai.base.statistics import bootstrap_mean
from xai.model.model import Model
from xai.results.finding import Finding

__all__ = ["counterfactual_rows"]

KNOWN, TYPICAL, WORST = 2000, 20, 6


def counterfactual_rows(
    model: Model,
    data: Prepared,
    *,
    seed: int = 0,
    immutable: Sequence[str] = (),
    increasing: Sequence[str] = (),
    decreasing: Sequence[str] = (),
) -> list[Finding]:
    """Return how many columns of a row must change for another answer, with the changes of the worst errors.

    immutable: columns that may not change; increasing, decreasing: numbers that may only rise, or fall.
    """
    if table_of(model) is None or data.held_out.task not in ONE_CLASS:
        return [tested("counterfactuals.columns", _no_table)]
    ways = allowed(model, immutable, increasing, decreasing)
    return [tested("counterfactuals.columns", _columns, model, data, ways, seed)]


def _no_table() -> Measured:
    raise Untestable("classes_of_tables")


def _columns(model: Model, data: Prepared, ways: Allowed, seed: int) -> Measured:
    split, known = data.held_out, (data.train or data.held_out).sample(KNOWN, seed)
    wrong = torch.where(split.quality == 0)[0]
    worst = split.take(wrong[losses(split)[wrong].argsort(descending=True, stable=True)][:WORST])
    typical = split.sample(TYPICAL, seed)
    found = [_of_row(model, typical, index, known, ways) for index in range(len(typical))]
    counts = np.array([len(item.columns) for item in found if item is not None], dtype=np.float64)
    if len(counts) < 2:
        raise Untestable("no_counterfactual")
    lines = [
        {"row": int(worst.index[index]), **_in_words(model, worst, index, _of_row(model, worst, index, known, ways))}
        for index in range(len(worst))
    ]
    names = model.input.names
    often = np.bincount([column for item in found if item for column in item.columns], minlength=len(names))
    most = [names[index] for index in np.argsort(-often, kind="stable")[:3] if often[index]]
    facts = {"columns": counts.mean(), "rows": len(typical), "found": len(counts), "most": most}
    raw = {"tables": [table("What would change the answer to the worst errors", lines)]} if lines else {}
    details = {"raw": raw, "by_column": dict(zip(names, often.tolist(), strict=True))}
    return Measured(float(counts.mean()), bootstrap_mean(counts, seed), facts, details, at_most="warn")


def _of_row(model: Model, split: Split, index: int, known: Split, ways: Allowed) -> Counterfactual | None:
    return counterfactual(model, split, split.inputs[index], int(split.predicted[index]), known, ways)


def _in_words(model: Model, split: Split, index: int, found: Counterfactual | None) -> dict[str, str]:
    names, row = class_names(model, split.outputs), split.inputs[index]
    line = {"label": names[int(split.labels[index])], "answer": names[int(split.predicted[index])]}
    if found is None:
        return {**line, "would be": "–", "if": "no known row leads to another answer"}
    changes = [f"{_column(model, column, row)} were {_value(model, column, found.row)}" for column in found.columns]
    return {**line, "would be": names[found.answer], "if": " and ".join(changes)}


def _column(model: Model, column: int, row: torch.Tensor) -> str:
    return f"{model.input.names[column]} ({_value(model, column, row)})"


def _value(model: Model, column: int, row: torch.Tensor) -> str:
    columns = model.input
    words = columns.categorical.get(columns.names[column])
    return plain_number(float(row[column]), 4) if words is None else words[int(row[column])]
