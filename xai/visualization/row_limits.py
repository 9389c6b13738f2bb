"""The shape of a row or series, and the range of each of its numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from xai.base.arrays import to_tensor
from xai.base.errors import InputError, describe
from xai.inputs.base import Input

__all__ = ["row_limits", "row_shape"]

DEVIATIONS = 3.0  # a series whose mean and standard deviation are known reaches so many of these from its mean
MOST_STEPS = 1_000_000  # of a series whose input says no length

Limits = tuple[Tensor, Tensor]


class RowKind(NamedTuple):
    """What a kind of rows knows of itself: its shape, its longest series, its limits, and which values are data."""

    shape: Callable[[Any], tuple[int, ...] | None] = lambda input: None
    longest: Callable[[Any], int] = lambda input: MOST_STEPS
    limits: Callable[[Any], Limits | None] = lambda input: None
    data: Callable[[Tensor], Tensor] = lambda values: values


def _series_limits(input: Any) -> Limits | None:
    if input.mean is None or input.std is None:
        return None
    mean, std = torch.tensor(input.mean), torch.tensor(input.std)
    return mean - DEVIATIONS * std, mean + DEVIATIONS * std


ROW_KINDS = {
    "tabular": RowKind(shape=lambda input: (len(input.names),)),
    "sequence": RowKind(
        shape=lambda input: input.shape,
        longest=lambda input: input.length,
        limits=_series_limits,
        data=lambda values: values[(values != 0).any(1)],  # steps of padding are no data
    ),
}
ANY_ROWS = RowKind()


def row_shape(input: Input, size: object, examples: Tensor | None) -> tuple[int, ...]:
    """Return the shape of one row or series: the model's own, or that of examples (n, ...).

    size: how many steps a series has.
    """
    kind = ROW_KINDS.get(input.kind, ANY_ROWS)
    shape = kind.shape(input)
    if shape is None:
        if examples is None:
            raise InputError("start or reference", expected="rows to take the shape from", got="none")
        shape = tuple(examples.shape[1:])
    if size is None:
        return shape
    longest = kind.longest(input)
    if len(shape) != 2 or isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= longest:
        wanted = f"a number of steps from 1 to {longest}" if len(shape) == 2 else "none for a row of a table"
        raise InputError("size", expected=wanted, got=size)
    return (size, shape[1])


def row_limits(input: Input, shape: tuple[int, ...], bounds: object, real: Tensor | None) -> Limits:
    """Return the lowest and highest value of each number: `bounds`, or else the range of the real rows.

    bounds: a pair (low, high), each a number or one per column. Codes of a category run over all its words.
    Raises InputError where neither is known.
    """
    kind = ROW_KINDS.get(input.kind, ANY_ROWS)
    if bounds is not None:
        low, high = _from_bounds(bounds, shape[-1:] if len(shape) <= 2 else (1,))
    elif real is not None:
        values = kind.data(real.flatten(0, -2) if len(shape) <= 2 else real.reshape(-1, 1))
        low, high = values.min(0).values, values.max(0).values
    else:
        declared = kind.limits(input)
        if declared is None:
            wanted = "(low, high), or reference= to take the range from"
            raise InputError("bounds", expected=wanted, got="neither")
        low, high = declared
    low, high = low.clone(), high.clone()
    for name, words in getattr(input, "categorical", {}).items():
        index = input.names.index(name)
        low[index], high[index] = 0.0, float(len(words) - 1)
    if not bool((low <= high).all()) or not bool(torch.isfinite(high - low).all()):
        raise InputError("bounds", expected="finite numbers, low <= high", got=describe(bounds))
    return low, high


def _from_bounds(bounds: object, width: tuple[int, ...]) -> Limits:
    if not isinstance(bounds, tuple | list) or len(bounds) != 2:
        raise InputError("bounds", expected="a pair (low, high)", got=describe(bounds))
    low, high = (_per_column(item, width) for item in bounds)
    return low, high


def _per_column(value: object, width: tuple[int, ...]) -> Tensor:
    numbers = to_tensor(value if not isinstance(value, int | float) else [float(value)], "bounds")
    if tuple(numbers.shape) not in ((1,), tuple(width)):
        raise InputError("bounds", expected=f"a number or {width[0]} of them", got=describe(numbers))
    return numbers.expand(width)
