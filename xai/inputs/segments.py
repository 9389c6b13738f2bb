"""Cut an image into the parts that a method switches on and off."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xai.base.errors import InputError
from xai.inputs.parts import given_labels, renumbered

__all__ = ["SEGMENTATIONS", "grid_labels", "make_segments"]

SEGMENTATIONS = ("auto", "slic", "quickshift", "felzenszwalb", "grid")
# Below this many pixels a side, superpixels are a few pixels each and follow noise: a grid says as much.
SMALL = 64


def make_segments(segments: object, images: Tensor, seed: int) -> tuple[Tensor, str]:
    """Return labels 0 .. d-1 for each image, (N, H, W) as int64, and the name of the segmentation.

    segments: None or "auto" (SLIC; a 7 x 7 grid for images under 64 pixels), another name, or the user's own integer
    labels, (H, W) or (N, H, W), of any values. images: (N, C, H, W).
    """
    name = "auto" if segments is None else segments
    count, height, width = len(images), *images.shape[2:]
    if not isinstance(name, str):
        return given_labels(name, (count, height, width), images.device), "given"
    if name not in SEGMENTATIONS:
        wanted = f"one of {', '.join(SEGMENTATIONS)} or labels"
        raise InputError("segments", expected=wanted, got=repr(name))
    if name == "auto":
        name = "grid" if min(height, width) < SMALL else "slic"
    if name == "grid":
        labels = grid_labels((height, width), 7).expand(count, height, width)
    else:
        labels = torch.stack([_superpixels(name, image, seed) for image in images])
    return labels.to(images.device), name


def grid_labels(sides: tuple[int, ...], cells: int) -> Tensor:
    """Return labels of a grid with as many cells along each side, or each position where a side is shorter, (*sides).

    >>> grid_labels((2, 4), 2)
    tensor([[0, 0, 1, 1],
            [2, 2, 3, 3]])
    """
    labels = torch.zeros(sides, dtype=torch.long)
    for axis, length in enumerate(sides):
        along = (torch.arange(length) * cells).div(length, rounding_mode="floor")
        labels = labels * cells + along.view(-1, *[1] * (len(sides) - 1 - axis))
    return renumbered(labels)


def _superpixels(name: str, image: Tensor, seed: int) -> Tensor:
    from skimage import segmentation

    pixels = image.detach().double().cpu().permute(1, 2, 0).numpy()
    low, high = pixels.min(), pixels.max()
    pixels = (pixels - low) / (high - low) if high > low else np.zeros_like(pixels)
    if pixels.shape[2] != 3:
        pixels = pixels.mean(2, keepdims=True).repeat(3, axis=2)
    if name == "slic":
        labels = segmentation.slic(pixels, n_segments=50, compactness=10, sigma=1, start_label=0)
    elif name == "quickshift":
        labels = segmentation.quickshift(pixels, kernel_size=4, max_dist=200, ratio=0.2, rng=seed % 2**32)
    else:
        labels = segmentation.felzenszwalb(pixels, scale=100, sigma=0.5, min_size=max(20, pixels.shape[0] // 4))
    return renumbered(torch.from_numpy(np.ascontiguousarray(labels)))
