"""Networks with a known truth: an image network that looks at one place and ignores an equally edgy decoy."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from xai.attribution.gradient_methods import saliency
from xai.model.model import Model
from xai.results.explanation import Explanation

SIDE = 20


class Planted(nn.Module):
    """Class 1 where the patch at the left is a checkerboard; the same patch at the right is a decoy."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(SIDE, SIDE))
        board = (torch.arange(6)[:, None] + torch.arange(6)[None]) % 2
        with torch.no_grad():
            self.weight[3:9, 2:8] = board * 2.0 - 1.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        score = (x[:, 0] * self.weight).sum((1, 2)) - 3
        return torch.stack([-score, score], 1)


def planted_image() -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    image = 0.4 + 0.05 * torch.rand(1, 1, SIDE, SIDE, generator=generator)
    board = ((torch.arange(6)[:, None] + torch.arange(6)[None]) % 2).float()
    image[0, 0, 3:9, 2:8] = board
    image[0, 0, 11:17, 12:18] = board
    return image


def with_map(model: Model, heatmap: torch.Tensor) -> Explanation:
    """Return an explanation that claims this map."""
    return replace(saliency(model, planted_image(), 1), values=heatmap[None, None])
