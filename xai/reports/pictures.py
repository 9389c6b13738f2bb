"""Pixels as pictures: the image itself, and heat maps as palette PNGs whose transparency is the magnitude."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image
from torch import Tensor

__all__ = ["AGAINST", "FOR", "MAGNITUDE", "Heat", "heat_picture", "image_picture", "strongest"]

# Orange for, blue against: told apart with every common color blindness, on black and on white. Magenta for magnitude.
FOR, AGAINST, MAGNITUDE = (232, 89, 12), (34, 139, 230), (230, 30, 140)
SMALL = 64  # images below this many pixels a side are shown with their pixels


@dataclass(frozen=True)
class Heat:
    """A heat map as a data URI, and what its full color stands for; `signed` maps have both signs."""

    uri: str
    scale: float
    signed: bool
    clipped: float


def image_picture(image: Tensor, low: float = 0.0, high: float = 1.0) -> str:
    """Return an image (C, H, W) as a data URI: PNG where it is small, WebP where not."""
    pixels = ((image.detach().float().cpu() - low) / (high - low)).clamp(0, 1)
    if pixels.shape[0] not in (1, 3):
        pixels = pixels.mean(0, keepdim=True)
    array = (pixels * 255).round().byte().permute(1, 2, 0).numpy()
    picture = Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
    if max(picture.size) < SMALL:
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
    alpha = [round(235 * (level % 128 / 127) ** 0.7) for level in range(256)]
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


def _uri(picture: Image.Image, kind: str, **options: object) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"
