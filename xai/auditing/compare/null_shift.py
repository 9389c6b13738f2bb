"""Is B further off than another seed would put it? Ranks among versions that differ by their seed alone.

Were B nothing but another training of A's recipe, any of A, B and the k replicas could be the one that stands apart
most, each as likely: the share of them that stand apart at least as far as B is an exact p-value, whatever the law of
the differences. It is never below 1 / (k + 2), and each finding says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeVar

import numpy as np

from xai.auditing.compare.ensemble import B, Pool
from xai.auditing.finding_figures import points
from xai.auditing.limits import ALPHA
from xai.base.statistics import TIED, bootstrap_mean
from xai.base.statistics import rank_p_value as share_reaching

__all__ = [
    "apart_by_difference",
    "apart_by_value",
    "beyond",
    "control",
    "excess",
    "in_words",
    "pairs",
    "rank_p_value",
    "standing",
]

Item = TypeVar("Item")


def pairs(versions: Sequence[Item], difference: Callable[[Item, Item], np.ndarray]) -> np.ndarray:
    """Return the difference of each pair of versions on each row (versions, versions, N).

    difference: a symmetric function of what two versions say to numbers (N,).
    """
    count = len(versions)
    found = {
        (first, second): difference(versions[first], versions[second])
        for first in range(count)
        for second in range(first + 1, count)
    }
    nothing = np.zeros_like(found[0, 1])
    return np.stack(
        [np.stack([found.get((min(a, b), max(a, b)), nothing) for b in range(count)]) for a in range(count)]
    )


def apart_by_difference(differences: np.ndarray) -> np.ndarray:
    """Return how far each version is from all others on average, from differences (versions, versions).

    >>> apart_by_difference(np.array([[0.0, 4.0, 1.0], [4.0, 0.0, 4.0], [1.0, 4.0, 0.0]])).tolist()
    [2.5, 4.0, 2.5]
    """
    return differences.sum(1) / (len(differences) - 1)


def apart_by_value(values: np.ndarray) -> np.ndarray:
    """Return how far each version's number lies above the mean of the others' (versions, ...).

    >>> apart_by_value(np.array([1.0, 4.0, 1.0])).tolist()
    [-1.5, 3.0, -1.5]
    """
    count = len(values)
    return (values - values.mean(0)) * count / (count - 1)


def rank_p_value(apart: np.ndarray, own: float | None = None) -> float:
    """Return the share of versions that stand apart (versions,) at least as far as B, or as `own`.

    >>> rank_p_value(np.array([2.5, 4.0, 2.5, 1.0]))
    0.25
    """
    return share_reaching(apart, float(apart[B]) if own is None else own)


def beyond(p_value: float, replicas: int) -> bool:
    """Say whether B stands beyond noise: p at most 0.05, or, with fewer than 18 replicas, further than all of them."""
    return p_value <= max(ALPHA, 1 / (replicas + 2) if replicas else 0.0) + TIED


def excess(by_row: np.ndarray, kin: Sequence[int], seed: int) -> tuple[float, float, float, tuple[float, float]]:
    """Return from differences by row (versions, versions, N) how far B is from A and its replicas on average, how far
    those are from each other, the first minus the second, and its interval over rows.
    """
    own = by_row[B, list(kin)].mean(0)
    inner = by_row[np.ix_(kin, kin)]
    usual = inner.sum((0, 1)) / max(1, len(kin) * (len(kin) - 1))
    interval = bootstrap_mean(own - usual, seed)
    return float(own.mean()), float(usual.mean()), float((own - usual).mean()), interval


def in_words(p_value: float, replicas: int) -> str:
    """Say how B stands among the replicas.

    >>> in_words(0.25, 2)
    'beyond what another seed makes (p = 1/4, the finest that 2 replicas allow)'
    >>> in_words(0.5, 2)
    'no more than another seed makes (p = 1/2)'
    """
    share = Fraction(p_value).limit_denominator(replicas + 2)
    if not beyond(p_value, replicas):
        return f"no more than another seed makes (p = {share})"
    coarse = share == Fraction(1, replicas + 2) and replicas < 18
    finest = (
        f", the finest that {replicas} replica{'s' * (replicas > 1)} allow{'s' * (replicas == 1)}" if coarse else ""
    )
    return f"beyond what another seed makes (p = {share}{finest})"


def control(pool: Pool, otherwise: str) -> str:
    """Return what a finding is held against: the replicas, or without them what the rows alone say."""
    if not pool.replicas:
        return f"{otherwise}; over rows alone, which is narrower: nothing says how much retraining moves"
    count = pool.replicas
    kin = f"{count} replica{'s' * (count > 1)}"
    chance = max(ALPHA, 1 / (count + 2))
    rare = f"a mere retraining looks like this in {100 * chance:.0f} of 100 cases"
    return f"A and its {kin}, trained with other seeds; {rare}"


def standing(pool: Pool, title: str, label: str, values: np.ndarray) -> dict[str, object]:
    """Return a picture of one number by version, sorted, with A and B among the replicas."""
    order = np.argsort(values, kind="stable")
    place = {int(version): rank + 1 for rank, version in enumerate(order)}
    groups = {"replicas of A": list(range(2, len(pool))), "A": [0], "B": [1]}
    lines = {name: ([place[m] for m in members], [values[m] for m in members]) for name, members in groups.items()}
    return points(title, "versions, sorted", label, {name: line for name, line in lines.items() if line[0]})
