"""Rates of groups against those of everybody else: differences with intervals, corrected for how many there are."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind

from xai.base.statistics import ALPHA, holm, newcombe, same_rate
from xai.base.weighted_statistics import (
    WeightedMean,
    effective_count,
    mean_of,
    newcombe_of_shares,
    same_share,
    welch,
)  # fmt: skip

__all__ = ["LEAST", "GroupRate", "compare_groups", "compare_means", "largest"]

LEAST = 20  # rows of a group, below which nothing is said about it


@dataclass(frozen=True)
class GroupRate:
    """How often something happens, or a mean: in a group (rate of count rows) and elsewhere (other_rate of others).

    difference: rate minus other_rate, with an interval that holds for all groups of a comparison together (Bonferroni).
    p_value: of no difference, corrected for all of them (Holm).
    """

    column: str
    group: str
    what: str
    count: int
    rate: float
    others: int
    other_rate: float
    difference: float
    low: float
    high: float
    p_value: float

    @property
    def name(self) -> str:
        """Say which group it is, "sex = Female"."""
        return f"{self.column} = {self.group}"

    def to_dict(self) -> dict[str, object]:
        """Return it as plain data."""
        return asdict(self)

    @property
    def certain(self) -> float:
        """Return the size of the difference that is certain: the end of its interval nearer to 0, or 0."""
        return max(0.0, self.low, -self.high)


def compare_groups(
    groups: pd.DataFrame, events: dict[str, np.ndarray], least: int = LEAST, weights: np.ndarray | None = None
) -> list[GroupRate]:
    """Return each group of at least `least` rows against all others, for each kind of event.

    events: by name, 1.0 where it happened, 0.0 where not, NaN where the row does not count. weights (N,): how many rows
    of the population each stands for; intervals and tests are then those of effective counts of rows.
    """
    raw: list[tuple[str, str, str, _Share, _Share]] = []
    for column in groups.columns:
        for what, happened in events.items():
            counted = ~np.isnan(happened) if weights is None else ~np.isnan(happened) & (weights > 0)
            words = groups[column].to_numpy()
            for group in sorted({word for word in words[counted] if not pd.isna(word)}):
                inside = counted & (words == group)
                outside = counted & ~inside
                if inside.sum() >= least and outside.sum() >= least:
                    by = (None, None) if weights is None else (weights[inside], weights[outside])
                    sides = _Share(happened[inside], by[0]), _Share(happened[outside], by[1])
                    raw.append((str(column), str(group), what, *sides))
    if not raw:
        return []
    corrected = holm([inside.same_as(outside) for *_, inside, outside in raw])
    confidence = 1 - ALPHA / len(raw)
    found = []
    for (column, group, what, inside, outside), p_value in zip(raw, corrected, strict=True):
        low, high = inside.minus(outside, confidence)
        rate, other_rate = inside.rate, outside.rate
        parts = (len(inside), rate, len(outside), other_rate, rate - other_rate, low, high, p_value)
        found.append(GroupRate(column, group, what, *parts))
    return found


class _Share:
    """How often something happened to some rows, by weight where they have weights."""

    def __init__(self, happened: np.ndarray, weights: np.ndarray | None) -> None:
        self.happened, self.weights = happened, weights
        self.rate = mean_of(happened, weights)
        self.effective = float(len(happened)) if weights is None else effective_count(weights)

    def __len__(self) -> int:
        return len(self.happened)

    def same_as(self, other: _Share) -> float:
        """Return the p-value that both rates are one."""
        if self.weights is None:
            return same_rate(self.happened, other.happened)
        return same_share(self.rate, self.effective, other.rate, other.effective)

    def minus(self, other: _Share, confidence: float) -> tuple[float, float]:
        """Return the interval of the difference of both rates."""
        if self.weights is None:
            counts = [count for part in (self, other) for count in (int(part.happened.sum()), len(part))]
            return newcombe(*counts, confidence)
        return newcombe_of_shares(self.rate, self.effective, other.rate, other.effective, confidence)


def compare_means(
    groups: pd.DataFrame, values: dict[str, np.ndarray], least: int = LEAST, weights: np.ndarray | None = None
) -> list[GroupRate]:
    """Return means of numbers (N,) in groups of at least `least` rows against all others, by Welch's test.

    weights (N,): as of `compare_groups`. Source: Welch 1947, Biometrika 34.
    """
    if weights is not None:
        return _compare_weighted_means(groups, values, least, weights)
    raw = []
    for column in groups.columns:
        words = groups[column].to_numpy()
        for what, numbers in values.items():
            for group in sorted(set(words)):
                inside, outside = numbers[words == group], numbers[words != group]
                if min(len(inside), len(outside)) >= least and np.ptp(numbers) > 0:
                    test = ttest_ind(inside, outside, equal_var=False)
                    raw.append((column, group, what, inside, outside, test))
    p_values = holm([float(np.nan_to_num(item[-1].pvalue, nan=1.0)) for item in raw])
    found = []
    for (column, group, what, inside, outside, test), p_value in zip(raw, p_values, strict=True):
        rate, other_rate = float(inside.mean()), float(outside.mean())
        ends = test.confidence_interval(1 - ALPHA / len(raw))
        low, high = (float(end) if np.isfinite(end) else rate - other_rate for end in (ends.low, ends.high))
        parts = (len(inside), rate, len(outside), other_rate, rate - other_rate, low, high, p_value)
        found.append(GroupRate(str(column), str(group), what, *parts))
    return found


def _compare_weighted_means(
    groups: pd.DataFrame, values: dict[str, np.ndarray], least: int, weights: np.ndarray
) -> list[GroupRate]:
    raw, counted = [], weights > 0
    for column in groups.columns:
        words = groups[column].to_numpy()
        for what, numbers in values.items():
            for group in sorted(set(words)):
                sides = [counted & (words == group), counted & (words != group)]
                if min(rows.sum() for rows in sides) >= least and np.ptp(numbers[counted]) > 0:
                    means = [WeightedMean(numbers[rows], weights[rows]) for rows in sides]
                    raw.append((column, group, what, [int(rows.sum()) for rows in sides], means))
    confidence = 1 - ALPHA / max(1, len(raw))
    tests = [welch(*means, confidence) for *_, means in raw]
    found = []
    for (column, group, what, rows, (inside, outside)), (ends, _), p_value in zip(
        raw, tests, holm([p for _, p in tests]), strict=True
    ):
        gap = inside.mean - outside.mean
        parts = (rows[0], inside.mean, rows[1], outside.mean, gap, *ends, p_value)
        found.append(GroupRate(str(column), str(group), what, *parts))
    return found


def largest(rates: list[GroupRate]) -> GroupRate:
    """Return the group whose difference is most certain, among equals the largest."""
    return max(rates, key=lambda rate: (rate.certain, abs(rate.difference)))
