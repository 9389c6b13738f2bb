"""The tokens of a batch as one number each: its id, its token type, and whether the network attends to it.

One tensor (N, L) travels through sessions, explanations and files as any other input does; it is taken apart where the
network is called.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from xai.base.errors import InputError, describe

__all__ = ["TYPE", "Tokens", "pack", "unpack"]

TYPE = 2**32  # a token of type 1 has its id and this


class Tokens(NamedTuple):
    """What a network is called with: ids, 1 where it attends and 0 at padding, and token types, each (N, L) int64."""

    ids: Tensor
    mask: Tensor
    types: Tensor


def pack(ids: Tensor, mask: Tensor | None = None, types: Tensor | None = None) -> Tensor:
    """Return one number per token, (N, L) in int64: the id, where the network attends to it and its type is 0.

    Args:
        ids: (N, L).
        mask: 0 where the network attends to nothing, (N, L); None attends to all.
        types: Token types, (N, L); None is 0.

    Raises:
        InputError: They are no whole numbers of one shape (N, L).

    >>> pack(torch.tensor([[7, 9, 0]]), torch.tensor([[1, 1, 0]]), torch.tensor([[0, 1, 0]])).tolist()
    [[7, 4294967305, -1]]
    """
    tensors = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
    for name, part in tensors.items():
        if part is not None and (part.ndim != 2 or part.shape != ids.shape or part.is_floating_point()):
            raise InputError(name, expected="whole numbers (N, L), as many as input_ids", got=describe(part))
    numbers = ids.long() if types is None else ids.long() + types.long() * TYPE
    return numbers if mask is None else torch.where(mask.bool(), numbers, ~numbers)


def unpack(numbers: Tensor) -> Tokens:
    """Return the ids, attention mask and token types of what `pack` made.

    Args:
        numbers: (N, L).

    >>> [part.tolist() for part in unpack(torch.tensor([[7, 4294967305, -1]]))]
    [[[7, 9, 0]], [[1, 1, 0]], [[0, 1, 0]]]
    """
    mask = numbers >= 0
    kept = torch.where(mask, numbers, ~numbers)
    return Tokens(kept % TYPE, mask.long(), kept // TYPE)
