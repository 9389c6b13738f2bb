"""Images of any size and number of channels, as an ascent changes them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from xai.base.errors import InputError
from xai.inputs.image import ImageInput
from xai.visualization.image_parameterizations import PARAMETERS
from xai.visualization.parameterization import Canvas
from xai.visualization.transforms import Transform, default, resample

__all__ = ["image_canvas", "image_shape"]

LARGEST_SIDE = 8192  # 0.8 GB for three channels of one image, before the network has seen it
COARSE = 8  # one kind of noise is this many times coarser than pixels


def image_shape(input: ImageInput, size: object, parameters: str) -> tuple[int, int, int]:
    """Return (channels, height, width) for a side, a height and a width, or None for the model's own.

    Raises InputError for a size that cannot be, is too small for these parameters, or larger than a memory.
    """
    channels, *sides = input.shape
    whole = isinstance(size, int) and not isinstance(size, bool)
    sides = (size, size) if whole else tuple(size) if isinstance(size, tuple | list) else size or tuple(sides)
    if (
        not isinstance(sides, tuple)
        or len(sides) != 2
        or not all(isinstance(side, int) and side >= 2 for side in sides)
    ):
        raise InputError("size", expected="a height and a width from 2 pixels", got=size)
    if max(sides) > LARGEST_SIDE:
        raise InputError("size", expected=f"sides of at most {LARGEST_SIDE:,} pixels", got=sides)
    if parameters not in PARAMETERS:
        raise InputError("parameters", expected=f"one of {', '.join(PARAMETERS)}", got=repr(parameters))
    if parameters != "pixels" and min(sides) < 4:
        raise InputError("size", expected=f"at least 4 pixels for parameters={parameters!r}", got=sides)
    return channels, *sides


def image_canvas(
    shape: tuple[int, int, int],
    generators: Sequence[torch.Generator],
    parameters: str,
    limits: tuple[float, float],
    *,
    start: Tensor | None,
    real: Tensor | None,
    transforms: Sequence[Transform] | None,
    clip: bool,
) -> Canvas:
    """Return a canvas of images of that shape; start and real are in the caller's units, `limits` their range."""
    low, high = limits
    moves = default(shape[1:]) if transforms is None else list(transforms)

    def absorb(images: Tensor) -> Tensor:
        return (images - low) / (high - low)

    made = PARAMETERS[parameters](
        shape,
        generators,
        start=None if start is None else absorb(start),
        real=None if real is None else absorb(real),
        clip=clip,
    )

    def noise(generator: torch.Generator, count: int) -> Tensor:
        channels, height, width = shape
        coarse = (channels, -(-height // COARSE) + 1, -(-width // COARSE) + 1)
        fine = torch.rand(count - count // 2, *shape, generator=generator)
        return torch.cat(
            [
                fine,
                interpolate(torch.rand(count // 2, *coarse, generator=generator), shape[1:], mode="bicubic").clamp(
                    0, 1
                ),
            ]
        )

    return Canvas(
        values=made.values,
        draw=lambda values, progress: made.draw(values),
        noise=noise,
        present=lambda images: low + images * (high - low),
        absorb=absorb,
        vary=lambda images, draws: resample(images, moves, draws),
        change=lambda images, draws: resample(images, moves or default(shape[1:]), draws),
        settle=made.settle,
    )
