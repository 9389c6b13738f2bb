"""Another threshold: would it treat groups more alike, and what would it cost?"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch

from xai.auditing.checks.group_events import called, found
from xai.auditing.finding_figures import curves, table
from xai.auditing.rates import compare_groups
from xai.auditing.split import Split
from xai.auditing.verdicts import Measured, Untestable
from xai.base.weighted_statistics import effective_count, mean_interval, mean_of
from xai.model.model import Model

__all__ = ["other_threshold"]

TRIED = tuple(number / 20 for number in range(1, 20))
SHARE = 0.95  # of the accuracy that a threshold must keep to be proposed


def other_threshold(model: Model, split: Split, least: int, seed: int) -> Measured:
    """Return how much smaller the largest difference between groups would be at another threshold, with its cost.

    The threshold is chosen on one half of the rows, among those that keep 95 % of the accuracy, and measured on the
    other half. The difference is the larger one of the shares that are called the second class and of those found.
    """
    halves = torch.randperm(len(split), generator=torch.Generator().manual_seed(seed)).chunk(2)
    choosing, measuring = (split.take(rows.sort().values) for rows in halves)
    current = 0.5 if split.threshold is None else split.threshold
    tried = [_at(model, choosing, threshold, least) for threshold in sorted({*TRIED, current})]
    gaps = {at.threshold: at.difference for at in tried if at.difference is not None}
    if len(gaps) < len(tried):
        raise Untestable("small_groups", least=least, unit="rows of the class in half of the rows")
    before = next(at for at in tried if at.threshold == current)
    kept = [at.threshold for at in tried if at.accuracy >= SHARE * before.accuracy]
    best = min(kept, key=lambda threshold: (gaps[threshold], abs(threshold - current)))
    old, new = (_at(model, measuring, threshold, least) for threshold in (current, best))
    if old.difference is None or new.difference is None:
        raise Untestable("small_groups", least=least, unit="rows of the class in half of the rows")
    gain = old.difference - new.difference
    cost = (replace(measuring, threshold=current).quality - replace(measuring, threshold=best).quality).numpy()
    weights = measuring.weights
    panel = curves(
        "By threshold", "threshold", "share",
        {"accuracy": (list(gaps), [at.accuracy for at in tried]), "difference": (list(gaps), list(gaps.values()))},
    )  # fmt: skip
    facts = {
        "current": current, "best": best, "before": old.difference, "after": new.difference,
        "accuracy": old.accuracy, "left": new.accuracy,
    }  # fmt: skip
    details = {
        "threshold": best, "cost": mean_of(cost, weights), "cost_interval": list(mean_interval(cost, weights, seed)),
        "panels": [panel],
        "tables": [table("Thresholds, on the half of the rows that chooses", [at._asdict() for at in tried])],
    }  # fmt: skip
    # A choice to make, not a fault: it only warns, and no interval is needed for that.
    effective = None if weights is None else effective_count(weights)
    return Measured(gain, (gain, gain), facts, details, at_most="warn", effective=effective)


class At(NamedTuple):
    """What a threshold gives: the largest difference between groups is None where a group has too few rows."""

    threshold: float
    accuracy: float
    difference: float | None


def _at(model: Model, split: Split, threshold: float, least: int) -> At:
    at = replace(split, threshold=threshold)
    events = called(model, [at]), found(model, at)
    rates = [rate for event in events for rate in compare_groups(at.groups, event, least, at.weights)]
    difference = max((abs(rate.difference) for rate in rates), default=None)
    return At(threshold, mean_of(at.quality.numpy(), at.weights), difference)
