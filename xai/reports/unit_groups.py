"""Visualizations of chosen units, made in one call, and a picture of all of them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from xai.base.files import write_atomically
from xai.model.model import Model
from xai.reports.cards import pixel_range
from xai.results.explanation import Visualization
from xai.visualization.ascent import visualize
from xai.visualization.objectives import Objective

__all__ = ["units_picture", "visualize_groups"]


def visualize_groups(
    model: Model, groups: dict[str, list[Objective]], *, real: Tensor | None = None, **settings: object
) -> dict[str, Visualization]:
    """Return one Visualization per group, made in a single call so that inputs of all layers share its batches.

    settings: those of `visualize`.
    """
    everything = [item for group in groups.values() for item in group]
    if not everything:
        return {}
    made = visualize(model, everything, reference=real, **settings)
    parts, start = {}, 0
    for name, group in groups.items():
        parts[name] = made.rows(start, start + len(group))
        start += len(group)
    return parts


def units_picture(model: Model, groups: dict[str, Visualization], path: str | Path) -> Path:
    """Write all images of all groups as one PNG; returns its path."""
    images = torch.cat([made.image for made in groups.values()])
    return write_atomically(path, _sheet(model, images))


def _sheet(model: Model, images: Tensor) -> bytes:
    low, high = pixel_range(model.input, images)
    count, channels, height, width = images.shape
    columns = int(np.ceil(count**0.5))
    rows = -(-count // columns)
    pixels = ((images.cpu() - low) / (high - low)).clamp(0, 1).mul(255).round().byte()
    pixels = (
        pixels.permute(0, 2, 3, 1).numpy() if channels == 3 else pixels[:, :1].permute(0, 2, 3, 1).numpy().repeat(3, 3)
    )
    sheet = np.full((rows * (height + 2), columns * (width + 2), 3), 255, np.uint8)
    for number in range(count):
        top, left = number // columns * (height + 2) + 1, number % columns * (width + 2) + 1
        sheet[top : top + height, left : left + width] = pixels[number]
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "PNG")
    return buffer.getvalue()
