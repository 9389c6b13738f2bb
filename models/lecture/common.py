"""What the experiments share: small data, small networks, one short training loop, and means with their errors."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import NamedTuple

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from models.datasets.mnist import mnist
from xai.inputs.image import ImageInput

__all__ = [
    "Split",
    "convolutions",
    "dense",
    "digits",
    "fit",
    "handwritten",
    "loss_of",
    "mean_error",
    "percent",
    "right",
    "scientific",
]


class Split(NamedTuple):
    """Inputs (N, ...) and class numbers (N,), to train on and to test."""

    inputs: Tensor
    labels: Tensor
    test_inputs: Tensor
    test_labels: Tensor


def digits(train: int, seed: int = 0, wrong: float = 0.0, everywhere: bool = False) -> Split:
    """Return scikit-learn's 1,797 digits of 8 x 8 pixels as rows, so many of them to train on, the others to test.

    Each pixel is standardized by the training rows; those that never change there are left out. wrong: the share of
    labels that are replaced by others, among those to train on, or everywhere.
    """
    bunch = load_digits()
    rows, labels = torch.tensor(bunch.data, dtype=torch.float32), torch.tensor(bunch.target)
    draw = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(rows), generator=draw)
    first, held_out = order[:train], order[train:]
    std = rows[first].std(0)
    used = std > 0
    rows = ((rows - rows[first].mean(0)) / std.clamp(min=1.0))[:, used]
    changed = torch.rand(len(labels), generator=draw) < wrong
    if not everywhere:
        changed[held_out] = False
    labels[changed] = (labels[changed] + torch.randint(1, 10, (int(changed.sum()),), generator=draw)) % 10
    return Split(rows[first], labels[first], rows[held_out], labels[held_out])


def handwritten(train: int, test: int = 1000, seed: int = 0) -> Split:
    """Return so many MNIST digits to train on and to test, (N, 1, 28, 28), standardized."""
    data = mnist()
    draw = torch.Generator().manual_seed(seed)
    first = torch.randperm(len(data.train_inputs), generator=draw)[:train]
    last = torch.randperm(len(data.test_inputs), generator=draw)[:test]
    change = ImageInput.of(data.input).feed
    inputs, test_inputs = change(data.train_inputs[first]), change(data.test_inputs[last])
    return Split(inputs, data.train_labels[first], test_inputs, data.test_labels[last])


def dense(*sizes: int, dropout: float = 0.0) -> nn.Sequential:
    """Return linear layers of these sizes with ReLU, and dropout where asked, between them."""
    layers: list[nn.Module] = []
    for number, (before, after) in enumerate(itertools.pairwise(sizes)):
        if number:
            layers.append(nn.ReLU())
            if dropout:
                layers.append(nn.Dropout(dropout))
        layers.append(nn.Linear(before, after))
    return nn.Sequential(*layers)


def convolutions(first: int = 8, second: int = 16, hidden: int = 32) -> nn.Sequential:
    """Return a small network for 28 x 28 pixels: convolve, ReLU, pool, twice, then two linear layers."""
    return nn.Sequential(
        nn.Conv2d(1, first, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(first, second, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(second * 49, hidden),
        nn.ReLU(),
        nn.Linear(hidden, 10),
    )


def fit(
    network: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    epochs: int,
    batch: int = 64,
    rate: float = 1e-3,
    seed: int = 0,
    penalty: Callable[[nn.Module], Tensor] | None = None,
    change: Callable[[Tensor, torch.Generator], Tensor] | None = None,
    around: Callable | None = None,
    anneal: bool = False,
    after_epoch: Callable[[int], bool | None] | None = None,
) -> nn.Module:
    """Train in place with Adam on cross entropy, and return the network in eval mode.

    change: of each batch of inputs. around: a context held around forward and backward. anneal: let the rate fall to 0.
    after_epoch: called with its number, the network in eval mode; True ends the training.
    """
    stepper = torch.optim.Adam(network.parameters(), rate)
    steps = epochs * math.ceil(len(inputs) / batch)
    pace = torch.optim.lr_scheduler.LinearLR(stepper, 1.0, 0.0, steps) if anneal else None
    draw = torch.Generator().manual_seed(seed)
    for epoch in range(epochs):
        network.train()
        for rows in torch.randperm(len(inputs), generator=draw).split(batch):
            stepper.zero_grad()
            changed = inputs[rows] if change is None else change(inputs[rows], draw)
            with nullcontext() if around is None else around(network):
                loss = functional.cross_entropy(network(changed), labels[rows])
                if penalty is not None:
                    loss = loss + penalty(network)
                loss.backward()
            stepper.step()
            if pace is not None:
                pace.step()
        network.eval()
        if after_epoch is not None and after_epoch(epoch):
            break
    return network.eval()


def right(network: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    """Return the share of rows that the network gets right."""
    network.eval()
    with torch.no_grad():
        return float((network(inputs).argmax(1) == labels).double().mean())


def loss_of(network: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    """Return the mean cross entropy."""
    network.eval()
    with torch.no_grad():
        return float(functional.cross_entropy(network(inputs), labels))


def percent(share: float, digits: int = 0) -> str:
    """Return a share in words.

    >>> percent(0.123, 1)
    '12.3\\xa0%'
    """
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def scientific(value: float) -> str:
    """Return a very small or large number with one digit.

    >>> scientific(3.8e-8)
    '4·10⁻⁸'
    """
    digit, exponent = f"{value:.0e}".split("e")
    return f"{digit}·10" + str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def mean_error(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and its standard error.

    >>> mean_error([1.0, 3.0])
    (2.0, 1.0)
    """
    tensor = torch.tensor(values, dtype=torch.float64)
    error = float(tensor.std()) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return float(tensor.mean()), error
