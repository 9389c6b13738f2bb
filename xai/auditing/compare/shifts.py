"""Which rows moved most from A to B, how far, and what both say of them."""

from __future__ import annotations

import numpy as np

from xai.auditing.compare.ensemble import A, B, Pool

__all__ = ["decisions", "lines_of", "moved_most", "shift"]

MOST = 6


def shift(pool: Pool, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return how far predictions (N, K) moved on each row (N,)."""
    distance = np.abs(after - before)
    if pool.first.task == "regression":
        return (distance / np.maximum(pool.first.labels.numpy().std(0), 1e-12)).mean(1)
    return distance.mean(1) if pool.first.task == "multilabel" else distance.sum(1) / 2


def moved_most(pool: Pool, shifts: np.ndarray, count: int = MOST) -> list[int]:
    """Return the rows (numbers in the pool) that moved most from A to B, changed answers first."""
    decided = decisions(pool) if pool.first.task != "regression" else np.zeros((len(pool), len(pool.first), 1))
    changed = (decided[A] != decided[B]).any(1)
    order = np.lexsort((-shifts, ~changed))
    return [int(row) for row in order[:count] if shifts[row] > 0]


def decisions(pool: Pool) -> np.ndarray:
    """Return what each version decides (versions, N, K): the class, or each label."""
    if pool.first.task == "multilabel":
        return np.stack([(rows.prediction > 0.5).numpy() for rows in pool.rows])
    return np.stack([rows.predicted.numpy()[:, None] for rows in pool.rows])


def lines_of(pool: Pool, most: list[int], shifts: np.ndarray) -> list[dict[str, object]]:
    """Return a line for each of some rows: what is right, what A and B say, how far that is, from shifts by pair."""
    lines = []
    for row in most:
        line: dict[str, object] = {"row": int(pool.first.places[row])}
        line["right answer"] = _goal(pool, row)
        for name, place in (("A", A), ("B", B)):
            line[f"{name} answers"], line[f"{name}, sure"] = _said(pool, place, row)
        line["moved"] = float(shifts[A, B, row])
        if pool.replicas:
            line["moved among replicas"] = float(shifts[np.ix_(pool.kin, pool.kin)][..., row].sum()) / (
                len(pool.kin) * (len(pool.kin) - 1)
            )
        lines.append(line)
    return lines


def _said(pool: Pool, place: int, row: int) -> tuple[object, float | None]:
    prediction = pool.rows[place].prediction[row]
    names = pool.models[A].classes or [str(number) for number in range(len(prediction))]
    if pool.first.task == "regression":
        return ", ".join(f"{value:.4g}" for value in prediction.tolist()), None
    if pool.first.task == "multilabel":
        return ", ".join(name for name, value in zip(names, prediction.tolist()) if value > 0.5) or "none", None
    return names[int(prediction.argmax())], float(prediction.max())


def _goal(pool: Pool, row: int) -> str:
    goal = pool.first.labels[row]
    names = pool.models[A].classes
    if goal.ndim == 0:
        return names[int(goal)] if names else str(int(goal))
    if pool.first.task == "multilabel":
        names = names or [str(number) for number in range(len(goal))]
        return ", ".join(name for name, there in zip(names, goal.tolist()) if there) or "none"
    return ", ".join(f"{value:.4g}" for value in goal.tolist())
