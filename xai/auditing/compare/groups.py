"""Where B moved: groups of rows against what replicas do there, with one test for all groups together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from xai.auditing.compare.ensemble import A, B, Pool
from xai.auditing.compare.null_shift import apart_by_value, rank_p_value
from xai.base.statistics import bootstrap_mean, holm

__all__ = ["GroupMove", "group_moves"]


@dataclass(frozen=True)
class GroupMove:
    """What happens in a group of rows under A, B and, on average, A and its replicas (kin), and what B has more.

    p_value: that this is noise, corrected for all groups of the comparison together. low, high: of `more`, over rows.
    """

    group: str
    rows: int
    a: float
    b: float
    kin: float
    more: float
    low: float
    high: float
    p_value: float

    def to_dict(self) -> dict[str, object]:
        """Return it as plain data."""
        return asdict(self)


def group_moves(
    pool: Pool,
    values: np.ndarray,
    gained: np.ndarray,
    groups: Sequence[tuple[str, np.ndarray]],
    by_rows: Callable[[list[np.ndarray]], list[float]],
    seed: int,
) -> list[GroupMove]:
    """Return each group, the most certain first.

    values (versions, N): what happens on each row under each version, from 0 to 1. gained (N,): what B has more.
    groups: names and masks (N,). With replicas, each version gets the largest of its groups' standardized gains; the
    share of versions in which that reaches a group's gain under B is the group's p-value, exact for all groups together
    (Westfall and Young's largest statistic, 1993, with versions in place of permutations). Without, by_rows returns
    the groups' p-values from their masks, corrected by Holm's rule.
    """
    masks = [mask for _, mask in groups]
    means = np.stack([values[:, mask].mean(1) for mask in masks], 1)  # (versions, groups)
    sizes = np.array([mask.sum() for mask in masks])
    if pool.replicas:
        usual = means.mean(0)
        scale = np.sqrt(np.clip(usual * (1 - usual), 1 / sizes, None) / sizes)
        gains = apart_by_value(means) / scale
        most = gains.max(1)
        p_values = [rank_p_value(most, float(gain)) for gain in gains[B]]
    else:
        p_values = holm(by_rows(masks))
    found = []
    for place, (name, mask) in enumerate(groups):
        low, high = bootstrap_mean(gained[mask], seed)
        parts = (float(means[A, place]), float(means[B, place]), float(means[pool.kin, place].mean()))
        found.append(GroupMove(name, int(sizes[place]), *parts, float(gained[mask].mean()), low, high, p_values[place]))
    return sorted(found, key=lambda move: (move.more <= 0, move.p_value, -move.more))
