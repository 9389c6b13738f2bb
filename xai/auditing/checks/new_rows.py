"""The score where it counts: on entities that the model has not met, on the latest rows, and by weight."""

from __future__ import annotations

import numpy as np

from xai.auditing.finding_figures import curves
from xai.auditing.scores import SCORES
from xai.auditing.split import Prepared, Split
from xai.auditing.verdicts import Measured, Untestable, tested
from xai.base.statistics import bootstrap_values
from xai.base.weighted_statistics import effective_count, mean_interval, mean_of, weighted_mean
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
    right, weights = held_out.weighed_quality, held_out.weights
    if weights is not None:
        first, second = (rows[weights[rows] > 0] for rows in (first, second))
        if min(len(first), len(second)) < LEAST:
            raise Untestable("none_new", least=LEAST)
    before, after = (mean_of(right[rows], None if weights is None else weights[rows]) for rows in (first, second))
    interval = _by_entity(right, row_entities, first, second, weights, seed)
    effective = None if weights is None else effective_count(weights[np.concatenate([first, second])])
    facts = {"score": SCORES[held_out.task], "seen": before, "new": after, "rows": len(second)}
    details = {"entities": len(set(row_entities[second]))}
    return Measured(before - after, interval, facts, details, effective=effective)


def _by_entity(
    right: np.ndarray,
    entities: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    weights: np.ndarray | None,
    seed: int,
) -> tuple[float, float]:
    """Return the interval of a difference of means, entities drawn whole: rows of one are no fresh evidence."""
    totals = []
    for rows in (first, second):
        codes = np.unique(entities[rows].astype(str), return_inverse=True)[1]
        by = np.ones(len(rows)) if weights is None else weights[rows]
        totals.append((np.bincount(codes, right[rows] * by), np.bincount(codes, by)))

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
    right, weights, score = split.weighed_quality, split.weights, SCORES[split.task]
    if weights is not None and min(weights[late].sum(), weights[early].sum()) == 0:
        raise Untestable("few_times", least=LEAST)

    def by(rows: np.ndarray) -> np.ndarray | None:
        return None if weights is None else weights[rows]

    order = np.flatnonzero(known & (weights > 0) if weights is not None else known)
    order = order[np.argsort(times[order], kind="stable")]
    means = [mean_of(right[rows], by(rows)) for rows in np.array_split(order, PARTS)]
    panel = curves(
        f"{score} over time", "tenth of the rows, the earliest first", score, {"model": (range(1, PARTS + 1), means)}
    )
    earlier, newest = mean_of(right[early], by(early)), mean_of(right[late], by(late))
    facts = {"score": score, "earlier": earlier, "latest": newest}
    interval = mean_interval(right[early], by(early), seed, right[late], by(late))
    effective = None if weights is None else effective_count(weights[known])
    return Measured(earlier - newest, interval, facts, {"panels": [panel]}, effective=effective)


def weighted(split: Split, seed: int) -> Measured:
    """Return how much better the score is over the rows as they are than by how many each stands for."""
    weights = split.metadata_of("weights")
    if weights is None or weights.sum() <= 0:
        raise Untestable("no_row_weights")
    right, weighed = split.quality.numpy(), split.weighed_quality

    def flattered(rows: np.ndarray, axis: int) -> np.ndarray:
        drawn = rows.astype(int)
        by_weight = (weighed * weights)[drawn].sum(axis) / np.maximum(weights[drawn].sum(axis), 1e-300)
        return right[drawn].mean(axis) - by_weight

    plain, heavy = float(right.mean()), weighted_mean(weighed, weights)
    effective = effective_count(weights)
    facts = {"score": SCORES[split.task], "weighted": heavy, "plain": plain, "effective": effective}
    interval = bootstrap_values([np.arange(len(right))], flattered, seed)
    return Measured(plain - heavy, interval, facts, {"effective": effective}, effective=effective)
