"""Single values of a table's columns, held against what the labels of rows with such values say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from xai.auditing.row_features import features
from xai.auditing.split import Split
from xai.auditing.triggers.planting import Candidate, Expected, Move
from xai.inputs.base import Input
from xai.model.model import Model

__all__ = ["by_labels", "by_linear_model", "values"]

REPEATED = 3  # values of a column that stand there most often
NEAREST, FEWEST = 0.05, 30  # held-out rows with a value like it
MOST_WORDS = 12


def values(model: Model, known: Split) -> list[Candidate]:
    """Return the smallest, the largest and the most repeated values of each column, and every category."""
    table = model.input
    found = []
    for column, name in enumerate(table.names):
        words = table.categorical.get(name)
        for value in _values(table, known, column):
            worded = f"{value:.4g}" if words is None else words[int(value)]
            about = {"column": name, "value": worded}
            # The value is that of some row, so only the table quotes it, which `--no-raw-data` leaves out.
            found.append(Candidate(f"a value of {name}", _Setting(column, value), raw=True, columns=about))
    return found


class _Setting:
    """Sets one column of rows (N, D) to one value."""

    def __init__(self, column: int, value: float) -> None:
        self.column, self.value = column, value

    def __call__(self, rows: Tensor) -> Tensor:
        changed = rows.clone()
        changed[:, self.column] = self.value
        return changed


def by_labels(model: Model, split: Split, held_out: Split) -> Expected:
    """Return what the labels of held-out rows say of a value: of the rows nearest to it, or by a linear model."""
    table, by_line = model.input, by_linear_model(model, split, held_out)

    def expected(moves: Sequence[Move]) -> list[float]:
        found = []
        for move, trend in zip(moves, by_line(moves), strict=True):
            setting = move.candidate.plant
            if not isinstance(setting, _Setting):
                found.append(trend)
                continue
            labelled = (held_out.labels == move.target).numpy()
            alike = _alike(table, held_out, setting.column, setting.value)
            found.append(max(_gain(labelled, float(labelled[alike].mean())), trend))
        return found

    return expected


def by_linear_model(model: Model, split: Split, held_out: Split) -> Expected:
    """Return what a linear model of the held-out labels says of rows with a candidate on them."""
    from sklearn.linear_model import LogisticRegression

    learned = LogisticRegression(max_iter=300, tol=1e-3)
    learned.fit(features(model, held_out.inputs).parts[0], held_out.labels.numpy())

    def expected(moves: Sequence[Move]) -> list[float]:
        found, candidate = [], None
        for move in moves:
            if move.candidate is not candidate:  # several classes of one candidate stand together
                candidate = move.candidate
                planted = model.prepare(candidate.plant(split.inputs)).cpu()
                rows = features(model, held_out.inputs, planted).parts[1]
                predicted = torch.from_numpy(learned.predict(rows))
            others = split.predicted != move.target
            found.append(float((predicted[others] == move.target).double().mean()))
        return found

    return expected


def _values(table: Input, known: Split, column: int) -> list[float]:
    words = table.categorical.get(table.names[column])
    if words is not None:
        return [float(code) for code in range(min(len(words), MOST_WORDS))]
    found, counts = known.inputs[:, column].unique(return_counts=True)
    often = counts.argsort(descending=True, stable=True)[:REPEATED]
    repeated = [float(found[number]) for number in often.tolist() if int(counts[number]) > 1]
    return list(dict.fromkeys([float(found[0]), float(found[-1]), *repeated]))


def _alike(table: Input, held_out: Split, column: int, value: float) -> np.ndarray:
    """Return the held-out rows whose value is nearest to it, or the same category; all where there are too few."""
    found = held_out.inputs[:, column]
    if table.names[column] in table.categorical:
        same = torch.where(found == value)[0]
        return (same if len(same) >= FEWEST else torch.arange(len(found))).numpy()
    count = min(len(found), max(FEWEST, round(NEAREST * len(found))))
    return (found - value).abs().argsort(stable=True)[:count].numpy()


def _gain(labelled: np.ndarray, among: float) -> float:
    """Return how far a class is more frequent among some rows, on the way from its share to all."""
    share = labelled.mean()
    return float(np.clip((among - share) / max(1 - share, 1e-12), 0, 1))
