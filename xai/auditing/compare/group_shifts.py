"""Where B differs: groups of rows against what replicas do there, with one test for all groups together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from xai.auditing.compare.replica_test import excess_over_others
from xai.auditing.compare.versions import A, B, Ensemble, Group
from xai.base.statistics import bootstrap_mean, holm, rank_p_value

__all__ = ["GroupShift", "group_shifts"]


@dataclass(frozen=True)
class GroupShift:
    """What happens in a group of rows under A, B and, on average, A and its replicas (reference), and what B has more.

    p_value: that this is noise, corrected for all groups of the comparison together. low, high: of `more`, over rows.
    """

    group: str
    rows: int
    a: float
    b: float
    reference: float
    more: float
    low: float
    high: float
    p_value: float

    def to_dict(self) -> dict[str, object]:
        """Return it as plain data."""
        return asdict(self)


def group_shifts(
    ensemble: Ensemble,
    values: np.ndarray,
    gained: np.ndarray,
    groups: Sequence[Group],
    by_rows: Callable[[list[np.ndarray]], list[float]],
    seed: int,
) -> list[GroupShift]:
    """Return each group, the most certain first.

    values (versions, N): what happens on each row under each version, from 0 to 1. gained (N,): what B has more. With
    replicas, each version gets the largest of its groups' standardized gains; the share of versions in which that
    reaches a group's gain under B is the group's p-value, exact for all groups together (Westfall and Young's largest
    statistic, 1993, with versions in place of permutations). Without, by_rows returns the groups' p-values from their
    masks, corrected by Holm's rule.
    """
    masks = [group.mask for group in groups]
    means = np.stack([values[:, mask].mean(1) for mask in masks], 1)  # (versions, groups)
    sizes = np.array([mask.sum() for mask in masks])
    if ensemble.replicas:
        usual = means.mean(0)
        scale = np.sqrt(np.clip(usual * (1 - usual), 1 / sizes, None) / sizes)
        gains = excess_over_others(means) / scale
        most = gains.max(1)
        p_values = [rank_p_value(most, float(gain)) for gain in gains[B]]
    else:
        p_values = holm(by_rows(masks))
    found = []
    for number, (group, p_value) in enumerate(zip(groups, p_values, strict=True)):
        inside = gained[group.mask]
        rates = (means[A, number], means[B, number], means[ensemble.reference, number].mean())
        found.append(
            GroupShift(
                group.name, int(sizes[number]), *map(float, rates), float(inside.mean()),
                *bootstrap_mean(inside, seed), p_value,
            )
        )  # fmt: skip
    return most_certain_first(found)


def most_certain_first(shifts: list[GroupShift]) -> list[GroupShift]:
    """Return the groups in which B has more, the most certain first, then the others."""
    return sorted(shifts, key=lambda shift: (shift.more <= 0, shift.p_value, -shift.more))
