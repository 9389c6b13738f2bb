"""Kinds of input, as an audit tells them apart: what is made for a kind stands in tables of functions by its name.

A kind that a table lacks is untestable there, by name: a new kind of input needs lines in these tables, no other code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor

from xai.auditing.verdicts import Untestable
from xai.inputs.base import Input
from xai.inputs.text import FIRST_WORD, TextInput, to_texts
from xai.model.model import Model

__all__ = ["class_names", "kind_of", "made_for", "present_steps", "spread_of", "table_of", "texts_of", "value_range"]

Made = TypeVar("Made")


def kind_of(model: Model, inputs: Tensor) -> str:
    """Return the kind of a model's inputs (N, ...): "image", "table", "series" or "text", or another declared one.

    A tensor is a "grid" (N, C, H, W), "steps" (N, T, D), or else "numbers".
    """
    return model.input.form(inputs)


def made_for(table: Mapping[str, Made], kind: str) -> Made:
    """Return what a table has for a kind of input; raises Untestable where it has nothing."""
    if kind not in table:
        raise Untestable("kind", kind=kind)
    return table[kind]


def table_of(model: Model) -> Input | None:
    """Return the columns of a model of tables, or None."""
    return model.input if model.input.tabular else None


def class_names(model: Model, outputs: int) -> list[str]:
    """Return the names of the classes, or their numbers where they have no names."""
    return model.classes or [str(number) for number in range(outputs)]


def value_range(model: Model, inputs: Tensor) -> tuple[float, float]:
    """Return the smallest and largest value that an input may have, or that these have."""
    return getattr(model.input, "limits", None) or (float(inputs.min()), float(inputs.max()))


def present_steps(series: Tensor) -> Tensor:
    """Return which steps of series (N, T, D) are no padding (N, T)."""
    return (series != 0).any(2)


def texts_of(model: Model, batch: Tensor) -> list[str]:
    """Return texts as strings; numbers of words become those words, unknown ones a word that is none of them."""
    if batch.dtype == torch.int32:
        return to_texts(batch)
    words, unknown = TextInput.of(model.input).vocabulary, "unknown"
    while unknown in words:
        unknown += "x"
    return [
        " ".join(words[number - FIRST_WORD] if number >= FIRST_WORD else unknown for number in row if number > 0)
        or unknown
        for row in batch.tolist()
    ]


def spread_of(model: Model, inputs: Tensor) -> Tensor:
    """Return the standard deviation of each column or series, broadcast against a batch; 0 of a category.

    Of images it is the range of a pixel.
    """
    return made_for(SPREADS, kind_of(model, inputs))(model, inputs)


def _columns_spread(model: Model, inputs: Tensor) -> Tensor:
    table = model.input
    known = torch.where(inputs.isnan(), inputs.nanmean(0), inputs)  # gaps of a table
    return torch.where(torch.tensor([name in table.categorical for name in table.names]), 0.0, known.std(0))


def _series_spread(model: Model, inputs: Tensor) -> Tensor:
    present = present_steps(inputs)
    if int(present.sum()) > 1:
        return inputs[present].std(0)
    return inputs.new_zeros(inputs.shape[2])  # all is padding


def _image_spread(model: Model, inputs: Tensor) -> Tensor:
    low, high = value_range(model, inputs)
    return torch.tensor(high - low)


SPREADS = {
    "table": _columns_spread, "image": _image_spread, "grid": _image_spread, "series": _series_spread,
    "steps": _series_spread, "numbers": lambda model, inputs: inputs.std(),
}  # fmt: skip
