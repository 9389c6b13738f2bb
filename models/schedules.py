"""Learning rates over a training run: a factor by how much of it is done. Nothing to remember, so a run can resume."""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["SCHEDULES"]

# one-cycle: share of the run that warms up, and the factors that it starts and ends with.
WARM, FIRST, LAST = 0.3, 1 / 25, 1e-5


def constant(done: float) -> float:
    """Return 1."""
    return 1.0


def linear(done: float) -> float:
    """Fall from 1 to 0 in a straight line.

    >>> linear(0.25)
    0.75
    """
    return 1.0 - done


def cosine(done: float) -> float:
    """Fall from 1 to 0 along half a cosine. Source: Loshchilov, Hutter 2017, arXiv:1608.03983.

    >>> round(cosine(0.5), 6)
    0.5
    """
    return (1 + math.cos(math.pi * done)) / 2


def one_cycle(done: float) -> float:
    """Rise from 1/25 to 1 for 30 % of the run, then fall to almost 0, both along a cosine.

    Source: Smith, Topin 2018, arXiv:1708.07120; torch.optim.lr_scheduler.OneCycleLR without its cycle of momentum.

    >>> [round(one_cycle(done), 2) for done in (0, 0.3, 1)]
    [0.04, 1.0, 0.0]
    """
    if done < WARM:
        return FIRST + (1 - FIRST) * (1 - cosine(done / WARM))
    return LAST + (1 - LAST) * cosine((done - WARM) / (1 - WARM))


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "linear": linear,
    "cosine": cosine,
    "one-cycle": one_cycle,
}
