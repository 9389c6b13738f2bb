"""A row's values at other places, channels kept together: controls for numbers that need every single value."""

from __future__ import annotations

import torch
from torch import Tensor

from xai.evidence.controls import moved_copies

__all__ = ["moved_values"]


def moved_values(values: Tensor, sides: int, count: int, generator: torch.Generator) -> Tensor:
    """Return copies of values (..., H, W) moved and flipped, or of a list (L, ...) in another order, (count, values).

    Args:
        values: of one row.
        sides: how many of the last axes are those of an image or a volume; below 2 it is a list.
        count: how many copies.
        generator: of the draws.
    """
    if sides > 1:
        shape = values.shape[-sides:]
        positions = torch.arange(shape.numel(), dtype=torch.float64).view(shape)
        moved = moved_copies(positions, count, generator).long().flatten(1)
        copies = values.reshape(-1, shape.numel())[:, moved]  # (channels, count, positions)
        return copies.transpose(0, 1).flatten(1)
    orders = torch.stack([torch.randperm(len(values), generator=generator) for _ in range(count)])
    return values[orders].flatten(1)
