"""Which rows differ most from A to B, how far, and what both predict."""

from __future__ import annotations

import numpy as np

from xai.auditing.compare.replica_test import among
from xai.auditing.compare.versions import A, B, Ensemble

__all__ = ["decisions", "largest_shifts", "lines_of", "shift"]

MOST = 6


def shift(ensemble: Ensemble, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return how far predictions (N, K) moved on each row (N,)."""
    distance = np.abs(after - before)
    if ensemble.task == "regression":
        return (distance / np.maximum(ensemble.first.labels.numpy().std(0), 1e-12)).mean(1)
    return distance.mean(1) if ensemble.task == "multilabel" else distance.sum(1) / 2


def largest_shifts(ensemble: Ensemble, shifts: np.ndarray, count: int = MOST) -> list[int]:
    """Return the rows (numbers in the ensemble) that differ most from A to B, changed answers first."""
    changed = np.zeros(len(ensemble.first), dtype=bool)
    if ensemble.task != "regression":
        decided = decisions(ensemble)
        changed = (decided[A] != decided[B]).any(1)
    order = np.lexsort((-shifts, ~changed))
    return [int(row) for row in order[:count] if shifts[row] > 0]


def decisions(ensemble: Ensemble) -> np.ndarray:
    """Return what each version decides (versions, N, K): the class, or each label."""
    if ensemble.task == "multilabel":
        return np.stack([(split.prediction > 0.5).numpy() for split in ensemble.splits])
    return np.stack([split.predicted.numpy()[:, None] for split in ensemble.splits])


def lines_of(ensemble: Ensemble, rows: list[int], shifts: np.ndarray) -> list[dict[str, object]]:
    """Return a line for each of some rows: its label, what A and B predict, how far that is, from shifts by pair."""
    lines = []
    for row in rows:
        line: dict[str, object] = {"row": int(ensemble.first.index[row])}
        line["right answer"] = _label(ensemble, row)
        for name, version in (("A", A), ("B", B)):
            line[f"{name} answers"], line[f"{name}, sure"] = _predicted(ensemble, version, row)
        line["moved"] = float(shifts[A, B, row])
        if ensemble.replicas:
            line["moved among replicas"] = float(among(shifts[..., row], ensemble.reference))
        lines.append(line)
    return lines


def _predicted(ensemble: Ensemble, version: int, row: int) -> tuple[object, float | None]:
    prediction = ensemble.splits[version].prediction[row]
    if ensemble.task in ("regression", "multilabel"):
        return _several(ensemble, prediction.tolist()), None
    return ensemble.classes[int(prediction.argmax())], float(prediction.max())


def _label(ensemble: Ensemble, row: int) -> str:
    label = ensemble.first.labels[row]
    return ensemble.classes[int(label)] if label.ndim == 0 else _several(ensemble, label.tolist())


def _several(ensemble: Ensemble, values: list[float]) -> str:
    """Return the numbers of a regression, or the names of the labels that are there."""
    if ensemble.task == "regression":
        return ", ".join(f"{value:.4g}" for value in values)
    return ", ".join(name for name, value in zip(ensemble.classes, values, strict=True) if value > 0.5) or "none"
