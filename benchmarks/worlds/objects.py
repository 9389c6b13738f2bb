"""Several objects of which one counts: a network with an answer for each of three shapes, asked for one of them.

Every picture has three or four different shapes of five, all of one size. Each output of the network
says whether its shape is there (multilabel): the object of that shape decides it, the others do not, though they decide
other outputs. Two of the five shapes have no output at all.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

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

SIDE, CELL, PATCH, POSITIONS = 24, 8, 7, 4
CLASSES = ("cross", "ring", "square")
TRAINING_ROWS, STEPS, RATE = 3000, {"plain": 450, "strided": 500}, 0.02


def make(seed: int, shape: str, rows: int) -> Case:
    """Return a case of a seed; raises Rejected where an output listens to another object than its own."""
    generator = torch.Generator().manual_seed(seed)
    outputs = len(CLASSES)
    build = {"plain": lambda: plain_cnn(1, outputs, size=7), "strided": lambda: strided_cnn(1, outputs, width=20)}
    network = seeded(seed, build[shape])
    made, there, every, _ = _pictures(TRAINING_ROWS, generator)
    if shape == "plain":
        _start_at_objects(network[0].weight, made.images, every)
    train(
        network, batches_with_holes(made.images, there, made.masks, generator), steps=STEPS[shape], batch=32, rate=RATE,
        loss=binary_cross_entropy_with_logits,
    )  # fmt: skip
    model = xai.Model(network, task="multilabel", input=xai.ImageInput((1, SIDE, SIDE)), classes=CLASSES)
    fresh, there, _, _ = _pictures(300, generator)
    accuracy = float(((model.predict(fresh.images) > 0.5) == (there > 0.5)).double().mean())
    if accuracy < ACCURACY:
        raise Rejected(f"{accuracy:.0%} of answers to fresh pictures are right")
    # The first object is the one that counts, the second is what another output looks for.
    drawn, _, every, kinds = _pictures(TRIES * rows, generator, counting=2)
    drawn = drawn._replace(masks=every[:, 0])
    strangers = _without(drawn.labels, generator)
    baseline = torch.full((1, 1, SIDE, SIDE), 0.5)
    return accepted_rows(
        "objects", shape, seed, model, drawn, every[:, 1], kinds[:, 1], strangers, baseline, rows, accuracy,
        decoys=every[:, 2:].amax(1),
    )  # fmt: skip


def _shapes() -> Tensor:
    """Return the five shapes (5, P, P) of zeros and ones, of 17 to 24 pixels: the last two have no output."""
    steps = torch.arange(PATCH) - PATCH // 2
    signed = steps[:, None].expand(PATCH, PATCH)
    down, across = signed.abs(), signed.T.abs()
    cross = (down == 0) | (across == 0) | (down + across <= 2)
    ring = (down + across == 3) | (down + across == 2)
    square = torch.maximum(down, across) == 3
    diagonals = (down == across) | (down + across <= 1)
    stand = (across == 0) | (signed >= 2)
    return torch.stack([cross, ring, square, diagonals, stand]).float()


def _pictures(count: int, generator: torch.Generator, counting: int = 0) -> tuple[Pictures, Tensor, Tensor, Tensor]:
    """Return pictures, which outputs are there (N, 3), the mask of each object (N, 4, H, W), and its shape (N, 4).

    The label is the shape of the first object, the mask that of all objects that some output looks for. The first
    `counting` objects of every picture have an output.
    """
    kinds = torch.rand(count, 5, generator=generator).argsort(1)
    if counting:  # two shapes that have an output first, the others behind them in any order
        counts = torch.rand(count, len(CLASSES), generator=generator).argsort(1)
        others = torch.stack([row[~torch.isin(row, own[:2])] for row, own in zip(kinds, counts, strict=True)])
        kinds = torch.cat([counts[:, :2], others], 1)
    kinds = kinds[:, :POSITIONS]
    shown = torch.ones(count, POSITIONS, dtype=torch.bool)
    shown[:, -1] = torch.rand(count, generator=generator) < 0.5
    tone = (torch.rand(count, POSITIONS, generator=generator) * 0.15 + 0.25) * shown
    patches = _shapes()[kinds][:, :, None] * tone[..., None, None, None]
    corner = corners(count, POSITIONS, SIDE, CELL, PATCH, generator)
    images = paste(0.5 + 0.06 * smooth_noise(count, SIDE, generator), patches, corner, torch.add).clamp(0, 1)
    every = torch.stack(
        [masks_of(corner, shown & (torch.arange(POSITIONS) == slot), SIDE, PATCH) for slot in range(POSITIONS)], 1
    )
    counted = (every * (kinds < len(CLASSES))[..., None, None]).amax(1)
    there = torch.stack([((kinds == kind) & shown).any(1) for kind in range(len(CLASSES))], 1).float()
    return Pictures(images, kinds[:, 0], counted), there, every, kinds


def _start_at_objects(weight: Tensor, images: Tensor, every: Tensor) -> None:
    """Start filters at objects of pictures, which shape ever: from random ones, training often finds none."""
    with torch.no_grad():
        count = len(weight)
        for own, image, mask in zip(weight, images[:count, 0], every[:count, 0], strict=True):
            patch = image[mask > 0].view(PATCH, PATCH)
            patch = patch - patch.mean()
            own[0] = patch / patch.norm()


def _without(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Return pictures (N, 1, H, W) in which the shape of each label does not occur."""
    images, there, _, _ = _pictures(20 * len(labels), generator)
    chosen = [
        int(torch.where(there[slot * 20 : (slot + 1) * 20, label] == 0)[0][0]) for slot, label in enumerate(labels)
    ]
    return images.images[[20 * slot + one for slot, one in enumerate(chosen)]]


FAMILY = Family(make, ("plain", "strided"))
