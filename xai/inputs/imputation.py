"""Noisy linear imputation: hidden pixels become what their neighbors suggest, so that a hole's shape gives little away.

Source: Rong et al. 2022, arXiv:2202.00449.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from scipy.sparse import csr_matrix, identity
from scipy.sparse.linalg import SuperLU, splu
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from xai.base.digest import tensor_digest

__all__ = ["Imputing", "imputed"]

SIDE = 56  # larger images are imputed on a grid of this side: what stands in a hole is smooth
NOISE = 0.01  # of the image's range
BESIDE, ACROSS = 1 / 6, 1 / 12  # weights of the neighbors next to a pixel and at its corners
STEPS = [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1) if down or across]


@dataclass(frozen=True)
class Imputing:
    """Pixels are imputed from those that are shown.

    Attributes:
        images: (N, C, H, W).
        limits: the range of pixels, None where any value may occur.
    """

    images: Tensor
    limits: tuple[float, float] | None

    @property
    def backgrounds(self) -> int:
        return 1

    def show(self, rows: Tensor, masks: Tensor, evaluation: Tensor) -> Tensor:
        """Return the rows (n,) or (1,) with the pixels imputed that masks (n, H x W) hide."""
        images = self.images[rows].expand(len(masks), *self.images.shape[1:])
        shown = masks.view(len(masks), *images.shape[2:])
        noise = {row: self._noise(row) for row in set(rows.tolist())}
        added = torch.stack([noise[row] for row in rows.tolist()]).expand_as(images)
        made = imputed(images, shown) + torch.where(shown[:, None], 0.0, added)
        return made if self.limits is None else made.clamp(*self.limits)

    def lengths(self, rows: Tensor, masks: Tensor) -> None:
        """Return None: all are of one size."""

    def _noise(self, row: int) -> Tensor:
        image = self.images[row]
        generator = torch.Generator().manual_seed(int(tensor_digest(image)[:12], 16))
        low, high = self.limits or (float(image.min()), float(image.max()))
        return (NOISE * (high - low) * torch.randn(image.shape, generator=generator)).to(image)


def imputed(images: Tensor, shown: Tensor) -> Tensor:
    """Return images (N, C, H, W) whose hidden pixels are the weighted means of their neighbors, hidden ones included.

    One linear system for the hidden pixels of each mask; where nothing is shown, the image's mean. Images larger than
    56 pixels are imputed on a grid of that side.

    Args:
        images: (N, C, H, W).
        shown: which pixels are known, (N, H, W) of bool.
    """
    height, width = images.shape[2:]
    if max(height, width) > SIDE:
        size = (min(height, SIDE), min(width, SIDE))
        share = adaptive_avg_pool2d(shown[:, None].to(images.dtype), size)
        known = adaptive_avg_pool2d(images * shown[:, None], size) / share.clamp_min(1e-9)
        filled = interpolate(
            imputed(known, share[:, 0] > 0), size=(height, width), mode="bilinear", align_corners=False
        )
        return torch.where(shown[:, None], images, filled)
    pixels = images.double().flatten(2).cpu().numpy()
    masks, which = np.unique(shown.flatten(1).cpu().numpy(), axis=0, return_inverse=True)
    for number, mask in enumerate(masks):
        rows, hidden = np.flatnonzero(which.ravel() == number), np.flatnonzero(~mask)
        if len(hidden):
            pixels[np.ix_(rows, np.arange(pixels.shape[1]), hidden)] = _filled(pixels[rows], mask, (height, width))
    return torch.from_numpy(pixels).view(images.shape).to(images)


def _filled(pixels: np.ndarray, mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the hidden pixels of images (n, C, H x W) under one mask (H x W,), (n, C, hidden)."""
    hidden = np.flatnonzero(~mask)
    if not mask.any():
        return np.repeat(pixels.mean(2, keepdims=True), len(hidden), axis=2)
    known = np.where(mask, pixels, 0.0).reshape(-1, len(mask))
    solved = _system(mask.tobytes(), size).solve(np.ascontiguousarray(_neighbors(*size)[hidden] @ known.T))
    return solved.T.reshape(len(pixels), -1, len(hidden))


@lru_cache(maxsize=256)  # rows that share their masks share the work
def _system(mask: bytes, size: tuple[int, int]) -> SuperLU:
    """Return the factors of what the hidden pixels of a mask solve."""
    hidden = np.flatnonzero(~np.frombuffer(mask, dtype=bool))
    return splu((identity(len(hidden)) - _neighbors(*size)[hidden][:, hidden]).tocsc())


@lru_cache(maxsize=8)
def _neighbors(height: int, width: int) -> csr_matrix:
    """Return the weight of each pixel's neighbors, rows that sum to 1, (H x W, H x W)."""
    number = np.arange(height * width).reshape(height, width)
    rows, columns, weights = [], [], []
    for down, across in STEPS:
        from_rows = slice(max(0, -down), height - max(0, down)), slice(max(0, -across), width - max(0, across))
        to_rows = slice(max(0, down), height + min(0, down)), slice(max(0, across), width + min(0, across))
        rows.append(number[from_rows].ravel())
        columns.append(number[to_rows].ravel())
        weights.append(np.full(rows[-1].size, ACROSS if down and across else BESIDE))
    row, column, weight = map(np.concatenate, (rows, columns, weights))
    total = np.bincount(row, weights=weight, minlength=height * width)
    return csr_matrix((weight / total[row], (row, column)), shape=(height * width, height * width))
