"""Patches on images: bright, dark and learned ones at the border, and noise of the same size as their control."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from xai.auditing.explainers import differentiable
from xai.auditing.kinds import value_range
from xai.auditing.split import Split
from xai.auditing.triggers.planting import Candidate
from xai.model.model import Model

__all__ = ["noise_patches", "patches", "stamping"]

PARTS = 8  # a patch has an eighth of the side
STEPS, LEARNED_ON, MOST_CLASSES = 10, 64, 10


class Region(NamedTuple):
    """Where a patch lies: rows and columns of pixels."""

    name: str
    down: slice
    right: slice


def patches(model: Model, split: Split, seed: int) -> list[Candidate]:
    """Return a dark and a bright patch at corners and sides, and patches that the gradient suggests for each class."""
    inputs = split.inputs
    low, high = value_range(model, inputs)
    height, width = inputs.shape[2:]
    found = [
        Candidate(f"a {color} patch at the {region.name}", stamping(region.down, region.right, torch.tensor(value)))
        for region in _regions(height, width)
        for color, value in (("dark", low), ("bright", high))
    ]
    if not differentiable(model, inputs):
        return found
    classes = split.predicted.bincount(minlength=split.outputs).argsort(descending=True)[:MOST_CLASSES].tolist()
    learn = inputs[torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))[:LEARNED_ON]]
    for region in _regions(height, width, corners=True):
        for number in classes:
            patch = _learned(model, learn, region, number, low, high)
            plant = stamping(region.down, region.right, patch)
            found.append(Candidate(f"a learned patch at the {region.name}", plant, number))
    return found


def noise_patches(model: Model, split: Split, seed: int) -> list[Candidate]:
    """Return patches of the same size that mean nothing: noise."""
    generator = torch.Generator().manual_seed(seed)
    low, high = value_range(model, split.inputs)
    channels, height, width = split.inputs.shape[1:]
    found = []
    for region in _regions(height, width):
        shape = (channels, *(side.stop - side.start for side in region[1:]))
        noise = low + (high - low) * torch.rand(shape, generator=generator)
        found.append(Candidate(f"noise at the {region.name}", stamping(region.down, region.right, noise)))
    return found


def stamping(down: slice, right: slice, patch: Tensor) -> Callable[[Tensor], Tensor]:
    """Return a function from images (N, C, H, W) to the same with a patch over them."""

    def plant(images: Tensor) -> Tensor:
        changed = images.clone()
        changed[:, :, down, right] = patch.to(images)
        return changed

    return plant


def _learned(model: Model, images: Tensor, region: Region, target: int, low: float, high: float) -> Tensor:
    """Return the patch (C, h, w) that moves all images together toward a class, by signs of the gradient."""
    down, right = region.down, region.right
    patch = torch.full((images.shape[1], down.stop - down.start, right.stop - right.start), (low + high) / 2)
    with model.explaining("audit", images, target, of="log_probability", exact=True) as session:
        patch = patch.to(session.inputs)
        for step in range(STEPS):
            gradient = torch.zeros_like(session.inputs[0])
            for part in session.chunks(len(session)):
                stamped = stamping(down, right, patch)(session.inputs[part])
                gradient += session.gradient(stamped, session.rows[part])[1].sum(0)
            size = (high - low) / 2 * (1 - step / STEPS)
            patch = (patch + size * gradient[:, down, right].sign()).clamp(low, high)
    return patch.detach().cpu().to(images)


def _regions(height: int, width: int, corners: bool = False) -> list[Region]:
    """Return the corners, and unless those alone are asked for also the middles of the sides."""
    size = (min(height, max(2, round(height / PARTS))), min(width, max(2, round(width / PARTS))))
    rows = {"top": 0, "middle": (height - size[0]) // 2, "bottom": height - size[0]}
    columns = {"left": 0, "center": (width - size[1]) // 2, "right": width - size[1]}
    found = []
    for down, first in rows.items():
        for right, second in columns.items():
            sides = (down != "middle") + (right != "center")
            if sides == 2 or (sides == 1 and not corners):
                slices = (slice(first, first + size[0]), slice(second, second + size[1]))
                found.append(Region(f"{down} {right}", *slices))
    return found
