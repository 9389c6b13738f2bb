"""Images of any size and number of channels, as they are optimized."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from xai.base.errors import InputError, describe
from xai.inputs.image import ImageInput
from xai.visualization.image_parameterizations import PARAMETERS
from xai.visualization.parameterization import Parameterization
from xai.visualization.problem import Problem, ProblemConfig
from xai.visualization.transforms import Transform, default, resample

__all__ = ["ImageProblem", "image_parameterization", "image_shape"]

LARGEST_SIDE = 8192  # 0.8 GB for three channels of one image, before the network has seen it
COARSE = 8  # one kind of noise is this many times coarser than pixels
DEFAULT = "fourier"
RATES = {"maco": 0.2}  # what it optimizes are phases


class ImageProblem(Problem):
    """Images of the size that was asked for; their range is the input's own, or that of the real ones."""

    real_noun = "real images"
    compares_images = True

    @classmethod
    def check(cls, config: ProblemConfig) -> None:
        pass  # images take every argument but bounds, which are looked at after size and start

    @classmethod
    def learning_rate(cls, config: ProblemConfig) -> float:
        return RATES.get(config.parameters or DEFAULT, cls.rate)

    @property
    def parameters(self) -> str:
        """The way in which images are parameterized."""
        return self.config.parameters or DEFAULT

    def resized_input(self) -> ImageInput:
        declared = ImageInput.of(self.model.input)
        self.shape = image_shape(declared, self.config.size, self.parameters)
        return msgspec.structs.replace(declared, shape=self.shape)

    def set_limits(self) -> None:
        if self.config.bounds is not None:
            wanted = "none for images: ImageInput has a range"
            raise InputError("bounds", expected=wanted, got=describe(self.config.bounds))

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and highest value of a pixel."""
        found = (-1.0, 1.0) if self.real is None else (float(self.real.min()), float(self.real.max()))
        return self.input.limits or found

    def blank(self) -> Tensor:
        return torch.zeros(1, *self.shape, device=self.model.device)

    def parameterize(self, generators: Sequence[torch.Generator], start: Tensor | None) -> Parameterization:
        settings = {"start": start, "real": self.real, "transforms": self.config.transforms, "clip": self.clip}
        return image_parameterization(self.shape, generators, self.parameters, self.limits, **settings)

    def options(self) -> dict[str, object]:
        return {"parameters": self.parameters}


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


def image_parameterization(
    shape: Sequence[int],
    generators: Sequence[torch.Generator],
    parameters: str,
    limits: tuple[float, float],
    *,
    start: Tensor | None,
    real: Tensor | None,
    transforms: Sequence[Transform] | None,
    clip: bool,
) -> Parameterization:
    """Return the parameterization of images of that shape; start and real are in the caller's units."""
    low, high = limits
    channels, height, width = shape
    moves = default((height, width)) if transforms is None else list(transforms)

    def encode(images: Tensor) -> Tensor:
        return (images - low) / (high - low)

    made = PARAMETERS[parameters](
        shape,
        generators,
        start=None if start is None else encode(start),
        real=None if real is None else encode(real),
        clip=clip,
    )

    def noise(generator: torch.Generator, count: int) -> Tensor:
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

    return Parameterization(
        values=made.values,
        draw=lambda values, progress: made.draw(values),
        noise=noise,
        decode=lambda images: low + images * (high - low),
        encode=encode,
        vary=lambda images, draws: resample(images, moves, draws),
        change=lambda images, draws: resample(images, moves or default((height, width)), draws),
        project=made.project,
    )
