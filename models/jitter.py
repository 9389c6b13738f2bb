"""Images moved and turned a little, drawn anew for each: what a recipe may name as its augmentation."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["shift_and_rotate"]


def shift_and_rotate(pixels: float = 2.0, degrees: float = 10.0) -> Callable[[Tensor, torch.Generator], Tensor]:
    """Return (images (N, C, H, W), generator) -> images moved by up to `pixels` and turned by up to `degrees`.

    What comes in from outside is 0. Images are square.

    >>> image = torch.zeros(1, 1, 5, 5)
    >>> shift_and_rotate(0.0, 0.0)(image, torch.Generator()).shape
    torch.Size([1, 1, 5, 5])
    """

    def change(images: Tensor, generator: torch.Generator) -> Tensor:
        draws = 2 * torch.rand(3, len(images), generator=generator) - 1
        angle = draws[0] * math.radians(degrees)
        right, down = 2 * pixels / images.shape[3] * draws[1], 2 * pixels / images.shape[2] * draws[2]
        rows = [torch.stack([angle.cos(), -angle.sin(), right], 1), torch.stack([angle.sin(), angle.cos(), down], 1)]
        grid = functional.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
        return functional.grid_sample(images, grid, align_corners=False)

    return change
