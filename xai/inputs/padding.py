"""Padding: inputs of different lengths in one batch end in positions that hold no data."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["up_to_last"]


def up_to_last(data: Tensor) -> Tensor:
    """Return True for all positions up to the last one that holds data, (N, L) of bool.

    Args:
        data: which positions hold data, (N, L) of bool; a gap between two of them is no padding.

    >>> up_to_last(torch.tensor([[True, False, True, False]]))
    tensor([[ True,  True,  True, False]])
    """
    positions = torch.arange(1, data.shape[1] + 1, device=data.device)
    return positions <= (data * positions).amax(1, keepdim=True)
