"""Pixels as pictures: the image itself, and heat maps as palette PNGs whose transparency is the magnitude."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from xai.base.files import write_atomically
from xai.plots.style import AGAINST, FOR, MAGNITUDE
from xai.results.visualization import Visualization

__all__ = ["Heat", "heat_picture", "image_picture", "is_small", "pixel_range", "strongest", "units_picture"]

FAINT = 0.2  # of the full color: weaker values of a map without signs are left out, or they would drown the picture
SMALL = 64  # images below this many pixels a side are shown with their pixels
GAP = 2  # white pixels between the images of a sheet


@dataclass(frozen=True)
class Heat:
    """A heat map as a data URI, and what its full color stands for; `signed` maps have both signs."""

    uri: str
    scale: float
    signed: bool
    clipped: float


def is_small(image: Tensor) -> bool:
    """Say whether an image (..., H, W) is so small that its pixels are shown as squares."""
    return max(image.shape[-2:]) < SMALL


def pixel_range(input: object, images: Tensor) -> tuple[float, float]:
    """Return what black and white are: the range that the input declares, or else that of the images at hand."""
    limits = getattr(input, "limits", None)
    if limits is not None:
        return limits
    low, high = float(images.min()), float(images.max())
    return (low, high) if high > low else (low, low + 1.0)


def image_picture(image: Tensor, low: float = 0.0, high: float = 1.0) -> str:
    """Return an image (C, H, W) as a data URI: PNG where it is small, WebP where not."""
    pixels = image.detach().float().cpu()
    if pixels.shape[0] not in (1, 3):
        pixels = ((pixels - low) / (high - low)).clamp(0, 1).mean(0, keepdim=True)
        low, high = 0.0, 1.0
    array = _levels(pixels, low, high).permute(1, 2, 0).numpy()
    picture = Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
    if is_small(image):
        return _uri(picture, "PNG", optimize=True)
    return _uri(picture, "WEBP", quality=88, method=6)


def heat_picture(heatmap: Tensor, scale: float | None = None) -> Heat:
    """Return a map (H, W) as an overlay; full color is `scale`, by default the 99th percentile of its magnitude."""
    values = heatmap.detach().float().cpu().numpy()
    top = float(np.abs(values).max())
    scale = scale or float(np.quantile(np.abs(values[values != 0]), 0.99)) if top > 0 else 1.0
    signed = bool((values < 0).any())
    strength = np.clip(np.abs(values) / scale, 0, 1)
    levels = np.round(strength * 127).astype(np.uint8)
    index = np.where(values < 0, levels + 128, levels).astype(np.uint8)
    positive = FOR if signed else MAGNITUDE
    palette = Image.frombytes("P", (index.shape[1], index.shape[0]), index.tobytes())
    palette.putpalette([channel for level in range(256) for channel in (positive if level < 128 else AGAINST)])
    # An exponent below 1, because a half-transparent color over a busy picture reads as less than half.
    least = 0.0 if signed else FAINT
    shares = [max(0.0, (level % 128 / 127 - least) / (1 - least)) for level in range(256)]
    alpha = [round(235 * share**0.7) for share in shares]
    uri = _uri(palette, "PNG", transparency=bytes(alpha), optimize=False)
    return Heat(uri, scale, signed, float((np.abs(values) > scale).mean()))


def strongest(heatmap: Tensor) -> str:
    """Say in words where a map (H, W) is strongest, for readers who cannot see it."""
    values = heatmap.detach().float().cpu().abs().numpy()
    if values.max() == 0:
        return "whole of an empty map"
    total = values.sum()
    row = float((values.sum(1) * np.arange(values.shape[0])).sum() / total / max(1, values.shape[0] - 1))
    column = float((values.sum(0) * np.arange(values.shape[1])).sum() / total / max(1, values.shape[1] - 1))
    vertical = "upper" if row < 0.42 else "lower" if row > 0.58 else "middle"
    horizontal = "left" if column < 0.42 else "right" if column > 0.58 else "center"
    return f"{vertical} {horizontal}"


def units_picture(input: object, groups: Iterable[Visualization], path: str | Path) -> Path:
    """Write all images of all groups as one PNG, in a square of rows; returns its path."""
    images = torch.cat([made.image for made in groups])
    pixels = _levels(images.cpu(), *pixel_range(input, images))
    pixels = pixels if pixels.shape[1] == 3 else pixels[:, :1].expand(-1, 3, -1, -1)
    count, _, height, width = pixels.shape
    columns = int(np.ceil(count**0.5))
    sheet = np.full((-(-count // columns) * (height + GAP), columns * (width + GAP), 3), 255, np.uint8)
    for index, picture in enumerate(pixels.permute(0, 2, 3, 1).numpy()):
        top, left = index // columns * (height + GAP) + 1, index % columns * (width + GAP) + 1
        sheet[top : top + height, left : left + width] = picture
    return write_atomically(path, _encoded(Image.fromarray(sheet), "PNG"))


def _levels(pixels: Tensor, low: float, high: float) -> Tensor:
    """Return pixels as bytes, from black at `low` to white at `high`."""
    return ((pixels - low) / (high - low)).clamp(0, 1).mul(255).round().byte()


def _uri(picture: Image.Image, kind: str, **options: object) -> str:
    return f"data:image/{kind.lower()};base64,{base64.b64encode(_encoded(picture, kind, **options)).decode()}"


def _encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()
