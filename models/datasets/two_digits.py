"""Two handwritten digits on one canvas: several labels of many."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from models.datasets import Dataset
from models.datasets.mnist import MEAN, STD, mnist
from xai.inputs.image import ImageInput

__all__ = ["two_digits"]

COUNTS = {"train": 8000, "test": 1000}


def two_digits() -> Dataset:
    """Return 8,000 canvases of 28 x 56 pixels to train on and 1,000 to test, with two different digits each.

    The left half is one MNIST image, the right half another, each moved up or down by at most 2 pixels. Labels (N, 10)
    are 1 for the two digits that are there. Training canvases are made of MNIST's training images, test canvases of its
    test images. Source: see data/mnist_5k.NOTICE.
    """
    source = mnist()
    train = _canvases(source.train_inputs, source.train_labels, COUNTS["train"], 1)
    test = _canvases(source.test_inputs, source.test_labels, COUNTS["test"], 2)
    return Dataset(
        name="two MNIST digits on one canvas",
        input=ImageInput((1, 28, 56), mean=[MEAN], std=[STD]),
        classes=source.classes,
        train_inputs=train[0],
        train_labels=train[1],
        test_inputs=test[0],
        test_labels=test[1],
    )


def _canvases(images: Tensor, digits: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    left = torch.randint(len(images), (count,), generator=generator)
    right = torch.randint(len(images), (count,), generator=generator)
    while bool((same := digits[left] == digits[right]).any()):
        right[same] = torch.randint(len(images), (int(same.sum()),), generator=generator)
    halves = [_shifted(images[chosen], generator) for chosen in (left, right)]
    labels = torch.zeros(count, 10)
    rows = torch.arange(count)
    labels[rows, digits[left]] = 1
    labels[rows, digits[right]] = 1
    return torch.cat(halves, 3), labels


def _shifted(images: Tensor, generator: torch.Generator) -> Tensor:
    padded = functional.pad(images, (0, 0, 2, 2))  # few digits reach to the border, where they lose a row or two
    start = torch.randint(5, (len(images),), generator=generator)
    rows = start[:, None] + torch.arange(28)
    return padded[torch.arange(len(images))[:, None], 0, rows][:, None]
