"""Parts of several inputs: those of each kind with their names, and what is hidden of them."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import msgspec
import torch
from torch import Tensor

from xai.inputs.base import Input
from xai.inputs.hiding import Replacing
from xai.inputs.text import TextInput
from xai.inputs.text_columns import as_codes

__all__ = ["Companion", "Shown", "layout_of", "named_cut", "names_of_numbers", "shapes_in", "tokens_by_name", "whole"]


class Companion(msgspec.Struct, frozen=True):
    """A tensor that the network needs and that is not explained: a mask, lengths, the edges of a graph.

    Args:
        shape: Of one row's.
        dtype: What the network gets, by the name of torch.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"


@dataclass(frozen=True)
class Shown(Replacing):
    """Parts are replaced, and what belongs to none of them, `never` (N, D), is always shown."""

    never: Tensor

    def _shown(self, rows: Tensor, masks: Tensor) -> Tensor:
        return super()._shown(rows, masks) | self.never[rows]


def whole(name: str, kind: Input, part: Tensor) -> tuple[Tensor, list[list[str]]]:
    """Return the labels (N, *positions) of an input as one part, and what it is called, by row."""
    labels = torch.zeros(len(part), *kind.positions(part), dtype=torch.int64, device=part.device)
    return labels.masked_fill(part < 0, -1) if isinstance(kind, TextInput) else labels, [[name] for _ in part]


def named_cut(name: str, kind: Input, part: Tensor, seed: int) -> tuple[Tensor, list[list[str]]]:
    """Return the labels of an input's own parts and what each is called, by row."""
    if isinstance(kind, TextInput):  # a word that occurs twice is two parts, as for occlusion
        cut = kind.parts(as_codes(part), ("words", "position"), seed)
    else:
        cut = kind.parts(part, None, seed)
    labels = cut.labelled()
    counts = (labels.flatten(1).amax(1) + 1).tolist()
    columns = [str(column) for column in kind.names] if cut.over == "features" else []
    known = cut.names or [columns if len(columns) == count else list(map(str, range(count))) for count in counts]
    return labels, [[f"{name} {called}" for called in row] for row in known]


def shapes_in(width: int, shapes: Mapping[str, Sequence[int]], texts: Collection[str]) -> dict[str, tuple[int, ...]]:
    """Return the shape of each part of rows of so many numbers: texts share evenly what the others leave.

    >>> shapes_in(10, {"image": (2, 2), "title": (0,), "body": (0,)}, ["title", "body"])
    {'image': (2, 2), 'title': (3,), 'body': (3,)}
    """
    found = {name: tuple(shape) for name, shape in shapes.items()}
    left = width - sum(map(prod, found.values()))
    return found | {name: (left // len(texts),) for name in texts}


def names_of_numbers(kinds: Mapping[str, Input], shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, ...]:
    """Return a name for each number of a row: the part, and the column or position in it."""
    found: list[str] = []
    for name, shape in shapes.items():
        column_names = tuple(kinds[name].names) if name in kinds and len(shape) == 1 else ()
        indices = column_names if len(column_names) == prod(shape) else map(list, product(*map(range, shape)))
        found += [f"{name} {position}" for position in indices]
    return tuple(found)


def layout_of(kinds: Mapping[str, Input], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, list]:
    """Return how each part is drawn, "" for a companion, its shape (texts have none), and its columns."""
    found: dict[str, list] = {name: ["", list(shape), []] for name, shape in shapes.items()}
    for name, kind in kinds.items():
        found[name][0], found[name][2] = kind.drawing, list(map(str, kind.names))
    return found


def tokens_by_name(parts: Mapping[str, Any], taken: Container[str]) -> dict[str, Any]:
    """Return parts with what a tokenizer made under its own names, where a network takes those and not the text's."""
    found: dict[str, Any] = {}
    for name, part in parts.items():
        apart = isinstance(part, dict) and name not in taken and "input_ids" in taken
        found |= {key: tensor for key, tensor in part.items() if key in taken} if apart else {name: part}
    return found
