"""A picture of PIL as numbers in a kind's range: turned, on white, of one page, and as deep as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image, ImageOps

from xai.base.arrays import all_finite
from xai.base.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from xai.inputs.base import Input

__all__ = ["INTERPOLATIONS", "MODES", "in_range", "picture_pixels"]

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
INTERPOLATIONS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
LEAST_SAMPLE, MOST_SAMPLE = 280, 281  # tags of a TIFF
TWELVE_BITS, SIXTEEN_BITS = 4095, 65535


def picture_pixels(
    picture: Image.Image, input: Input, name: str, *, size: tuple[int, int] | None = None, page: int | None = None
) -> Tensor:
    """Return a picture as pixels (C, H, W) in the range of a kind of 1, 3 or 4 channels.

    It is turned as its EXIF data say and put on white where it is transparent (unless a fourth channel takes that).
    Pixels of more than 8 bits keep all of them; see `in_range`.

    Args:
        picture: of any mode.
        input: a kind of images.
        name: how errors call the picture.
        size: (width, height) to bring it to in the kind's way, None for its own.
        page: which page or frame of several, from 0.

    Raises:
        InputError: where several pages are there and none is named, and for deep pixels without a window.
    """
    pages = getattr(picture, "n_frames", 1)
    if page is None and pages > 1:
        raise InputError(name, expected="one picture, or page= to say which of several", got=f"{pages} pages or frames")
    if page is not None and not 0 <= page < pages:
        raise InputError("page", expected=f"one from 0 to {pages - 1}", got=page)
    if page:
        picture.seek(page)
    picture.load()
    declared = _window_of(picture)
    upright = ImageOps.exif_transpose(picture)
    channels = (input.shape or (0,))[0]
    if upright.mode.startswith("I") or upright.mode == "F":
        deep = np.array(upright, dtype=np.float32)
        values = in_range(torch.from_numpy(deep), input, name, window=declared, whole=upright.mode != "F")
        if size is not None:
            fitted = _fitted(Image.fromarray(values.numpy()), size, input)
            values = torch.from_numpy(np.array(fitted)).clamp(float(values.min()), float(values.max()))
        return values.expand(channels, -1, -1).contiguous()
    flat = _flattened(upright, MODES[channels])
    if size is not None:
        flat = _fitted(flat, size, input)
    pixels = torch.from_numpy(np.array(flat, dtype=np.float32) / 255).reshape(flat.height, flat.width, channels)
    low, high = input.limits or (0.0, 1.0)
    return low + pixels.permute(2, 0, 1) * (high - low)


def in_range(
    values: Tensor, input: Input, name: str, *, window: tuple[float, float] | None = None, whole: bool = True
) -> Tensor:
    """Return values of more than 8 bits in the range of a kind, as float32.

    A window (low, high), that of the kind or else that of the file, is spread over the range, and what lies outside is
    cut off, as on a screen. Without one, values that lie in the kind's own range stay as they are, and unsigned numbers
    of 16 bits are spread over it where they use more than 12: 12 bits in 16 would come out nearly black.

    Raises:
        InputError: for NaN and infinity, and where nothing says which values are black and white.
    """
    values = values.to(torch.float64)
    if not all_finite(values):
        raise InputError(name, expected="finite pixels", got="NaN or infinity")
    window = getattr(input, "window", None) or window
    low, high = input.limits or (0.0, 1.0)
    least, most = float(values.min()), float(values.max())
    if window is None and (not whole or high - low > 1 or input.limits is None or most <= 1):
        if input.limits is None or (low <= least and most <= high):
            return values.to(torch.float32)
    elif window is None and least >= 0 and TWELVE_BITS < most <= SIXTEEN_BITS:
        window = (0.0, float(SIXTEEN_BITS))
    if window is None:
        wanted = (
            f"pixels between {low:g} and {high:g}, or ImageInput(window=(low, high)): which values are black and white"
        )
        raise InputError(name, expected=wanted, got=f"values from {least:g} to {most:g}")
    black, white = window
    return (low + ((values - black) / (white - black)).clamp(0, 1) * (high - low)).to(torch.float32)


def _fitted(picture: Image.Image, size: tuple[int, int], input: Input) -> Image.Image:
    """Return a picture of a size: its largest centered part, or resized as the kind says and cut in the middle."""
    how = INTERPOLATIONS[getattr(input, "interpolation", "bicubic")]
    resize = getattr(input, "resize", None)
    if resize is None:
        return ImageOps.fit(picture, size, how)
    if isinstance(resize, int):
        short, long = sorted(picture.size)
        # Rounded down, and the cut to the nearest even number, as the networks that this is published for were tested.
        longer = int(resize * long / short)
        sides = (resize, longer) if picture.width <= picture.height else (longer, resize)
    else:
        sides = (resize[1], resize[0])
    resized = picture.resize(sides, how)
    left, top = (round((side - wanted) / 2) for side, wanted in zip(sides, size, strict=True))
    return resized.crop((left, top, left + size[0], top + size[1]))


def _window_of(picture: Image.Image) -> tuple[float, float] | None:
    """Return the least and largest sample that a TIFF says it has, None where it does not."""
    tags = getattr(picture, "tag_v2", {})
    least, most = (tags.get(tag) for tag in (LEAST_SAMPLE, MOST_SAMPLE))
    least, most = (item[0] if isinstance(item, tuple) and item else item for item in (least, most))
    if isinstance(least, int | float) and isinstance(most, int | float) and least < most:
        return float(least), float(most)
    return None


def _flattened(picture: Image.Image, mode: str) -> Image.Image:
    if mode != "RGBA" and (picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info):
        rgba = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return picture.convert(mode)
