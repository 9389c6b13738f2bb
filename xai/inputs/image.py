"""Images as a kind of input: pixels in the caller's range; the network's own normalization is a step behind them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Literal, TypeGuard

import msgspec
import numpy as np
import torch

from xai.base.arrays import as_tensor, check_finite
from xai.base.errors import InputError, describe, describe_error, names_errors
from xai.inputs.base import Input
from xai.inputs.imputation import Imputing
from xai.inputs.parts import Parts
from xai.inputs.pil_images import INTERPOLATIONS, MODES, in_range, picture_pixels
from xai.inputs.segments import make_segments

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

__all__ = ["ImageInput", "image_parts"]


class ImageInput(Input, frozen=True, tag="image"):
    """Images of one size: `shape` is (channels, height, width), pixels lie in `range`.

    `mean` and `std` (one number per channel, in pixel units) are what the network was trained with: it sees
    (pixel - mean) / std. An input that is normalized already is declared with `range="any"` and neither.

    `window` says which values of files and arrays of more than 8 bits are the ends of the range: (0, 4095) of an X-ray
    of 12 bits, (-160, 240) of soft tissue in Hounsfield units. What lies outside is cut off.

    `resize` says how image files are brought to the size: their shorter side gets so many pixels, or the whole picture
    (height, width), and the middle is cut out. Without it the largest centered part of the right proportions is taken.
    `interpolation` says how pixels are made then: "nearest", "bilinear", "bicubic" or "lanczos".

    Raises InputError for a shape, range or statistics that cannot be.
    """

    shape: tuple[int, int, int]
    mean: list[float] | None = None
    std: list[float] | None = None
    range: tuple[float, float] | Literal["any"] = (0.0, 1.0)
    window: tuple[float, float] | None = None
    resize: int | tuple[int, int] | None = None
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bicubic"

    @names_errors("ImageInput")
    def __post_init__(self) -> None:
        whole = all(isinstance(size, Integral) and not isinstance(size, bool) for size in self.shape)
        if len(self.shape) != 3 or not whole or min(self.shape) < 1:
            raise InputError("shape", expected="(channels, height, width), each at least 1", got=self.shape)
        msgspec.structs.force_setattr(self, "shape", tuple(map(int, self.shape)))
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values is not None and len(values) != self.shape[0]:
                raise InputError(name, expected=f"{self.shape[0]} numbers, one per channel", got=values)
        if self.std is not None and not all(value > 0 and math.isfinite(value) for value in self.std):
            raise InputError("std", expected="numbers above 0", got=self.std)
        if self.window is not None and not (len(self.window) == 2 and self.window[0] < self.window[1]):
            raise InputError("window", expected="(low, high) with low < high", got=self.window)
        if self.range != "any" and not self.range[0] < self.range[1]:
            raise InputError("range", expected="(low, high) with low < high, or 'any'", got=self.range)
        self._check_reading()

    @property
    def limits(self) -> tuple[float, float] | None:
        """Return the range of pixels, None where any value may occur."""
        return None if self.range == "any" else self.range

    @property
    def drawing(self) -> str:
        return "map"

    @property
    def noun(self) -> str:
        return "images"

    @property
    def labels_in(self) -> str:
        return "folder"

    def unlimited(self) -> Input:
        return msgspec.structs.replace(self, range="any")

    def prepare(self, value: object, argument: str = "inputs") -> Tensor:
        """Return pixels as a float batch of shape (N, C, H, W).

        Takes one image or a batch, CHW or HWC (grey images also without a channel axis), uint8 or 16-bit (spread over
        `range`) or float (already in `range`), as tensor, array, PIL image or a list of those.

        >>> ImageInput((1, 2, 2)).prepare(np.array([[0, 255], [51, 102]], dtype=np.uint8))
        tensor([[[[0.0000, 1.0000],
                  [0.2000, 0.4000]]]])
        """
        if isinstance(value, list | tuple) and len(value):
            if isinstance(value[0], list | tuple | int | float):  # numbers in lists, as JSON has them
                return self.prepare(as_tensor(value, argument), argument)
            return torch.cat([self.prepare(item, argument) for item in value])
        pixels = self._from_picture(value, argument) if is_picture(value) else value
        arranged = self._arrange(as_tensor(pixels, argument), argument)
        batch = self._scale(arranged, argument)
        check_finite(batch, argument)
        if self.range != "any":
            low, high = self.range
            slack = 1e-4 * (high - low)
            least, most = (float(batch.min()), float(batch.max())) if batch.numel() else (low, high)
            if least < low - slack or most > high + slack:
                hint = f"pixels between {low:g} and {high:g} (the model normalizes them itself)"
                raise InputError(argument, expected=hint, got=f"values from {least:.4g} to {most:.4g}")
        return batch

    def feed(self, batch: Tensor) -> Tensor:
        """Turn pixels (N, C, H, W) into what the network was trained on; differentiable."""
        if self.mean is not None:
            batch = batch - batch.new_tensor(self.mean).view(1, -1, 1, 1)
        if self.std is not None:
            batch = batch / batch.new_tensor(self.std).view(1, -1, 1, 1)
        return batch

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Return the endings of image files, and of arrays."""
        from xai.inputs.image_files import SUFFIXES

        return (*SUFFIXES, ".npy")

    @property
    def column(self) -> str:
        return "image"

    def decode(self, content: bytes, name: str) -> Tensor | str:
        """Return the pixels (1, C, H, W) of an image file."""
        from xai.inputs.image_files import decode_image

        return super().decode(content, name) if name.endswith(".npy") else decode_image(content, self, name)

    def read(self, items: Sequence[str]) -> tuple[Tensor, tuple[str, ...]]:
        """Return image files as pixels (N, C, H, W), and their names."""
        from xai.inputs.image_files import read_images

        found = read_images(items, self)
        return found.images, found.names

    def axes(self, batch: Tensor) -> tuple[int, ...]:
        return (2, 3)

    def parts(self, batch: Tensor, how: object = None, seed: int = 0) -> Parts:
        """Cut images into segments; how: see `make_segments`."""
        return image_parts(batch, how, seed)

    def baselines(self, batch: Tensor) -> tuple[str, ...]:
        return ("zero", "mean", "noise", "blur")

    def absent(self, batch: Tensor) -> str:
        return "blur"

    def imputing(self, batch: Tensor) -> Imputing:
        return Imputing(batch, self.limits)

    def _check_reading(self) -> None:
        if self.interpolation not in INTERPOLATIONS:
            known = ", ".join(INTERPOLATIONS)
            raise InputError("interpolation", expected=f"one of {known}", got=repr(self.interpolation))
        if self.resize is None:
            return
        height, width = self.shape[1:]
        sides = (self.resize, self.resize) if isinstance(self.resize, int) else tuple(self.resize)
        least = (max(height, width),) * 2 if isinstance(self.resize, int) else (height, width)
        if len(sides) != 2 or any(side < one for side, one in zip(sides, least, strict=True)):
            wanted = f"at least the {height} x {width} pixels that are cut out"
            raise InputError("resize", expected=wanted, got=self.resize)

    def _arrange(self, pixels: Tensor, argument: str) -> Tensor:
        channels, height, width = self.shape
        chw, hwc, grey = (channels, height, width), (height, width, channels), (height, width)
        shape = tuple(pixels.shape)
        if shape[-3:] == chw and pixels.ndim in (3, 4):
            return pixels.reshape(-1, *chw)
        if shape[-3:] == hwc and pixels.ndim in (3, 4):
            return pixels.reshape(-1, *hwc).permute(0, 3, 1, 2)
        if channels == 1 and shape[-2:] == grey and pixels.ndim in (2, 3):
            return pixels.reshape(-1, *chw)
        raise InputError(argument, expected=f"images of shape {chw} or {hwc}, or a batch", got=describe(pixels))

    def _from_picture(self, picture: Image, argument: str) -> Tensor | np.ndarray:
        try:
            picture.load()  # a file that was opened is read here
        except (OSError, ValueError, SyntaxError) as error:
            raise InputError(argument, expected="a picture that can be read", got=describe_error(error)) from error
        # As a file of it is read; by its mode, since a palette's numbers, say, are no gray values.
        return picture_pixels(picture, self, argument) if self.shape[0] in MODES else np.asarray(picture)

    def _scale(self, pixels: Tensor, argument: str) -> Tensor:
        if pixels.is_floating_point():
            return pixels
        low, high = self.limits or (0.0, 1.0)
        tops = {torch.uint8: 255, torch.bool: 1}
        if pixels.dtype in (torch.uint16, torch.int16, torch.int32):
            return in_range(pixels, self, argument)
        if pixels.dtype not in tops:
            wanted = "pixels as uint8, uint16, int16, int32, bool or floating point"
            raise InputError(argument, expected=wanted, got=describe(pixels))
        most = tops[pixels.dtype]
        # Through float64, so that a pixel means the same number in every later precision.
        return (low + pixels.to(torch.float64) / most * (high - low)).to(torch.float32)


def is_picture(value: object) -> TypeGuard[Image]:
    """Say whether a value is an image of PIL, which is not imported for that."""
    return hasattr(value, "getbands")


def image_parts(images: Tensor, how: object = None, seed: int = 0) -> Parts:
    """Return the segments of images (N, C, H, W); how: see `make_segments`."""
    labels, cut = make_segments(how, images, seed)
    return Parts(labels, "segments", cut)
