"""Single values of a table's columns that decide, though rows with such values are labelled like all others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from xai.auditing.audit_data import Rows
from xai.auditing.finding_figures import table
from xai.auditing.limits import ALPHA, judge, untestable
from xai.auditing.row_features import features
from xai.base.statistics import wilson
from xai.inputs.kinds import TabularInput
from xai.model.model import Model
from xai.results.finding import Finding

__all__ = ["OTHERS", "linear_model", "planted_value"]

NAME = "shortcuts.planted_value"
REPEATED = 3  # values of a column that stand there most often
NEAREST, FEWEST = 0.05, 30  # held-out rows with a value like it
MOST_WORDS = 12
OTHERS = 10  # rows of other answers, below which nothing is said about what moves to a class
SHOWN = 10


def planted_value(model: Model, rows: Rows, held_out: Rows, known: Rows) -> Finding:
    """Return whether one value of one column moves rows to a class that rows with such values do not have.

    rows: that the value is planted on. held_out: whose labels say what it rightly means. known: where values come
    from: the smallest, the largest and the most repeated of each column, and every category.
    """
    if rows.task not in ("classification", "binary") or not isinstance(model.input, TabularInput):
        return untestable(NAME, "it plants values in a table's columns and counts rows that move to one class.")
    if len(held_out.labels.unique()) < 2:
        return untestable(NAME, "held-out rows of only one class were given.")
    lines = []
    classes = model.classes or [str(number) for number in range(rows.outputs)]
    tried = [(place, value) for place in range(len(model.input.names)) for value in _values(model, known, place)]
    says = linear_model(model, held_out)
    for place, value in tried:
        planted = rows.inputs.clone()
        planted[:, place] = value
        said = model.predict(planted).cpu().argmax(1)
        alike = _alike(model, held_out, place, value)
        foretold = says(planted)
        for target in range(rows.outputs):
            others = rows.predicted != target
            count = int(others.sum())
            if count < OTHERS:
                continue
            moved = float((said[others] == target).double().mean())
            has = (held_out.labels == target).numpy()
            trend = float((foretold[others] == target).double().mean())
            earned = max(_way(has, float(has[alike].mean())), trend)
            low, high = wilson(round(moved * count), count, 1 - ALPHA / (len(tried) * rows.outputs))
            lines.append({"column": model.input.names[place], "value": _worded(model, place, value),
                          "to": classes[target], "moved": moved, "earned": earned,
                          "more": moved - earned, "low": low - earned, "high": high - earned})  # fmt: skip
    if not lines:
        return untestable(NAME, f"no class has {OTHERS} rows of other answers.")
    lines.sort(key=lambda line: (-line["low"], -line["more"]))
    worst = lines[0]
    # The value itself is some row's: only the table, which is left out with `--no-raw-data`, says it.
    text = (
        f"A value of {worst['column']} moves {100 * worst['moved']:.0f} % of the rows of all other classes to "
        f"{worst['to']}; by the labels of held-out rows, such values speak for {100 * worst['earned']:.0f} %."
    )
    listed = table("Rows that a value moves to one class", lines[:SHOWN])
    control = (
        "what the labels of held-out rows say of such values: of the rows nearest to them, and by a linear model; "
        "intervals hold for all values and classes together"
    )
    return judge(NAME, worst["more"], (worst["low"], worst["high"]), control, text, {"raw": {"tables": [listed]}})


def linear_model(model: Model, rows: Rows) -> Callable[[Tensor], Tensor]:
    """Return a linear model of the labels of some rows: inputs (N, ...) -> classes (N,)."""
    from sklearn.linear_model import LogisticRegression

    learned = LogisticRegression(max_iter=300, tol=1e-3)
    learned.fit(features(model, rows.inputs).parts[0], rows.labels.numpy())
    return lambda inputs: torch.from_numpy(learned.predict(features(model, rows.inputs, inputs).parts[1]))


def _values(model: Model, known: Rows, place: int) -> list[float]:
    column = known.inputs[:, place]
    words = model.input.categorical.get(model.input.names[place])
    if words is not None:
        return [float(code) for code in range(min(len(words), MOST_WORDS))]
    values, counts = column.unique(return_counts=True)
    often = counts.argsort(descending=True, stable=True)[:REPEATED]
    repeated = [float(values[number]) for number in often.tolist() if int(counts[number]) > 1]
    return list(dict.fromkeys([float(values[0]), float(values[-1]), *repeated]))


def _alike(model: Model, held_out: Rows, place: int, value: float) -> np.ndarray:
    """Return the held-out rows whose value is nearest to it, or the same category; all where there are too few."""
    column = held_out.inputs[:, place]
    if model.input.names[place] in model.input.categorical:
        same = torch.where(column == value)[0]
        return (same if len(same) >= FEWEST else torch.arange(len(column))).numpy()
    count = min(len(column), max(FEWEST, round(NEAREST * len(column))))
    return (column - value).abs().argsort(stable=True)[:count].numpy()


def _way(has: np.ndarray, there: float) -> float:
    """Return how far the class is more frequent there, on the way from its share to all."""
    share = has.mean()
    return float(np.clip((there - share) / max(1 - share, 1e-12), 0, 1))


def _worded(model: Model, place: int, value: float) -> str:
    words = model.input.categorical.get(model.input.names[place])
    return f"{value:.4g}" if words is None else words[int(value)]
