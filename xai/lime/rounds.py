"""Sample in rounds until each row's ranking is stable, or all asked for are drawn."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from xai.base.memory_limits import check_room
from xai.lime.mask_sampling import group_count
from xai.lime.selection import fit_surrogate
from xai.lime.settings import Settings
from xai.lime.solver import Moments, Surrogate
from xai.lime.stopping import GROWTH, interim_analyses, undecided_pairs

__all__ = ["Fitted", "fit_rows"]

FIRST_ANALYSIS = 256


@dataclass(frozen=True)
class Fitted:
    """A surrogate of one row with what its sampling came to; `standard_error` is None for a tree.

    weights: (d,). stopped: "stable" (the ranking), "cap" or "fixed". undecided: two features that could not be ranked.
    """

    weights: Tensor
    standard_error: Tensor | None
    intercept: float
    r2: float | None
    fidelity: float | None
    samples: int
    stopped: str
    undecided: tuple[int, int] | None
    degrees_of_freedom: int
    kernel_width: float
    untestable: tuple[int, ...] = ()


# Matrices of sums that are in memory at the peak of a fit, as measured at 2,000 and at 4,000 parts.
SUMS_AT_ONCE = 6


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
    start = settings.samples or min(settings.most_samples, max(FIRST_ANALYSIS, 4 * size))
    groups = group_count(start, size)
    whole = 2 * groups  # samples come in pairs, as many in each group
    check_room(
        "inputs",
        SUMS_AT_ONCE * rows * groups * 8 * (size + controls + 2) ** 2,
        f"a surrogate of {size:,} parts",
        "cut the input into fewer parts, or give fewer rows at a time",
    )
    moments = Moments(rows, groups, size, controls)
    analyses = interim_analyses(start, settings.most_samples)
    active, target_count = list(range(rows)), start
    done: dict[int, Fitted] = {}
    while active:
        sample(active, moments, target_count)
        fit = fit_surrogate(moments, settings.surrogate, settings.penalty, settings.features)
        pairs = undecided_pairs(fit, settings.top, settings.confidence, analyses)
        target_count = min(settings.most_samples, math.ceil(moments.count * GROWTH)) // whole * whole
        last = settings.samples is not None or target_count <= moments.count
        reason = "fixed" if settings.samples is not None else "cap"
        finished = [position for position, pair in enumerate(pairs) if last or pair is None]
        stopped = ["stable" if pair is None and settings.samples is None else reason for pair in pairs]
        for position, fitted in zip(finished, _fitted(fit, finished, moments, stopped, pairs, width), strict=True):
            done[active[position]] = fitted
        left = sorted(set(range(len(active))) - set(finished))
        active = [active[position] for position in left]
        moments.keep(left)
    return [done[row] for row in range(rows)]


def _never_varies(moments: Moments) -> list[tuple[int, ...]]:
    """Return for each row the features that had one value in every sample: nothing can be said of them."""
    varies = moments.totals.varies
    if bool(varies.all()):
        return [()] * len(varies)
    return [tuple(number for number, found in enumerate(row) if not found) for row in varies.tolist()]


def _fitted(
    fit: Surrogate, finished: list[int], moments: Moments, stopped: list[str], pairs: list, width: float
) -> list[Fitted]:
    never = _never_varies(moments)
    weights, errors = fit.weights.unbind(), fit.standard_error.unbind()
    intercept, r2, fidelity = (numbers.tolist() for numbers in (fit.intercept, fit.r2, fit.fidelity))
    return [
        Fitted(
            weights[row], errors[row], intercept[row], None if math.isnan(r2[row]) else r2[row],
            None if math.isnan(fidelity[row]) else fidelity[row], moments.count, stopped[row], pairs[row],
            fit.degrees_of_freedom, width, never[row],
        )
        for row in finished
    ]  # fmt: skip
