"""Rows of a table and series, as an ascent changes them: within bounds, or within the range of real ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from xai.base.arrays import to_tensor
from xai.base.errors import InputError, describe
from xai.inputs.base import Input
from xai.visualization.image_parameterizations import pixels
from xai.visualization.parameterization import Canvas, Measure

__all__ = ["row_canvas", "row_limits", "row_shape"]

CHANGE = 0.02  # the small change of a number, as a share of its range
SPREAD = 3.0  # a series whose mean and spread are known reaches so many spreads from its mean


MOST_STEPS = 1_000_000  # of a series whose input says no length


def row_shape(input: Input, size: int | None, examples: Tensor | None) -> tuple[int, ...]:
    """Return the shape of one row or series: the model's own, or that of examples (n, ...).

    size: how many steps a series has.
    """
    if input.kind == "tabular":
        shape = (len(input.names),)
    elif input.kind == "sequence":
        shape = input.shape
    elif examples is not None:
        shape = tuple(examples.shape[1:])
    else:
        raise InputError("start or reference", expected="rows to take the shape from", got="none")
    if size is None:
        return shape
    longest = input.length if input.kind == "sequence" else MOST_STEPS
    if len(shape) != 2 or isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= longest:
        wanted = f"a number of steps from 1 to {longest}" if len(shape) == 2 else "none for a row of a table"
        raise InputError("size", expected=wanted, got=size)
    return (size, shape[1])


def row_limits(input: Input, shape: tuple[int, ...], bounds: object, real: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the lowest and highest value of each number: `bounds`, or else the range of the real rows.

    bounds: a pair (low, high), each a number or one per column. Codes of a category run over all its words.
    Raises InputError where neither is known.
    """
    width = shape[-1:] if len(shape) <= 2 else (1,)
    if bounds is not None:
        if not isinstance(bounds, tuple | list) or len(bounds) != 2:
            raise InputError("bounds", expected="a pair (low, high)", got=describe(bounds))
        low, high = (_per_column(item, width) for item in bounds)
    elif real is not None:
        values = real.flatten(0, -2) if len(shape) <= 2 else real.reshape(-1, 1)
        if input.kind == "sequence":
            values = values[(values != 0).any(1)]  # steps of padding are no data
        low, high = values.min(0).values, values.max(0).values
    elif input.kind == "sequence" and input.mean is not None and input.std is not None:
        mean, spread = torch.tensor(input.mean), torch.tensor(input.std)
        low, high = mean - SPREAD * spread, mean + SPREAD * spread
    else:
        raise InputError("bounds", expected="(low, high), or reference= to take the range from", got="neither")
    low, high = low.clone(), high.clone()
    for name, words in getattr(input, "categorical", {}).items():
        place = input.names.index(name)
        low[place], high[place] = 0.0, float(len(words) - 1)
    if not bool((low <= high).all()) or not bool(torch.isfinite(high - low).all()):
        raise InputError("bounds", expected="finite numbers, low <= high", got=describe(bounds))
    return low, high


def row_canvas(
    input: Input,
    shape: tuple[int, ...],
    generators: Sequence[torch.Generator],
    limits: tuple[Tensor, Tensor],
    *,
    start: Tensor | None,
    vary: bool,
    clip: bool,
) -> Canvas:
    """Return a canvas of rows or series; the codes of categories are chosen by trying every one of them."""
    low, high = limits
    width = (high - low).clamp_min(torch.finfo(low.dtype).tiny)
    names = list(getattr(input, "categorical", {}))
    places = [input.names.index(name) for name in names]
    free = torch.ones(shape[-1], device=low.device)
    free[places] = 0
    counts = [len(input.categorical[name]) for name in names]

    def absorb(rows: Tensor) -> Tensor:
        return (rows - low) / width

    def codes(rows: Tensor) -> Tensor:
        """Return rows in which every category has one of its codes."""
        rows = rows.clone()
        for place, count in zip(places, counts):
            rows[..., place] = (rows[..., place] * (count - 1)).round().clamp(0, count - 1) / max(count - 1, 1)
        return rows

    def search(values: Tensor, measure: Measure) -> Tensor:
        values = values.clone()
        for place, count in zip(places, counts):
            tried = values[:, None].repeat(1, count, *[1] * len(shape))
            tried[..., place] = torch.arange(count, device=values.device).to(values) / max(count - 1, 1)
            reached = measure(low + tried.flatten(0, 1) * (high - low), count).view(len(values), count)
            values = tried[torch.arange(len(values)), reached.argmax(1)]
        return values

    def changed(rows: Tensor, draws: Sequence[torch.Generator]) -> Tensor:
        noise = torch.stack([torch.randn(tuple(rows.shape[1:]), generator=draw) for draw in draws])
        moved = rows + CHANGE * noise.to(rows) * free
        return moved.clamp(0, 1) if clip else moved

    made = pixels(shape, generators, start=None if start is None else absorb(start), clip=clip)
    return Canvas(
        values=codes(made.values.to(low)),
        draw=lambda values, progress: values * free + (values * (1 - free)).detach(),
        noise=lambda generator, count: codes(torch.rand(count, *shape, generator=generator).to(low)),
        present=lambda rows: low + rows * (high - low),
        absorb=absorb,
        **({"vary": changed} if vary else {}),
        change=changed,
        settle=made.settle,
        search=search if places else None,
    )


def _per_column(value: object, width: tuple[int, ...]) -> Tensor:
    numbers = to_tensor(value if not isinstance(value, int | float) else [float(value)], "bounds")
    if tuple(numbers.shape) not in ((1,), tuple(width)):
        raise InputError("bounds", expected=f"a number or {width[0]} of them", got=describe(numbers))
    return numbers.expand(width)
