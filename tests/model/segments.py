"""A segmentation network of three classes, for targets that are pixels."""

from __future__ import annotations

from torch import Tensor, nn


class Segments(nn.Module):
    """Scores of three classes for every pixel, and others beside them, as torchvision's networks put them out."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 3, 1))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        scores = self.body(x)
        return {"out": scores, "aux": -scores}
