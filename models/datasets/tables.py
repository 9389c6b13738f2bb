"""From lines of words and numbers to rows of numbers, with the words that the codes stand for kept."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from xai.base.errors import InputError, names_errors
from xai.inputs.base import Input

__all__ = ["categories_of", "encode"]


@names_errors("encode")
def encode(lines: Sequence[Sequence[str]], names: Sequence[str], categorical: dict[str, list[str]]) -> Tensor:
    """Return rows (N, D), float32: the code of each word in a categorical column, else the number itself.

    Raises InputError for a word that the column does not have, or what is no number.

    >>> encode([["3", "red"], ["4", "blue"]], ["size", "color"], {"color": ["blue", "red"]})
    tensor([[3., 1.],
            [4., 0.]])
    """
    columns = []
    for index, name in enumerate(names):
        words = [line[index] for line in lines]
        if name in categorical:
            codes = {word: code for code, word in enumerate(categorical[name])}
            unknown = sorted({word for word in words if word not in codes})
            if unknown:
                wanted = f"one of {', '.join(categorical[name])}"
                raise InputError(f"column {name!r}", expected=wanted, got=repr(unknown[0]))
            columns.append([codes[word] for word in words])
            continue
        try:
            columns.append([float(word) for word in words])
        except ValueError as error:
            raise InputError(f"column {name!r}", expected="numbers", got=str(error)) from error
    return torch.tensor(columns, dtype=torch.float32).T.contiguous()


def categories_of(input: Input) -> list[int]:
    """Return for each column of a TabularInput 0, or its number of categories: what `feedforward` takes."""
    return [len(input.categorical.get(name, ())) for name in input.names]
