"""Jitter, rotation, scaling and padding: an image that excites a unit only when it sits exactly so is noise.

Each factory returns a function that draws one 3 x 3 matrix from a generator. They are multiplied, and the image is
resampled once for all of them, with a different draw for every image and step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from xai.base.arguments import real_number
from xai.base.errors import InputError, names_errors

__all__ = ["Transform", "default", "jitter", "padding", "resample", "rotation", "scaling"]

Transform = Callable[[torch.Generator, tuple[int, int]], Tensor]


def jitter(pixels: float) -> Transform:
    """Shift by up to so many pixels in each direction."""

    def draw(generator: torch.Generator, size: tuple[int, int]) -> Tensor:
        matrix = torch.eye(3)
        # Coordinates run from -1 to 1 over the side, so a pixel is 2 / side.
        matrix[:2, 2] = (torch.rand(2, generator=generator) * 2 - 1) * pixels * 2 / torch.tensor([size[1], size[0]])
        return matrix

    return draw


def rotation(degrees: float) -> Transform:
    """Rotate by up to so many degrees in each direction."""

    def draw(generator: torch.Generator, size: tuple[int, int]) -> Tensor:
        angle = math.radians(float(torch.rand(1, generator=generator) * 2 - 1) * degrees)
        ratio = size[0] / size[1]
        cosine, sine = math.cos(angle), math.sin(angle)
        return torch.tensor([[cosine, -sine * ratio, 0.0], [sine / ratio, cosine, 0.0], [0.0, 0.0, 1.0]])

    return draw


@names_errors("scaling")
def scaling(low: float, high: float) -> Transform:
    """Enlarge by a factor between low and high."""
    if not 0 < low <= high:
        raise InputError("low, high", expected="0 < low <= high", got=(low, high))

    def draw(generator: torch.Generator, size: tuple[int, int]) -> Tensor:
        factor = low + float(torch.rand(1, generator=generator)) * (high - low)
        return torch.diag(torch.tensor([1 / factor, 1 / factor, 1.0]))

    return draw


@dataclass(frozen=True)
class Padding:
    """A transform that also says what lies outside of the image; of several, the last one's `fill` holds."""

    pixels: float
    fill: float | str

    def __call__(self, generator: torch.Generator, size: tuple[int, int]) -> Tensor:
        return torch.diag(torch.tensor([1 + 2 * self.pixels / size[1], 1 + 2 * self.pixels / size[0], 1.0]))


@names_errors("padding")
def padding(pixels: float, fill: float | str = 0.5) -> Padding:
    """Put a frame of so many pixels around: a value (0 to 1), "border" or "reflection" (what is outside by default)."""
    real_number("pixels", pixels, -1e-9)
    if fill not in ("border", "reflection"):
        real_number("fill", fill)
    return Padding(pixels, fill)


def default(size: tuple[int, int]) -> list[Transform]:
    """Return jitter of a sixteenth of the side, rotation of 10 degrees, scaling of 10 percent."""
    return [jitter(max(size) / 16), rotation(10), scaling(0.9, 1.1)]


def resample(images: Tensor, transforms: Sequence[Transform], generators: Sequence[torch.Generator]) -> Tensor:
    """Return images (N, C, H, W) with the transforms applied in one resampling, image i drawn from generator i."""
    if not transforms:
        return images
    size = (images.shape[2], images.shape[3])
    matrices = []
    for generator in generators:
        matrix = torch.eye(3)
        for draw in transforms:
            matrix = matrix @ draw(generator, size)
        matrices.append(matrix[:2])
    grid = affine_grid(torch.stack(matrices).to(images), list(images.shape), align_corners=False)
    fills = [move.fill for move in transforms if isinstance(move, Padding)]
    fill = fills[-1] if fills else "reflection"
    if isinstance(fill, str):
        return grid_sample(images, grid, mode="bilinear", padding_mode=fill, align_corners=False)
    # What lies outside is 0 to grid_sample.
    return fill + grid_sample(images - fill, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
