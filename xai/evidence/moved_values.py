"""A row's values at other places, channels kept together: controls for numbers that need every single value."""

from __future__ import annotations

import torch
from torch import Tensor

from xai.evidence.controls import moved_copies

__all__ = ["moved_values"]


def moved_values(values: Tensor, picture: bool, count: int, generator: torch.Generator) -> Tensor:
    """Return copies of values (..., H, W) moved and flipped, or of a list (L, ...) in another order, (count, values).

    Args:
        values: of one row.
        picture: are the last two axes those of an image?
        count: how many copies.
        generator: of the draws.
    """
    if picture:
        height, width = values.shape[-2:]
        positions = torch.arange(height * width, dtype=torch.float64).view(height, width)
        moved = moved_copies(positions, count, generator).long().flatten(1)
        copies = values.reshape(-1, height * width)[:, moved]  # (channels, count, positions)
        return copies.transpose(0, 1).flatten(1)
    orders = torch.stack([torch.randperm(len(values), generator=generator) for _ in range(count)])
    return values[orders].flatten(1)
