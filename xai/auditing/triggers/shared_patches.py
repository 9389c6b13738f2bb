"""Patches near the border that most images of a class have and few others do: found in the rows, not in the network."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from xai.auditing.kinds import class_names
from xai.auditing.split import Split
from xai.auditing.triggers.patches import stamping
from xai.auditing.triggers.planting import Candidate
from xai.model.model import Model

__all__ = ["SharedPatch", "shared", "shared_patches"]

PARTS = (8, 5)  # a patch has an eighth or a fifth of the side
DEPTH = 4  # and lies in the outer quarter
LEAST, MOST, MOST_CLASSES = 20, 500, 10


class SharedPatch(NamedTuple):
    """The pixels (C, size, size) that are typical of a class there, the upper left corner, and the class."""

    label: int
    top: int
    left: int
    pixels: Tensor


def shared_patches(model: Model, known: Split) -> list[Candidate]:
    """Return what most known images of a class have in common near the border, and others have not."""
    classes = class_names(model, known.outputs)
    found = []
    for label, top, left, pixels in shared(known.inputs, known.labels):
        size = pixels.shape[1]
        where = f"at row {top + 1}, column {left + 1} of the median image of"
        name = f'a patch of {size} x {size} pixels {where} "{classes[label]}"'
        found.append(Candidate(name, stamping(slice(top, top + size), slice(left, left + size), pixels), label))
    return found


def shared(images: Tensor, labels: Tensor) -> list[SharedPatch]:
    """Return for each class of images (N, C, H, W) the patch of the border that tells it best from all others.

    A trigger that nearly all images of a class have is in their median, and other images are far from it. What is found
    may be harmless: whether it decides is for the network to say, when it is pasted on others. Classes of fewer than 20
    images, or with fewer than 20 others, are left out; of more than ten, the largest are kept.
    """
    found = []
    for label in labels.bincount().argsort(descending=True, stable=True)[:MOST_CLASSES].tolist():
        of_class, others = images[labels == label][:MOST], images[labels != label][:MOST]
        if min(len(of_class), len(others)) >= LEAST:
            found.append(_most_telling(of_class, others, label))
    return found


def _most_telling(of_class: Tensor, others: Tensor, label: int) -> SharedPatch:
    typical = of_class.median(0).values
    # How much farther other images are from what is typical than the images of the class are, by pixel.
    farther = (others - typical).abs().mean((0, 1)) - (of_class - typical).abs().mean((0, 1))
    height, width = farther.shape
    best = (-math.inf, 0, 0, 0)
    for size in sorted({max(1, round(min(height, width) / part)) for part in PARTS}):
        total = size**2 * avg_pool2d(farther[None, None], size, stride=1)[0, 0]
        total[_inner(height, size)[:, None] & _inner(width, size)] = -torch.inf
        corner = int(total.argmax())
        value = float(total.flatten()[corner])
        if best[3] == 0 or value > best[0]:
            best = (value, *divmod(corner, total.shape[1]), size)
    _, top, left, size = best
    return SharedPatch(label, top, left, typical[:, top : top + size, left : left + size])


def _inner(length: int, size: int) -> Tensor:
    """Return which starts of patches along a side leave the outer quarter."""
    depth, start = max(size, round(length / DEPTH)), torch.arange(length - size + 1)
    return (start + size > depth) & (start < length - depth)
