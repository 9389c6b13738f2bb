"""Regions of an input that could decide: cells of an image, columns of a table, windows of a series, a word."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from xai.auditing.kinds import kind_of, made_for, present_steps, texts_of
from xai.model.model import Model

__all__ = ["Region", "regions_of"]

GRID, WINDOWS, SERIES = 6, 8, 16


class Region(NamedTuple):
    """A region of an input: its name, how it is pasted from other rows (inputs, donors) -> inputs, and its numbers.

    values: (inputs) -> (N, d), None where there are none. edge: does it lie where no object should be?
    """

    name: str
    paste: Callable[[Tensor, Tensor], Tensor | list[str]]
    values: Callable[[Tensor], Tensor] | None
    edge: bool


def regions_of(model: Model, inputs: Tensor) -> list[Region]:
    """Return the regions of a model's inputs (N, ...); raises Untestable for an unknown kind."""
    return made_for(REGIONS, kind_of(model, inputs))(model, inputs)


def _words(model: Model, inputs: Tensor) -> list[Region]:
    return [Region(f"the {end} word", _word_paste(model, end), None, True) for end in ("first", "last")]


def _columns(model: Model, inputs: Tensor) -> list[Region]:
    columns = torch.arange(inputs.shape[1])
    return [_masked(name, columns == number, True) for number, name in enumerate(model.input.names)]


def _cells(model: Model, inputs: Tensor) -> list[Region]:
    height, width = inputs.shape[2:]
    rows, columns = _bands(height), _bands(width)
    ring = torch.ones(height, width, dtype=torch.bool)
    ring[rows[0].stop : rows[-1].start, columns[0].stop : columns[-1].start] = False
    found = [_masked("the whole border", ring, True)]
    for i, down in enumerate(rows):
        for j, right in enumerate(columns):
            mask = torch.zeros(height, width, dtype=torch.bool)
            mask[down, right] = True
            edge = i in (0, len(rows) - 1) or j in (0, len(columns) - 1)
            found.append(_masked(f"the cell in row {i + 1}, column {j + 1} of {len(rows)}", mask, edge))
    return found


def _bands(length: int) -> list[slice]:
    count = min(GRID, length)
    edges = [round(length * number / count) for number in range(count + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]


def _windows(model: Model, inputs: Tensor) -> list[Region]:
    steps, series = inputs.shape[1:]
    size = max(1, math.ceil(steps / WINDOWS))
    found = []
    for start in range(0, steps, size):
        mask = torch.zeros(steps, series, dtype=torch.bool)
        mask[start : start + size] = True
        found.append(
            _masked(f"steps {start + 1} to {min(start + size, steps)}", mask, start in (0, steps - size), padded=True)
        )
    if series >= WINDOWS:  # of a few series, each is no detail but much of the input
        for number in range(min(series, SERIES)):
            mask = torch.zeros(steps, series, dtype=torch.bool)
            mask[:, number] = True
            found.append(_masked(f"series {number + 1}", mask, False, padded=True))
    return found


def _numbers(model: Model, inputs: Tensor) -> list[Region]:
    flat = torch.arange(math.prod(inputs.shape[1:]))
    return [
        _masked(f"number {number + 1}", (flat == number).view(inputs.shape[1:]), True)
        for number in flat[:SERIES].tolist()
    ]


def _masked(name: str, mask: Tensor, edge: bool, *, padded: bool = False) -> Region:
    """Return a region of the numbers that a mask has; padded: steps that are padding stay it."""

    def paste(inputs: Tensor, donors: Tensor) -> Tensor:
        if not padded:
            return torch.where(mask, donors, inputs)
        both = (present_steps(inputs) & present_steps(donors))[..., None]  # padding stays padding
        return torch.where(mask & both, donors, inputs)

    def values(inputs: Tensor) -> Tensor:
        return inputs[..., mask].flatten(1)

    return Region(name, paste, values, edge)


def _word_paste(model: Model, end: str) -> Callable[[Tensor, Tensor], list[str]]:
    def paste(inputs: Tensor, donors: Tensor) -> list[str]:
        changed = []
        for text, other in zip(texts_of(model, inputs), texts_of(model, donors), strict=True):
            words, source = text.split(), other.split()
            if words and source:
                words = [source[0], *words] if end == "first" else [*words, source[-1]]
            changed.append(" ".join(words) or text)
        return changed

    return paste


REGIONS = {
    "text": _words, "table": _columns, "image": _cells, "grid": _cells, "series": _windows, "steps": _windows,
    "numbers": _numbers,
}  # fmt: skip
