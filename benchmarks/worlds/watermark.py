"""A watermark decides, and decoys beside it are as edgy: textures of half bright and half dark squares.

Every picture has four textures. One of two watermarks makes it class A or B; all others are decoys drawn anew, whose
edges are as strong. A picture without a watermark is "neither".
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

import xai
from benchmarks.worlds.case import ACCURACY, Case, Family, Rejected
from benchmarks.worlds.networks import plain_cnn, seeded, strided_cnn, train
from benchmarks.worlds.pictures import (
    TRIES,
    Pictures,
    accepted_rows,
    batches_with_holes,
    corners,
    masks_of,
    paste,
    smooth_noise,
)

__all__ = ["FAMILY"]

SIDE, CELL, PATCH, PATCHES = 24, 8, 6, 4
EDGES = 60.0  # the summed differences of neighbors in every texture
CLASSES = ("neither", "A", "B")
TRAINING_ROWS, STEPS = 1200, {"plain": 160, "strided": 240}


def make(seed: int, shape: str, rows: int) -> Case:
    """Return a case of a seed; raises Rejected where the network has not learned the watermarks alone."""
    generator = torch.Generator().manual_seed(seed)
    patterns = _textures(2, generator)
    network = seeded(seed, lambda: plain_cnn(1, 3) if shape == "plain" else strided_cnn(1, 3))
    if shape == "plain":
        _start_at_textures(network[0].weight, generator)

    made = _pictures(TRAINING_ROWS, patterns, generator)[0]
    train(network, batches_with_holes(made.images, made.labels, made.masks, generator), steps=STEPS[shape], batch=32)
    model = xai.Model(network, input=xai.ImageInput((1, SIDE, SIDE)), classes=CLASSES)
    fresh = _pictures(300, patterns, generator)[0]
    accuracy = float((model.predict(fresh.images).argmax(1) == fresh.labels).double().mean())
    if accuracy < ACCURACY:
        raise Rejected(f"{accuracy:.0%} of fresh pictures are right")
    drawn, decoys = _pictures(TRIES * rows, patterns, generator, kinds=(1, 3))
    strangers = _pictures(TRIES * rows, patterns, generator, kinds=(0, 1))[0].images
    baseline = torch.full((1, 1, SIDE, SIDE), 0.5)
    return accepted_rows(
        "watermark", shape, seed, model, drawn, None, 3 - drawn.labels, strangers, baseline, rows, accuracy,
        decoys=decoys,
    )  # fmt: skip


def _textures(count: int, generator: torch.Generator) -> Tensor:
    """Return textures (count, P, P): half of the pixels bright, half dark, and all with the same sum of edges."""
    halves = torch.tensor([1.0, -1.0]).repeat_interleave(PATCH * PATCH // 2)
    textures = halves[torch.rand(count, PATCH * PATCH, generator=generator).argsort(1)].view(count, PATCH, PATCH)
    wide = pad(textures, (1, 1, 1, 1))
    edges = wide.diff(dim=1).abs().sum((1, 2)) + wide.diff(dim=2).abs().sum((1, 2))
    return textures * (EDGES / edges * 0.6).view(-1, 1, 1)


def _pictures(
    count: int, patterns: Tensor, generator: torch.Generator, kinds: tuple[int, int] = (0, 3)
) -> tuple[Pictures, Tensor]:
    """Return pictures of labels from kinds[0] to below kinds[1], and masks of all their decoys."""
    labels = torch.randint(*kinds, (count,), generator=generator)
    patches = _textures(count * PATCHES, generator).view(count, PATCHES, 1, PATCH, PATCH)
    there = labels > 0
    patches[there, 0, 0] = patterns[labels[there] - 1]
    positions = corners(count, PATCHES, SIDE, CELL, PATCH, generator)
    images = paste(0.5 + 0.07 * smooth_noise(count, SIDE, generator), patches, positions, torch.add).clamp(0, 1)
    first = torch.zeros(count, PATCHES, dtype=torch.bool)
    first[:, 0] = there
    masks = masks_of(positions, first, SIDE, PATCH), masks_of(positions, ~first, SIDE, PATCH)
    return Pictures(images, labels, masks[0]), masks[1]


def _start_at_textures(weight: Tensor, generator: torch.Generator) -> None:
    """Start filters as textures of no class: from random ones, training often never finds a watermark."""
    with torch.no_grad():
        drawn = _textures(len(weight), generator)[:, None]
        weight.copy_(drawn / drawn.flatten(1).norm(dim=1).view(-1, 1, 1, 1))


FAMILY = Family(make, ("plain", "strided"))
