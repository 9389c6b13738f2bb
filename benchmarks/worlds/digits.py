"""Two real digits side by side, one side decides: the same digit on the other side is as good a digit, and ignored.

Digits are MNIST's, halved in size. A world draws three of them as its classes and which side decides; the network never
sees a picture in which the other side would help.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad

import xai
from benchmarks.worlds.case import ACCURACY, Case, Family, Rejected
from benchmarks.worlds.networks import seeded, train
from benchmarks.worlds.pictures import TRIES, Pictures, accepted_rows
from models.datasets.mnist import mnist

__all__ = ["FAMILY"]

SIDE, INK, LOST = 14, 0.05, 0.8
SAMPLES = 2000  # random losses of ink behind each truth
STEPS = {"plain": 200, "strided": 200}


def make(seed: int, shape: str, rows: int) -> Case:
    """Return a case of a seed; raises Rejected where the network has not learned which side decides."""
    generator = torch.Generator().manual_seed(seed)
    digits = torch.randperm(10, generator=generator)[:3].sort().values
    side = int(torch.randint(2, (), generator=generator))
    network = seeded(seed, _plain if shape == "plain" else _strided)

    def draw(count: int) -> tuple[Tensor, Tensor]:
        made = _pictures(count, digits, side, generator, part=0)[0]
        # Pixels are lost at random, so that no single stroke decides alone: all of the digit's ink speaks for it.
        lost = torch.rand(made.images.shape, generator=generator) < LOST * torch.rand(
            count, 1, 1, 1, generator=generator
        )
        return made.images.masked_fill(lost, 0.0), made.labels

    train(network, draw, steps=STEPS[shape])
    classes = [str(int(digit)) for digit in digits]
    model = xai.Model(network, input=xai.ImageInput((1, SIDE, 2 * SIDE)), classes=classes)
    fresh = _pictures(300, digits, side, generator, part=1)[0]
    accuracy = float((model.predict(fresh.images).argmax(1) == fresh.labels).double().mean())
    if accuracy < ACCURACY:
        raise Rejected(f"{accuracy:.0%} of fresh pictures are right")
    drawn, others, other_masks = _pictures(TRIES * rows, digits, side, generator, part=1, differ=True)
    strangers = _pictures(TRIES * rows, digits, side, generator, part=1)[0].images
    half = torch.zeros(len(others), SIDE, 2 * SIDE)
    half[:, :, side * SIDE : (side + 1) * SIDE] = 1.0
    # The digit on the other side stands for another class, and decides nothing.
    case = accepted_rows(
        "digits", shape, seed, model, drawn, None, others, strangers, torch.zeros(1, 1, SIDE, 2 * SIDE), rows, accuracy,
        region=half, decoys=other_masks,
    )  # fmt: skip
    return replace(case, truth=_measured(case, generator), additive=True)


def _measured(case: Case, generator: torch.Generator) -> list[Tensor]:
    """Return what each pixel of the deciding digit's ink adds to the output, (H, W) per row; 0 elsewhere.

    The digit loses random shares of its ink, again and again: a pixel's part is its mean effect, by least squares.
    """
    maps = []
    for image, target, region in zip(case.inputs, case.target, case.truth, strict=True):
        ink = torch.where(region.flatten() > 0)[0]
        shown = torch.rand(SAMPLES, len(ink), generator=generator) < torch.rand(SAMPLES, 1, generator=generator)
        batch = image.flatten().repeat(SAMPLES, 1)
        batch[:, ink] = torch.where(shown, batch[:, ink], 0.0)
        with torch.no_grad():
            outputs = case.model.network(batch.view(-1, *image.shape))[:, target]
        design = torch.cat([shown.double(), torch.ones(SAMPLES, 1, dtype=torch.float64)], 1)
        parts = torch.linalg.lstsq(design, outputs.double()[:, None]).solution[:-1, 0]
        values = torch.zeros(image.numel())
        values[ink] = parts.float()
        maps.append(values.view(image.shape[1:]))
    return maps


@lru_cache(maxsize=1)
def _source() -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Return MNIST's digits to train on and to test, (images (N, 14, 14), digits (N,)) each."""
    data = mnist()
    parts = (data.train_inputs, data.train_labels), (data.test_inputs, data.test_labels)
    return tuple((avg_pool2d(images, 2)[:, 0], digits) for images, digits in parts)


def _pictures(
    count: int, digits: Tensor, side: int, generator: torch.Generator, part: int, differ: bool = False
) -> tuple[Pictures, Tensor, Tensor]:
    """Return pictures of two digits, the class of the digit that does not decide (N,), and masks of its ink.

    part: 0 of MNIST's images to train on, 1 to test. differ: with two different digits in every picture.
    """
    images, named = _source()[part]
    of_class = [torch.where(named == digit)[0] for digit in digits]
    labels = torch.randint(3, (count,), generator=generator)
    others = (labels + torch.randint(int(differ), 3, (count,), generator=generator)) % 3
    halves, masks = [], []
    for chosen in (labels, others):
        rows = [int(of_class[one][int(torch.randint(len(of_class[one]), (), generator=generator))]) for one in chosen]
        half = _shifted(images[rows], generator)
        halves.append(half)
        masks.append((half > INK).float())
    if side == 1:
        halves, sides = halves[::-1], (1, 0)
    else:
        sides = (0, 1)
    wide = [pad(mask, (column * SIDE, (1 - column) * SIDE)) for mask, column in zip(masks, sides, strict=True)]
    return Pictures(torch.cat(halves, 2)[:, None], labels, wide[0]), others, wide[1]


def _shifted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return images (N, H, W), each moved by at most one pixel: MNIST's digits leave two pixels around them."""
    shifts = torch.randint(-1, 2, (len(images), 2), generator=generator).tolist()
    return torch.stack([image.roll(tuple(shift), (0, 1)) for image, shift in zip(images, shifts, strict=True)])


def _plain() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 12, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(12, 16, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d((1, 2)), nn.Flatten(), nn.Linear(16 * 7 * 7, 3),
    )  # fmt: skip


def _strided() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
        nn.AdaptiveAvgPool2d((2, 7)), nn.Flatten(), nn.Linear(32 * 14, 3),
    )  # fmt: skip


FAMILY = Family(make, ("plain", "strided"))
