"""Parts of an input that could be marks: cells of an image, columns of a table, words or stretches at a place."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from xai.auditing.row_features import texts_of
from xai.inputs.table import TabularInput
from xai.model.model import Model

__all__ = ["Part", "parts_of"]

GRID, STRETCHES, SERIES = 6, 8, 16


class Part(NamedTuple):
    """A part of an input: its name, how it is pasted from other rows (inputs, donors) -> inputs, and its numbers.

    values: (inputs) -> (N, d), None where there are none. edge: does it lie where no object should be?
    """

    name: str
    paste: Callable[[Tensor, Tensor], object]
    values: Callable[[Tensor], Tensor] | None
    edge: bool


def parts_of(model: Model, inputs: Tensor) -> list[Part]:
    """Return the parts of a model's inputs (N, ...)."""
    if not inputs.is_floating_point():
        return [Part(f"{place} word", _word_paste(model, place), None, True) for place in ("first", "last")]
    if isinstance(model.input, TabularInput):
        return [
            _masked(name, torch.arange(inputs.shape[1]) == place, True) for place, name in enumerate(model.input.names)
        ]
    if inputs.ndim == 4:
        return _cells(*inputs.shape[2:])
    if inputs.ndim == 3:
        return _stretches(*inputs.shape[1:])
    flat = torch.arange(math.prod(inputs.shape[1:]))
    return [
        _masked(f"number {place + 1}", (flat == place).view(inputs.shape[1:]), True) for place in flat[:SERIES].tolist()
    ]


def _cells(height: int, width: int) -> list[Part]:
    rows, columns = _bands(height), _bands(width)
    found = []
    ring = torch.ones(height, width, dtype=torch.bool)
    ring[rows[0].stop : rows[-1].start, columns[0].stop : columns[-1].start] = False
    found.append(_masked("the whole border", ring, True))
    for i, down in enumerate(rows):
        for j, right in enumerate(columns):
            mask = torch.zeros(height, width, dtype=torch.bool)
            mask[down, right] = True
            edge = i in (0, len(rows) - 1) or j in (0, len(columns) - 1)
            found.append(_masked(f"cell in row {i + 1}, column {j + 1} of {len(rows)}", mask, edge))
    return found


def _bands(length: int) -> list[slice]:
    count = min(GRID, length)
    edges = [round(length * place / count) for place in range(count + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]


def _stretches(steps: int, series: int) -> list[Part]:
    size = max(1, math.ceil(steps / STRETCHES))
    found = []
    for start in range(0, steps, size):
        mask = torch.zeros(steps, series, dtype=torch.bool)
        mask[start : start + size] = True
        found.append(_masked(f"steps {start + 1} to {min(start + size, steps)}", mask, start in (0, steps - size)))
    if series >= STRETCHES:  # of a few series, each is no mark but much of the input
        for place in range(min(series, SERIES)):
            mask = torch.zeros(steps, series, dtype=torch.bool)
            mask[:, place] = True
            found.append(_masked(f"series {place + 1}", mask, False))
    return found


def _masked(name: str, mask: Tensor, edge: bool) -> Part:
    def paste(inputs: Tensor, donors: Tensor) -> Tensor:
        if inputs.ndim != 3:
            return torch.where(mask, donors, inputs)
        both = (inputs != 0).any(2, keepdim=True) & (donors != 0).any(2, keepdim=True)  # padding stays padding
        return torch.where(mask & both, donors, inputs)

    def values(inputs: Tensor) -> Tensor:
        return inputs[..., mask].flatten(1)

    return Part(name, paste, values, edge)


def _word_paste(model: Model, place: str) -> Callable[[Tensor, Tensor], list[str]]:
    def paste(inputs: Tensor, donors: Tensor) -> list[str]:
        changed = []
        for text, other in zip(texts_of(model, inputs), texts_of(model, donors)):
            words, given = text.split(), other.split()
            if words and given:
                words = [given[0], *words] if place == "first" else [*words, given[-1]]
            changed.append(" ".join(words) or text)
        return changed

    return paste
