"""Sample in rounds until each row's ranking is stable, or all asked for are drawn."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from xai.lime.sampling import group_count
from xai.lime.selection import fit_surrogate
from xai.lime.settings import Settings
from xai.lime.solver import Moments, Surrogate
from xai.lime.stopping import GROWTH, looks_until, unsettled

__all__ = ["Fitted", "fit_rows"]

FIRST_LOOK = 256


@dataclass(frozen=True)
class Fitted:
    """A surrogate of one row with what its sampling came to; `standard_error` is None for a tree.

    weights: (d,). stopped: "stable" (the ranking), "cap" or "fixed". unsettled: two features that could not be ranked.
    """

    weights: Tensor
    standard_error: Tensor | None
    intercept: float
    r2: float | None
    fidelity: float | None
    samples: int
    stopped: str
    unsettled: tuple[int, int] | None
    degrees_of_freedom: int
    kernel_width: float
    untestable: tuple[int, ...] = ()


def fit_rows(
    rows: int,
    size: int,
    width: float,
    sample: Callable[[list[int], Moments, int], None],
    settings: Settings,
    controls: int = 0,
) -> list[Fitted]:
    """Fit the surrogates of `rows` inputs with `size` features and `controls` control variates each.

    sample: called with the rows that still need samples, their moments and the number of samples to reach.
    """
    start = settings.samples or min(settings.most_samples, max(FIRST_LOOK, 4 * size))
    groups = group_count(start, size)
    whole = 2 * groups  # samples come in pairs, as many in each group
    moments = Moments(rows, groups, size, controls)
    looks = looks_until(start, settings.most_samples)
    active, goal = list(range(rows)), start
    done: dict[int, Fitted] = {}
    while active:
        sample(active, moments, goal)
        fit = fit_surrogate(moments, settings.surrogate, settings.penalty, settings.features)
        pairs = unsettled(fit, settings.top, settings.confidence, looks)
        goal = min(settings.most_samples, math.ceil(moments.count * GROWTH)) // whole * whole
        last = settings.samples is not None or goal <= moments.count
        reason = "fixed" if settings.samples is not None else "cap"
        finished = [place for place, pair in enumerate(pairs) if last or pair is None]
        never = _never_varies(moments)
        for place in finished:
            stopped = "stable" if pairs[place] is None and settings.samples is None else reason
            done[active[place]] = _fitted(fit, place, moments.count, stopped, pairs[place], width, never[place])
        left = sorted(set(range(len(active))) - set(finished))
        active, moments.sums = [active[place] for place in left], moments.sums[left]
    return [done[row] for row in range(rows)]


def _never_varies(moments: Moments) -> list[tuple[int, ...]]:
    """Return for each row the features that had one value in every sample: nothing can be said of them."""
    total = moments.sums.sum(1)
    mass = total[:, :1, 0]
    mean = total[:, 0, 1 : moments.size + 1] / mass
    square = total.diagonal(dim1=1, dim2=2)[:, 1 : moments.size + 1] / mass
    flat = (square - mean.square() <= 1e-12 * square.clamp_min(1e-12)).tolist()
    return [tuple(number for number, is_flat in enumerate(row) if is_flat) for row in flat]


def _fitted(
    fit: Surrogate, row: int, samples: int, stopped: str, pair: tuple[int, int] | None, width: float, never: tuple
) -> Fitted:
    r2, fidelity = float(fit.r2[row]), float(fit.fidelity[row])
    return Fitted(
        fit.weights[row], fit.standard_error[row], float(fit.intercept[row]), None if math.isnan(r2) else r2,
        None if math.isnan(fidelity) else fidelity, samples, stopped, pair, fit.degrees_of_freedom, width, never,
    )  # fmt: skip
