"""Rates of groups against those of everybody else: differences with intervals, corrected for how many there are."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2, fisher_exact

from xai.auditing.checks.performance import wilson
from xai.auditing.limits import ALPHA
from xai.evidence.verify import holm

__all__ = ["LEAST", "GroupRate", "compare_groups", "largest", "newcombe"]

LEAST = 20  # rows of a group, below which nothing is said about it
CHI_SQUARED_FROM = 1000  # rows, above which Fisher's exact test gives the same number, slowly


@dataclass(frozen=True)
class GroupRate:
    """How often something happens in a group (rate of count rows) and in all other rows (rest of others).

    difference: rate minus rest, with an interval that holds for all groups of the comparison together (Bonferroni).
    p_value: of no difference, corrected for all of them (Holm).
    """

    column: str
    group: str
    what: str
    count: int
    rate: float
    others: int
    rest: float
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


def compare_groups(groups: pd.DataFrame, events: dict[str, np.ndarray], least: int = LEAST) -> list[GroupRate]:
    """Return each group of at least `least` rows against all others, for each kind of event.

    events: by name, 1.0 where it happened, 0.0 where not, NaN where the row does not count.
    """
    raw = []
    for column in groups.columns:
        for what, happened in events.items():
            counted = ~np.isnan(happened)
            words = groups[column].to_numpy()
            for group in sorted(set(words[counted])):
                inside = counted & (words == group)
                outside = counted & (words != group)
                if inside.sum() >= least and outside.sum() >= least:
                    raw.append((column, group, what, happened[inside], happened[outside]))
    if not raw:
        return []
    corrected = holm([_p_value(inside, outside) for *_, inside, outside in raw])
    confidence = 1 - ALPHA / len(raw)
    found = []
    for (column, group, what, inside, outside), p_value in zip(raw, corrected):
        low, high = newcombe(int(inside.sum()), len(inside), int(outside.sum()), len(outside), confidence)
        rate, rest = float(inside.mean()), float(outside.mean())
        parts = (len(inside), rate, len(outside), rest, rate - rest, low, high, p_value)
        found.append(GroupRate(str(column), str(group), what, *parts))
    return found


def largest(rates: list[GroupRate]) -> GroupRate:
    """Return the group whose difference is most certain, among equals the largest."""
    return max(rates, key=lambda rate: (rate.certain, abs(rate.difference)))


def newcombe(first: int, of_first: int, second: int, of_second: int, confidence: float) -> tuple[float, float]:
    """Return the interval of a difference of two shares. Source: Newcombe 1998, his method 10.

    >>> tuple(round(end, 4) for end in newcombe(56, 70, 48, 80, 0.95))
    (0.0524, 0.3339)
    """
    a, b = first / of_first, second / of_second
    (low_a, high_a), (low_b, high_b) = wilson(first, of_first, confidence), wilson(second, of_second, confidence)
    low = (a - b) - np.hypot(a - low_a, high_b - b)
    high = (a - b) + np.hypot(high_a - a, b - low_b)
    return float(low), float(high)


def _p_value(inside: np.ndarray, outside: np.ndarray) -> float:
    table = [[part.sum(), len(part) - part.sum()] for part in (inside, outside)]
    if len(inside) + len(outside) < CHI_SQUARED_FROM:
        return float(fisher_exact(np.array(table, dtype=int)).pvalue)
    # The likelihood ratio of one rate against two, which stays sound for rare events.
    total = np.array(table, dtype=np.float64)
    even = total.sum(1, keepdims=True) * total.sum(0, keepdims=True) / total.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = 2 * np.nansum(total * np.log(total / even))
    return float(chi2.sf(statistic, 1))
