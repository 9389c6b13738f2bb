"""Does B differ more than another seed would make it? An exact rank test among versions that differ by seed alone.

If B is only another training of A's recipe, then A, B and the k replicas are exchangeable: each is as likely to be the
one that differs most. The share of them that differ at least as much as B is therefore an exact p-value, whatever the
distribution of the differences. It is never below 1 / (k + 2), and each finding says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeVar

import numpy as np

from xai.auditing.compare.versions import B, Ensemble
from xai.auditing.finding_figures import points
from xai.auditing.sentences import sentence
from xai.base.statistics import ALPHA, TIED, bootstrap_mean

__all__ = [
    "among", "beyond", "control", "distance_to_others", "excess_over_null", "excess_over_others", "in_words", "pairs",
    "versions_in_order",
]  # fmt: skip

FINE = 18  # replicas, from which on p can reach 0.05

Item = TypeVar("Item")


def pairs(versions: Sequence[Item], difference: Callable[[Item, Item], np.ndarray]) -> np.ndarray:
    """Return the difference of each pair of versions on each row (versions, versions, N).

    difference: a symmetric function of what two versions predict to numbers (N,).
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


def distance_to_others(differences: np.ndarray) -> np.ndarray:
    """Return how far each version is from all others on average, from differences (versions, versions).

    >>> distance_to_others(np.array([[0.0, 4.0, 1.0], [4.0, 0.0, 4.0], [1.0, 4.0, 0.0]])).tolist()
    [2.5, 4.0, 2.5]
    """
    return differences.sum(1) / (len(differences) - 1)


def excess_over_others(values: np.ndarray) -> np.ndarray:
    """Return how far each version's number lies above the mean of the others' (versions, ...).

    >>> excess_over_others(np.array([1.0, 4.0, 1.0])).tolist()
    [-1.5, 3.0, -1.5]
    """
    count = len(values)
    return (values - values.mean(0)) * count / (count - 1)


def beyond(p_value: float, replicas: int) -> bool:
    """Say whether B differs beyond noise: p at most 0.05, or, with fewer than 18 replicas, more than all of them."""
    return p_value <= max(ALPHA, 1 / (replicas + 2) if replicas else 0.0) + TIED


def excess_over_null(
    by_row: np.ndarray, reference: Sequence[int], seed: int
) -> tuple[float, float, float, tuple[float, float]]:
    """Return from differences by row (versions, versions, N) how far B is from A and its replicas on average, how far
    those are from each other, the first minus the second, and its interval over rows.
    """
    observed = by_row[B, list(reference)].mean(0)
    null = among(by_row, reference)
    interval = bootstrap_mean(observed - null, seed)
    return float(observed.mean()), float(null.mean()), float((observed - null).mean()), interval


def among(by_row: np.ndarray, reference: Sequence[int]) -> np.ndarray:
    """Return how far A and its replicas are from each other on each row; 0 where there are no replicas."""
    return by_row[np.ix_(reference, reference)].sum((0, 1)) / max(1, len(reference) * (len(reference) - 1))


def in_words(p_value: float, replicas: int) -> str:
    """Say in words how B ranks among the replicas.

    >>> in_words(0.25, 2)
    'beyond what another seed makes (p = 1/4, the finest that 2 replicas allow)'
    >>> in_words(0.5, 2)
    'no more than another seed makes (p = 1/2)'
    """
    share = Fraction(p_value).limit_denominator(replicas + 2)
    outcome = "beyond" if beyond(p_value, replicas) else "noise"
    if outcome == "beyond" and share == Fraction(1, replicas + 2) and replicas < FINE:
        outcome = "finest_of_one" if replicas == 1 else "finest"
    return sentence("versions", outcome, {"p": share, "replicas": replicas})


def control(ensemble: Ensemble, finding: str, same: str = "same") -> str:
    """Return what a finding is held against: the replicas, or without them what the rows alone say."""
    count = ensemble.replicas
    if not count:
        return sentence("versions", "against_rows", {"otherwise": sentence(finding, same, {})})
    facts = {"replicas": count, "chance": max(ALPHA, 1 / (count + 2))}
    return sentence("versions", "against_one" if count == 1 else "against_replicas", facts)


def versions_in_order(ensemble: Ensemble, title: str, label: str, values: np.ndarray) -> dict[str, object]:
    """Return a picture of one number by version, sorted, with A and B among the replicas."""
    order = np.argsort(values, kind="stable")
    rank = {int(version): number + 1 for number, version in enumerate(order)}
    groups = {"replicas of A": list(range(2, len(ensemble))), "A": [0], "B": [1]}
    lines = {name: ([rank[m] for m in members], [values[m] for m in members]) for name, members in groups.items()}
    return points(title, "versions, sorted", label, {name: line for name, line in lines.items() if line[0]})
