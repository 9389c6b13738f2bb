"""Patches of images, anywhere: what is typical of a class, where others differ or the model's attributions point."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from xai.attribution.gradient_methods import saliency
from xai.attribution.occlusion import occlusion
from xai.auditing.explainers import differentiable
from xai.auditing.kinds import class_names
from xai.auditing.split import Split
from xai.auditing.triggers.patches import stamping
from xai.auditing.triggers.planting import Candidate
from xai.model.model import Model

__all__ = ["foreign_patches", "typical_patches"]

PARTS = (8, 5)  # a patch has an eighth or a fifth of the side
LEAST, MOST, MOST_CLASSES = 20, 300, 10
EXPLAINED = 16  # rows of a class whose attributions point at patches
CUTS = 3  # that are taken by one map, apart from each other


def typical_patches(model: Model, known: Split) -> list[Candidate]:
    """Return small patches of the median image of each class, from anywhere, to be put where they came from.

    A trigger that most images of a class have stands in their median; an object that moves or varies is pale there.
    Where to cut follows from how far other images are from what is typical, and by the model's own attributions.
    """
    names, found = class_names(model, known.outputs), []
    for label in known.labels.bincount().argsort(descending=True, stable=True)[:MOST_CLASSES].tolist():
        of_class, others = known.inputs[known.labels == label][:MOST], known.inputs[known.labels != label][:MOST]
        if min(len(of_class), len(others)) < LEAST:
            continue
        typical = of_class.median(0).values
        farther = (others - typical).abs().mean((0, 1)) - (of_class - typical).abs().mean((0, 1))
        heats = [farther, *_pointed_at(model, known, label)]
        for size in _sizes(of_class):
            for top, left in dict.fromkeys(corner for heat in heats for corner in _strongest(heat, size)):
                where = f"at row {top + 1}, column {left + 1}"
                name = f'a patch of {size} x {size} pixels {where} of the median image of "{names[label]}"'
                window = slice(top, top + size), slice(left, left + size)
                found.append(Candidate(name, stamping(*window, typical[:, window[0], window[1]]), label))
    return found


def foreign_patches(model: Model, rows: Split, seed: int) -> list[Candidate]:
    """Return patches of the same sizes that mean nothing: cut from one place of an image, put at another."""
    draw = torch.Generator().manual_seed(seed)
    height, width = rows.inputs.shape[2:]
    found = []
    for size in _sizes(rows.inputs):
        for _ in range(10):
            row = int(torch.randint(len(rows), (1,), generator=draw))
            corners = [int(torch.randint(side - size + 1, (1,), generator=draw)) for side in (height, width) * 2]
            patch = rows.inputs[row, :, corners[0] : corners[0] + size, corners[1] : corners[1] + size]
            spot = slice(corners[2], corners[2] + size), slice(corners[3], corners[3] + size)
            found.append(Candidate("a patch of another place", stamping(*spot, patch)))
    return found


def _sizes(images: Tensor) -> list[int]:
    return sorted({max(1, round(min(images.shape[2:]) / part)) for part in PARTS})


def _pointed_at(model: Model, known: Split, label: int) -> list[Tensor]:
    """Return how strongly each pixel (H, W) counts for a class, on average over rows that are rightly called it."""
    rows = torch.where((known.labels == label) & (known.predicted == label))[0][:EXPLAINED]
    if len(rows) == 0:
        return []
    inputs = known.inputs[rows]
    method = saliency if differentiable(model, inputs) else occlusion
    values = torch.stack(list(method(model, inputs, [label] * len(rows)).values))
    return [values.abs().double().cpu().mean((0, 1))]


def _strongest(values: Tensor, size: int) -> list[tuple[int, int]]:
    """Return the upper left corners of the windows (size, size) with the largest sums, apart from each other."""
    left = values.double().clone()
    corners = []
    for _ in range(CUTS):
        means = avg_pool2d(left[None, None], size, stride=1)[0, 0]
        top, side = divmod(int(means.argmax()), means.shape[1])
        corners.append((top, side))
        left[top : top + size, side : side + size] = values.min()
    return corners
