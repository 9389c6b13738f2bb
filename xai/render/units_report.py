"""A page of visualizations of chosen units."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from xai.core.errors import InputError, TargetError, expected
from xai.core.explanation import Visualization
from xai.core.files import write_atomically
from xai.core.images import LabelledImages
from xai.core.model import Model
from xai.render.cards import pixel_range
from xai.render.report import Report
from xai.render.sections.units import units_section
from xai.visualization import objectives
from xai.visualization.ascent import visualize
from xai.visualization.objectives import Objective

__all__ = ["MOST_UNITS", "choose_units", "units_report", "visualize_groups"]

MOST_UNITS = 32  # per layer; a wider layer shows an even spread


def choose_units(
    model: Model,
    layers: Sequence[str] = (),
    channels: Sequence[int] = (),
    class_name: str | None = None,
    minimize: bool = False,
    most: int = MOST_UNITS,
) -> dict[str, list[Objective]]:
    """Return objectives by layer: the named channels, or an even spread of each layer, or a class, or everything.

    Raises InputError for a layer that has no channels, TargetError for a class that does not exist.
    """
    if model.input.kind != "image":
        raise InputError(expected("visualize", "model", "one of images", f"input {model.input.kind}"))
    names = model.classes or []
    groups: dict[str, list[Objective]] = {}
    if class_name is not None:
        number = _class_number(class_name, names)
        groups["class logits"] = [replace(objectives.logit(number), name=f"class {names[number]}")]
    else:
        found = {layer.name: layer for layer in model.trace().layers}
        own = [layer.name for layer in model.trace().units() if len(layer.shape) == 3]
        for name in layers or own:
            if name not in found or not found[name].shape:
                raise InputError(expected("visualize", "layer", f"one like {', '.join(own[:8])}", repr(name)))
            numbers = channels or _spread(found[name].shape[0], most)
            beyond = [number for number in numbers if not 0 <= number < found[name].shape[0]]
            if beyond:
                wanted = f"0 to {found[name].shape[0] - 1}"
                raise InputError(expected("visualize", f"{name}: channel", wanted, beyond[0]))
            groups[name] = [objectives.channel(name, number) for number in numbers]
        if not layers and names:
            logits = ((number, objectives.logit(number)) for number in _spread(len(names), most))
            groups["class logits"] = [replace(item, name=f"class {names[number]}") for number, item in logits]
    return {name: [-item if minimize else item for item in group] for name, group in groups.items()}


def visualize_groups(
    model: Model,
    groups: dict[str, list[Objective]],
    *,
    real: Tensor | None = None,
    steps: int = 256,
    size: int | None = None,
    seed: int = 0,
) -> dict[str, Visualization]:
    """Return one Visualization per group, made in a single call so that images of all layers share its batches."""
    everything = [item for group in groups.values() for item in group]
    if not everything:
        return {}
    made = visualize(model, everything, steps=steps, size=size, reference=real, seed=seed)
    parts, start = {}, 0
    for name, group in groups.items():
        parts[name] = made.rows(start, start + len(group))
        start += len(group)
    return parts


def units_report(
    model: Model,
    groups: dict[str, list[Objective]],
    path: str | Path,
    *,
    real: LabelledImages | None = None,
    steps: int = 256,
    size: int | None = None,
    seed: int = 0,
) -> Path:
    """Visualize the objectives and write a page, or one picture of all where the path ends in .png."""
    reference = None if real is None else real.images
    parts = visualize_groups(model, groups, real=reference, steps=steps, size=size, seed=seed)
    if Path(path).suffix.lower() == ".png":
        images = torch.cat([part.image for part in parts.values()])
        return write_atomically(path, _sheet(model, images), "visualize")
    section = units_section(model, parts, model.trace().titles(), reference, "" if real is None else real.source)
    return Report(f"{model.name}: what its units look for", [section]).save(path)


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


def _class_number(name: str, names: list[str]) -> int:
    if name in names:
        return names.index(name)
    if name.isdecimal() and int(name) < len(names):
        return int(name)
    known = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    raise TargetError(
        expected("visualize", "class", f"one of {known or 'the named classes (the model has none)'}", repr(name))
    )


def _spread(total: int, count: int) -> list[int]:
    return list(range(total)) if total <= count else [place * total // count for place in range(count)]
