"""Maps of a grid in another size: of the steps of a series, the pixels of an image, the voxels of a volume."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d, interpolate

__all__ = ["pooled", "resized"]

# By the sides of a grid.
MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}
POOLS: dict[int, Callable[..., Tensor]] = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}


def resized(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Return maps (N, C, *grid), resized linearly to a grid of this `size` with 1, 2 or 3 sides.

    >>> import torch
    >>> resized(torch.tensor([[[0.0, 4.0]]]), (4,))
    tensor([[[0., 1., 3., 4.]]])
    """
    return interpolate(maps, size=tuple(size), mode=MODES[len(size)], align_corners=False)


def pooled(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Return the means of maps (N, C, *grid) over the cells of a coarser grid of this `size` with 1, 2 or 3 sides.

    >>> import torch
    >>> pooled(torch.tensor([[[0.0, 4.0, 1.0, 1.0]]]), (2,))
    tensor([[[2., 1.]]])
    """
    return POOLS[len(size)](maps, tuple(size))
