"""A fixed bank of edge filters, which sees how alike images are where no other trained network is at hand."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, conv2d

__all__ = ["Edges"]

LARGEST = 28  # pixels a side; larger images are averaged down to it, so that the filters see shapes
ANGLES = 8
PHASES = 4
BANKS = ((4, 7, 5), (6, 11, 1))  # length of a wave and side of a filter in pixels, positions a side that are kept


def _filters(length: int, size: int) -> Tensor:
    """Return waves under a bell (angles x phases, 1, size, size): each sums to 0, its absolute numbers to 1."""
    offsets = torch.arange(size).float() - (size - 1) / 2
    rows, columns = torch.meshgrid(offsets, offsets, indexing="ij")
    bell = torch.exp(-(rows**2 + columns**2) / (2 * (length / 2) ** 2))
    made = []
    for angle in range(ANGLES):
        turn = math.pi * angle / ANGLES
        along = 2 * math.pi * (columns * math.cos(turn) + rows * math.sin(turn)) / length
        for phase in range(PHASES):
            wave = bell * torch.cos(along + 2 * math.pi * phase / PHASES)
            wave = wave - bell * (wave.sum() / bell.sum())
            made.append(wave / wave.abs().sum())
    return torch.stack(made)[:, None]


class Edges:
    """How strong edges are by angle and phase: fine ones at 5 x 5 positions (where), wide ones over all (what).

    Source: filters after Daugman 1985, doi:10.1364/JOSAA.2.001160; nothing in them is learned.

    >>> [tuple(part.shape) for part in Edges().of(torch.zeros(2, 1, 28, 28), 10)]
    [(2, 800), (2, 32)]
    """

    def of(self, images: Tensor, batch: int) -> list[Tensor]:
        """Return the features of images (n, C, H, W), one matrix (n, features) per bank."""
        parts = [self._of(part.float()) for part in images.split(batch)]
        return [torch.cat(columns) for columns in zip(*parts, strict=True)]

    @staticmethod
    def _of(images: Tensor) -> list[Tensor]:
        channels, height, width = images.shape[1:]
        share = max(1.0, max(height, width) / LARGEST)
        small = adaptive_avg_pool2d(images, (max(1, round(height / share)), max(1, round(width / share))))
        found = []
        for length, size, positions in BANKS:
            filters = _filters(length, size).to(small).repeat(channels, 1, 1, 1)
            answers = torch.relu(conv2d(small, filters, padding=size // 2, groups=channels))
            found.append(adaptive_avg_pool2d(answers, positions).flatten(1))
        return found
