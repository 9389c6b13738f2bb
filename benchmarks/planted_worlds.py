"""Data and networks for planted faults: four kinds of rows, each drawn anew from a seed, and a network that fits them.

Every row belongs to one of two groups, "a" or "b", of equal share and equal labels, which `AuditData` calls protected.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, one_hot

from models.datasets.mnist import mnist
from xai.inputs.base import Input
from xai.inputs.image import ImageInput
from xai.inputs.series import SequenceInput
from xai.inputs.table import TabularInput

__all__ = ["KINDS", "World", "fitted", "world"]

KINDS = ("digits", "pictures", "table", "series")
HELD_OUT, FRESH = 400, 400
STEPS = 300


@dataclass(frozen=True)
class World:
    """Rows in random order: inputs (N, ...), labels (N,), groups (N,) 0 or 1; how they are called; a new network.

    train, held_out, fresh: which rows are which; nothing is learned from, or audited on, the fresh ones.
    """

    kind: str
    inputs: Tensor
    labels: Tensor
    groups: Tensor
    input: Input
    classes: list[str]
    network: Callable[[], nn.Sequential]

    @property
    def train(self) -> slice:
        return slice(HELD_OUT + FRESH, len(self.labels))

    @property
    def held_out(self) -> slice:
        return slice(FRESH, HELD_OUT + FRESH)

    @property
    def fresh(self) -> slice:
        return slice(FRESH)


def world(kind: str, seed: int, *, visible_groups: bool = False, hard: bool = False) -> World:
    """Return the world of a seed.

    visible_groups: a row's group can be told from it, and has to be learned: images of "b" have a lighter background,
    its series are turned upside down, and the strongest column of a table means the opposite. hard: fainter, so that a
    few rows do not tell what is true of all.
    """
    draw = np.random.default_rng([seed, KINDS.index(kind)])
    made = {"digits": _digits, "pictures": _pictures, "table": _table, "series": _series}[kind]
    return made(draw, visible_groups, hard)


def fitted(
    network: nn.Sequential, inputs: Tensor, labels: Tensor, *, seed: int, epochs: int | None = None, decay: float = 0.01
) -> nn.Sequential:
    """Train a network with AdamW on batches of 64, the rate falling to 0; 15 epochs, and at least 300 steps."""
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=decay)
    generator = torch.Generator().manual_seed(seed)
    batches = -(-len(labels) // 64)
    epochs = epochs or max(15, -(-STEPS // batches))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * batches)
    for _ in range(epochs):
        for rows in torch.randperm(len(labels), generator=generator).chunk(batches):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()
            schedule.step()
    return network.eval()


@cache
def _all_digits() -> tuple[Tensor, Tensor]:
    data = mnist()
    images = torch.cat([data.train_inputs, data.test_inputs])
    return avg_pool2d(images, 2), torch.cat([data.train_labels, data.test_labels])


def _digits(draw: np.random.Generator, visible_groups: bool, hard: bool) -> World:
    """MNIST digits at half their size, 4 or 5 classes; hard: noise, and a paler digit of another row, over each."""
    images, labels = _all_digits()
    chosen = np.sort(draw.choice(10, int(draw.integers(4, 6)), replace=False))
    count = HELD_OUT + FRESH + int(draw.integers(700, 1000))
    rows = torch.from_numpy(draw.permutation(np.flatnonzero(np.isin(labels.numpy(), chosen)))[:count])
    images, labels = images[rows], torch.from_numpy(np.searchsorted(chosen, labels[rows].numpy()))
    if hard:
        paler = images[torch.from_numpy(draw.permutation(len(images)))]
        images = (torch.maximum(images, 0.45 * paler) + 0.1 * _normal(draw, images.shape)).clamp(0, 1)
    groups = torch.from_numpy(draw.integers(0, 2, len(labels)))
    images = torch.where(_there(groups, images) & visible_groups, 0.4 + 0.6 * images, images)
    names = [str(digit) for digit in chosen]
    return World("digits", images, labels, groups, ImageInput((1, 14, 14)), names, _image_network(draw, images, names))


def _pictures(draw: np.random.Generator, visible_groups: bool, hard: bool) -> World:
    """Bars, crosses and frames on noise, 16 to 20 pixels wide, gray or in color."""
    side, channels = int(draw.integers(16, 21)), int(draw.choice([1, 3]))
    count = HELD_OUT + FRESH + int(draw.integers(500, 800))
    names = [str(name) for name in draw.permutation(["bar", "column", "cross", "frame"])[: draw.integers(2, 5)]]
    labels = torch.from_numpy(draw.integers(0, len(names), count))
    background = torch.from_numpy(draw.uniform(0.1, 0.35, (count, 1, 1, 1))).float()
    images = background + torch.zeros(count, channels, side, side)
    half, middle = side // 4, side // 2
    colors = torch.from_numpy(draw.uniform(0.35, 0.6, (count, channels))).float()[:, :, None, None]
    colors = colors * (0.6 if hard else 1.0)
    for image, label, color, (down, right) in zip(
        images, labels, colors, draw.integers(-1, 2, (count, 2)).tolist(), strict=True
    ):
        y, x, name = middle + down, middle + right, names[int(label)]
        if name in ("bar", "cross"):
            image[:, y : y + 2, x - half : x + half + 1] += color
        if name in ("column", "cross"):
            image[:, y - half : y + half + 1, x : x + 2] += color
        if name == "frame":
            image[:, y - half : y + half + 1, x - half : x + half + 1] += color
            image[:, y - half + 2 : y + half - 1, x - half + 2 : x + half - 1] -= color
    images = (images.clamp(0, 0.9) + (0.25 if hard else 0.12) * _normal(draw, images.shape)).clamp(0, 1)
    groups = torch.from_numpy(draw.integers(0, 2, count))
    images = torch.where(_there(groups, images) & visible_groups, 0.4 + 0.6 * images, images)
    shape = ImageInput((channels, side, side))
    return World("pictures", images, labels, groups, shape, names, _image_network(draw, images, names))


def _table(draw: np.random.Generator, visible_groups: bool, hard: bool) -> World:
    """Numbers, two categories and the group; the label follows a weighted sum with an interaction, and chance."""
    numbers, words = int(draw.integers(5, 9)), [int(draw.integers(3, 6)) for _ in range(2)]
    count = HELD_OUT + FRESH + int(draw.integers(1000, 1500))
    rows = _normal(draw, (count, numbers))
    codes = [torch.from_numpy(draw.integers(0, size, count)) for size in words]
    groups = torch.from_numpy(draw.integers(0, 2, count))
    weights = torch.from_numpy(draw.choice([-1, 1], numbers) * np.linspace(1.2, 0, numbers)).float()
    effects = [torch.from_numpy(draw.normal(0, 0.7, size)).float() for size in words]
    added = rows * weights
    if visible_groups:
        added[:, 0] *= 1 - 2 * groups
    score = (
        added.sum(1)
        + 0.8 * rows[:, 1] * rows[:, 2]
        + sum(effect[code] for effect, code in zip(effects, codes, strict=True))
    )
    score = (score - score.median()) * (1.2 if hard else 2.5)
    chance = torch.from_numpy(draw.logistic(size=count)).float()
    labels = (score + chance > 0).long()
    names = [f"number {index + 1}" for index in range(numbers)] + ["city", "tier", "group"]
    categories = {
        name: [f"{name} {code + 1}" for code in range(size)] for name, size in zip(("city", "tier"), words, strict=True)
    }
    shape = TabularInput(names, categorical={**categories, "group": ["a", "b"]})
    inputs = torch.cat([rows, *(code[:, None].float() for code in [*codes, groups])], 1)
    width = int(draw.choice([24, 32, 48]))

    def network() -> nn.Sequential:
        return _stacked(Columns(shape), nn.LazyLinear(width), nn.LazyLinear(16), nn.ReLU(), nn.LazyLinear(2))

    return World("table", inputs, labels, groups, shape, ["no", "yes"], _ready(network, inputs))


def _series(draw: np.random.Generator, visible_groups: bool, hard: bool) -> World:
    """One to three series of 16 to 32 steps: a smooth curve for each class, and noise."""
    steps, channels, kinds = int(draw.integers(16, 33)), int(draw.integers(1, 4)), int(draw.integers(2, 4))
    count = HELD_OUT + FRESH + int(draw.integers(500, 900))
    time = np.linspace(0, 2 * np.pi, steps)[:, None, None]
    waves = [draw.normal(size=(1, channels, kinds)) * np.sin(speed * time + draw.uniform(0, 6, (1, channels, kinds)))
             for speed in (0.5, 1, 2)]  # fmt: skip
    curves = torch.from_numpy(np.sum(waves, 0)).float()  # (T, C, K)
    curves = curves / curves.std((0, 1))
    labels = torch.from_numpy(draw.integers(0, kinds, count))
    size = torch.from_numpy(draw.uniform(0.8, 1.2, count)).float()[:, None, None]
    inputs = size * curves[:, :, labels].permute(2, 0, 1)
    inputs = inputs + (2.2 if hard else 1.8) * _normal(draw, inputs.shape)
    groups = torch.from_numpy(draw.integers(0, 2, count))
    inputs = torch.where(_there(groups, inputs) & visible_groups, 1.5 - inputs, inputs)
    names = [f"class {number + 1}" for number in range(kinds)]
    shape = SequenceInput([f"series {number + 1}" for number in range(channels)], steps)
    kind = str(draw.choice(["dense", "convolution", "recurrent"]))

    def network() -> nn.Sequential:
        ends = nn.LazyLinear(kinds)
        if kind == "dense":
            return _stacked(nn.Flatten(), nn.LazyLinear(32), ends)
        if kind == "convolution":
            return _stacked(Channels(), nn.Conv1d(channels, 16, 5, padding=2), nn.Flatten(), ends)
        return _stacked(Last(channels), nn.LazyLinear(24), ends)

    return World("series", inputs, labels, groups, shape, names, _ready(network, inputs))


class Columns(nn.Module):
    """A table's numbers as they are, and a column per category."""

    def __init__(self, table: TabularInput) -> None:
        super().__init__()
        self.sizes = [len(table.categorical.get(name, ())) for name in table.names]

    def forward(self, rows: Tensor) -> Tensor:
        columns = [one_hot(rows[:, index].long(), size).to(rows) if size else rows[:, index : index + 1]
                   for index, size in enumerate(self.sizes)]  # fmt: skip
        return torch.cat(columns, 1)


class Centered(nn.Module):
    """Pixels less their mean, in standard deviations: without that, half of the units would sleep from the start."""

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.mean, self.std = float(images.mean()), float(images.std())

    def forward(self, images: Tensor) -> Tensor:
        return (images - self.mean) / self.std


class Channels(nn.Module):
    """Series as channels of a convolution."""

    def forward(self, rows: Tensor) -> Tensor:
        return rows.transpose(1, 2)


class Last(nn.Module):
    """The last state of a GRU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gru = nn.GRU(channels, 24, batch_first=True)

    def forward(self, rows: Tensor) -> Tensor:
        return self.gru(rows)[0][:, -1]


def _image_network(draw: np.random.Generator, images: Tensor, names: list[str]) -> Callable[[], nn.Sequential]:
    """Return a dense network, or two convolutions of stride 2."""
    kind, width = str(draw.choice(["dense", "convolution"])), int(draw.choice([16, 24, 32]))

    def network() -> nn.Sequential:
        ends = nn.LazyLinear(len(names))
        if kind == "dense":
            return _stacked(nn.Sequential(Centered(images), nn.Flatten()), nn.LazyLinear(2 * width), ends)
        first = nn.Conv2d(images.shape[1], 8, 3, stride=2, padding=1)
        second = nn.Conv2d(8, width, 3, stride=2, padding=1)
        return _stacked(nn.Sequential(Centered(images), first, nn.ReLU()), second, nn.Flatten(), ends)

    return _ready(network, images)


def _stacked(front: nn.Module, hidden: nn.Module, *rest: nn.Module) -> nn.Sequential:
    """Return a network whose layer `hidden` is followed by a ReLU."""
    names = [f"layer{number}" for number in range(len(rest) - 1)]
    parts = [
        ("front", front),
        ("hidden", hidden),
        ("active", nn.ReLU()),
        *zip(names, rest[:-1], strict=True),
        ("out", rest[-1]),
    ]
    return nn.Sequential(OrderedDict(parts))


def _ready(network: Callable[[], nn.Sequential], inputs: Tensor) -> Callable[[], nn.Sequential]:
    """Return the same with every layer of the size that it needs."""

    def made() -> nn.Sequential:
        built = network()
        built(inputs[:2])
        return built

    return made


def _normal(draw: np.random.Generator, shape: tuple[int, ...]) -> Tensor:
    return torch.from_numpy(draw.standard_normal(tuple(shape), dtype=np.float32))


def _there(groups: Tensor, inputs: Tensor) -> Tensor:
    return (groups == 1).view(-1, *[1] * (inputs.ndim - 1))
