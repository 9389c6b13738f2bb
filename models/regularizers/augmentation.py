"""More images than there are: shifts, flips, zooms, rotations and noise, drawn anew for each image of a batch."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from models.regularizers.noise import gaussian
from xai.base.errors import InputError, describe, names_errors

__all__ = ["CHOICES", "augmentation", "augmentation_for"]

Augment = Callable[[Tensor, torch.Generator], Tensor]

# What leaves the class as it is depends on the data. Digits: a flip or a half turn makes a 6 of a 9 and nothing of a 2.
CHOICES: dict[str, dict[str, float]] = {
    "mnist": {"shift": 2, "zoom": 0.1, "rotate": 10},
    "digits": {"shift": 1, "zoom": 0.05, "rotate": 5},
    "photographs": {"shift": 8, "zoom": 0.2, "rotate": 10, "flip": 0.5},
}


@names_errors("augmentation_for")
def augmentation_for(name: str) -> Augment:
    """Return what suits a data set; raises InputError with the known names for another."""
    if name not in CHOICES:
        raise InputError("name", expected=f"one of {', '.join(CHOICES)}", got=repr(name))
    return augmentation(**CHOICES[name])


@names_errors("augmentation")
def augmentation(
    *,
    shift: float = 0.0,
    flip: float = 0.0,
    flip_vertical: float = 0.0,
    zoom: float = 0.0,
    rotate: float = 0.0,
    noise: float = 0.0,
) -> Augment:
    """Return (images (N, C, H, W), generator) -> images of the same shape, each changed in its own way.

    shift: at most so many pixels along each axis. flip, flip_vertical: the chance of a mirror image, left to right and
    top to bottom. zoom: 0.1 draws a factor from 0.9 to 1.1. rotate: at most so many degrees. noise: its standard
    deviation, in units of the images. All but the noise are one map of the plane, so that each image is interpolated
    once; beyond its border an image goes on with its border pixels.

    >>> mirrored = augmentation(flip=1.0)(torch.tensor([[[[1.0, 2.0]]]]), torch.Generator())
    >>> mirrored.round().tolist()
    [[[[2.0, 1.0]]]]
    """
    _check(shift=shift, flip=flip, flip_vertical=flip_vertical, zoom=zoom, rotate=rotate, noise=noise)
    add_noise = gaussian(noise)

    def change(images: Tensor, generator: torch.Generator) -> Tensor:
        if images.ndim != 4 or not images.is_floating_point():
            raise InputError("images", expected="floats (N, C, H, W)", got=describe(images))
        maps = _maps(images, generator)
        if maps is not None:
            grid = functional.affine_grid(maps, list(images.shape), align_corners=False)
            images = functional.grid_sample(images, grid, "bilinear", "border", align_corners=False)
        return add_noise(images, generator) if noise else images

    def _maps(images: Tensor, generator: torch.Generator) -> Tensor | None:
        """Return the maps (N, 2, 3) from places in the new image to places in the old one, in -1..1 along each axis."""
        if not any((shift, flip, flip_vertical, zoom, rotate)):
            return None
        count, _, height, width = images.shape
        draws = torch.rand(6, count, generator=generator)
        right, down, size, turn = (2 * draws[:4] - 1).unbind()
        angle = turn * math.radians(rotate)
        scale = 1 / (1 + size * zoom)
        across = torch.where(draws[4] < flip, -1.0, 1.0)
        upward = torch.where(draws[5] < flip_vertical, -1.0, 1.0)
        # -1..1 spans width pixels along x but height pixels along y: a rotation has to be made in pixels.
        ratio = height / width
        cosine, sine = scale * angle.cos(), scale * angle.sin()
        first = torch.stack([across * cosine, upward * sine * ratio, right * shift * 2 / width])
        second = torch.stack([-across * sine / ratio, upward * cosine, down * shift * 2 / height])
        return torch.stack([first, second]).permute(2, 0, 1).to(images)  # (N, 2, 3)

    return change


def _check(**settings: float) -> None:
    for name, value in settings.items():
        limit = 1 if name in ("flip", "flip_vertical", "zoom") else math.inf
        if not 0 <= value <= limit or value == math.inf or (name == "zoom" and value == 1):
            wanted = "a number from 0 to 1" if limit == 1 else "a finite number from 0"
            raise InputError(name, expected=wanted, got=value, operation="augmentation")
