"""The score where it counts: on entities that the model has not met, on the latest rows, and by weight."""

from __future__ import annotations

import numpy as np

from xai.auditing.audit_data import Prepared, Split
from xai.auditing.finding_figures import curves
from xai.auditing.scores import SCORES
from xai.auditing.verdicts import Measured, Untestable, tested
from xai.base.statistics import bootstrap_mean, bootstrap_values
from xai.results.finding import Finding

__all__ = ["by_metadata", "latest", "new_entities", "weighted"]

LEAST = 20  # rows on each side
LATEST = 0.75  # of the rows lie before the latest ones
PARTS = 10  # of the picture over time


def by_metadata(data: Prepared, seed: int) -> list[Finding]:
    """Return the findings on the metadata of rows: whose rows they are, when they were, what each stands for."""
    held_out, train = data.held_out, data.train
    made = {
        "entity": lambda: tested("performance.new_entities", new_entities, held_out, train, seed),
        "time": lambda: tested("performance.latest", latest, held_out, seed),
        "weights": lambda: tested("performance.weighted", weighted, held_out, seed),
    }
    return [make() for name, make in made.items() if held_out.metadata_of(name) is not None]


def new_entities(held_out: Split, train: Split | None, seed: int) -> Measured:
    """Return how much better the score is on held-out rows of entities that the training part has than on new ones."""
    row_entities = held_out.metadata_of("entity")
    known = None if train is None else train.metadata_of("entity")
    if train is None:
        raise Untestable("no_training_rows")
    if row_entities is None or known is None:
        raise Untestable("no_entities")
    named = np.array([entity is not None for entity in row_entities])
    seen = np.isin(row_entities, [entity for entity in set(known) if entity is not None])
    if not seen.any():
        raise Untestable("all_new")
    first, second = np.flatnonzero(named & seen), np.flatnonzero(named & ~seen)
    if min(len(first), len(second)) < LEAST or len(set(row_entities[second])) < 2 or len(set(row_entities[first])) < 2:
        raise Untestable("none_new", least=LEAST)
    right = held_out.quality.numpy()
    before, after = float(right[first].mean()), float(right[second].mean())
    interval = _by_entity(right, row_entities, first, second, seed)
    facts = {"score": SCORES[held_out.task], "seen": before, "new": after, "rows": len(second)}
    return Measured(before - after, interval, facts, {"entities": len(set(row_entities[second]))})


def _by_entity(
    right: np.ndarray, entities: np.ndarray, first: np.ndarray, second: np.ndarray, seed: int
) -> tuple[float, float]:
    """Return the interval of a difference of means, entities drawn whole: rows of one are no fresh evidence."""
    totals = []
    for rows in (first, second):
        codes = np.unique(entities[rows].astype(str), return_inverse=True)[1]
        totals.append((np.bincount(codes, right[rows]), np.bincount(codes).astype(np.float64)))

    def difference(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
        means = [
            sums[drawn].sum(axis) / counts[drawn].sum(axis)
            for (sums, counts), drawn in zip(totals, (a.astype(int), b.astype(int)), strict=True)
        ]
        return means[0] - means[1]

    return bootstrap_values([np.arange(len(sums)) for sums, _ in totals], difference, seed)


def latest(split: Split, seed: int) -> Measured:
    """Return how much better the score is on earlier rows than on the latest quarter."""
    times = split.metadata_of("time")
    if times is None:
        raise Untestable("no_times")
    known = np.isfinite(times)
    limit = np.quantile(times[known], LATEST) if known.any() else 0.0
    late, early = known & (times > limit), known & (times <= limit)
    if min(late.sum(), early.sum()) < LEAST:
        raise Untestable("few_times", least=LEAST)
    right, score = split.quality.numpy(), SCORES[split.task]
    order = np.flatnonzero(known)[np.argsort(times[known], kind="stable")]
    means = [float(right[rows].mean()) for rows in np.array_split(order, PARTS)]
    panel = curves(
        f"{score} over time", "tenth of the rows, the earliest first", score, {"model": (range(1, PARTS + 1), means)}
    )
    facts = {"score": score, "earlier": right[early].mean(), "latest": right[late].mean()}
    interval = bootstrap_mean(right[early], seed, minus=right[late])
    return Measured(float(right[early].mean() - right[late].mean()), interval, facts, {"panels": [panel]})


def weighted(split: Split, seed: int) -> Measured:
    """Return how much better the score is over the rows as they are than by how many each stands for."""
    weights = split.metadata_of("weights")
    if weights is None or weights.sum() <= 0:
        raise Untestable("no_row_weights")
    right = split.quality.numpy()

    def flattered(rows: np.ndarray, axis: int) -> np.ndarray:
        drawn = rows.astype(int)
        by_weight = (right * weights)[drawn].sum(axis) / np.maximum(weights[drawn].sum(axis), 1e-300)
        return right[drawn].mean(axis) - by_weight

    plain, heavy = float(right.mean()), float((right * weights).sum() / weights.sum())
    effective = weights.sum() ** 2 / (weights**2).sum()  # Kish 1965
    facts = {"score": SCORES[split.task], "weighted": heavy, "plain": plain, "effective": effective}
    interval = bootstrap_values([np.arange(len(right))], flattered, seed)
    return Measured(plain - heavy, interval, facts, {"effective": float(effective)})
