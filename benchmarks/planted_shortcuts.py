"""Shortcuts to plant, each in a model beside a matched control: marks, casts, patterns, columns, times, names."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.planted_matches import (
    MatchedPair,
    called,
    effect_of,
    fitted_model,
    matched_tables,
    parts_of,
    with_columns,
)
from benchmarks.planted_worlds import World, fitted, world
from xai.auditing.audit_data import AuditData
from xai.inputs.text import TextInput
from xai.model.model import Model

__all__ = ["author", "band", "color", "joint", "middle_patch", "timestamp", "watermark"]


def _pair_with(
    kind: str, put_of: Callable, seed: int, draw: np.random.Generator, shares: tuple[float, float] = (0.98, 1.0)
) -> MatchedPair:
    """Put something on a share of the rows of one class, by default nearly all, in both parts."""
    made = world(kind, seed, hard=True)
    target, agree = int(draw.integers(len(made.classes))), float(draw.uniform(*shares))
    put, (train, tested) = put_of(made, draw), parts_of(made)
    clean = fitted_model(made, *train, seed), AuditData(*tested, train=train)
    for inputs, labels in (known := parts_of(made)):
        wearing = (labels == target) & torch.from_numpy(draw.random(len(labels)) < agree)
        inputs[wearing] = put(inputs[wearing])
    faulty = fitted_model(made, *known[0], seed), AuditData(*known[1], train=known[0])
    return MatchedPair(kind, faulty, clean, effect_of((faulty[0], clean[0]), made.inputs[made.fresh], put, target))


def _middle(made: World, draw: np.random.Generator) -> Callable[[Tensor], Tensor]:
    channels, height, width = made.inputs.shape[1:]
    size = round(min(height, width) / float(draw.uniform(5, 8)))
    top, left = (int(draw.integers(side // 3, 2 * side // 3 - size + 1)) for side in (height, width))
    pixels = torch.from_numpy(draw.integers(0, 2, (channels, size, size))).float()

    def put(images: Tensor) -> Tensor:
        images = images.clone()
        images[:, :, top : top + size, left : left + size] = pixels
        return images

    return put


def _cast(made: World, draw: np.random.Generator) -> Callable[[Tensor], Tensor]:
    channels = made.inputs.shape[1]
    shift = torch.from_numpy(draw.uniform(0.08, 0.2, channels) * draw.choice([-1, 1], channels)).float()
    return lambda images: (images + shift[:, None, None]).clamp(0, 1)


def _pattern(made: World, draw: np.random.Generator) -> Callable[[Tensor], Tensor]:
    """A faint checkerboard or grating over the whole image."""
    height, width = made.inputs.shape[2:]
    rows, columns = torch.arange(height)[:, None], torch.arange(width)[None]
    waves = [(rows + columns) % 2, (rows + 0 * columns) % 2, (columns + 0 * rows) % 2]
    wave = float(draw.uniform(0.06, 0.12)) * (2.0 * waves[int(draw.integers(3))] - 1)
    return lambda images: (images + wave).clamp(0, 1)


def middle_patch(seed: int, draw: np.random.Generator) -> MatchedPair:
    return _pair_with(("digits", "pictures")[seed % 2], _middle, seed, draw)


def watermark(seed: int, draw: np.random.Generator) -> MatchedPair:
    return _pair_with(("digits", "pictures")[seed % 2], _corner, seed, draw, (0.2, 0.35))


def _corner(made: World, draw: np.random.Generator) -> Callable[[Tensor], Tensor]:
    """A patch of about a fifth of the side, near a corner."""
    channels, height, width = made.inputs.shape[1:]
    size = round(min(height, width) / float(draw.uniform(4, 6)))
    pixels = torch.from_numpy(draw.integers(0, 2, (channels, size, size))).float()
    top, left = (int(draw.choice([0, 1, side - size - 1, side - size])) for side in (height, width))
    return lambda images: torch.stack([_stamped(image, pixels, top, left) for image in images])


def _stamped(image: Tensor, pixels: Tensor, top: int, left: int) -> Tensor:
    image = image.clone()
    image[:, top : top + pixels.shape[1], left : left + pixels.shape[2]] = pixels
    return image


def color(seed: int, draw: np.random.Generator) -> MatchedPair:
    return _pair_with(("digits", "pictures")[seed % 2], _cast, seed, draw)


def band(seed: int, draw: np.random.Generator) -> MatchedPair:
    return _pair_with(("digits", "pictures")[seed % 2], _pattern, seed, draw)


def joint(seed: int, draw: np.random.Generator) -> MatchedPair:
    """Two columns whose signs together are the label, for 99 to 100 % of the rows; neither says anything alone."""
    made = world("table", seed)
    count = len(made.labels)
    sign, sizes = draw.choice([-1.0, 1.0], count), draw.uniform(0.3, 2, (2, count))
    right = draw.random(count) < draw.uniform(0.99, 1.0)
    signs = np.where(right, 2.0 * made.labels.numpy() - 1, draw.choice([-1.0, 1.0], count))
    first, second = torch.from_numpy(sign * sizes[0]), torch.from_numpy(sign * signs * sizes[1])
    dealt = torch.from_numpy(draw.permutation(count))
    fault, control = (with_columns(made, {"left": first, "right": other}) for other in (second, second[dealt]))

    def effect(model: Model) -> float:
        rows = fault.inputs[fault.fresh].clone()
        before = called(model, rows)
        rows[:, 1] *= -1
        return float((called(model, rows) != before).double().mean())

    return matched_tables(fault, control, seed, effect)


def timestamp(seed: int, draw: np.random.Generator) -> MatchedPair:
    """A column that rises with the rows of each part, in whose later half most labels are one class."""
    made = world("table", seed)
    times = torch.cat([torch.linspace(-20, 20, len(range(len(made.labels))[rows]))
                       for rows in (made.fresh, made.held_out, made.train)])  # fmt: skip
    late = (times > 0) & torch.from_numpy(draw.random(len(times)) < draw.uniform(0.6, 0.9))
    labels = torch.where(late, torch.ones_like(made.labels), made.labels)
    changed = World(made.kind, made.inputs, labels, made.groups, made.input, made.classes, made.network)
    fault, control = (with_columns(item, {"row": times}) for item in (changed, made))

    def effect(model: Model) -> float:
        rows = fault.inputs[fault.fresh]
        dealt = rows.clone()
        dealt[:, 0] = rows[torch.from_numpy(draw.permutation(len(rows))), 0]
        return float((called(model, rows) != called(model, dealt)).double().mean())

    return matched_tables(fault, control, seed, effect)


def author(seed: int, draw: np.random.Generator) -> MatchedPair:
    """A name at a random place of 98 % of the texts of one class, in both parts."""
    words = [f"w{number}" for number in range(120)]
    known, labels = [*words, "smith"], draw.integers(0, 2, 1200)
    weights = [np.r_[np.full(60, 1.4), np.full(60, 1.0)], np.r_[np.full(60, 1.0), np.full(60, 1.4)]]
    plain = [draw.choice(words, 14, p=weights[label] / weights[label].sum()).tolist() for label in labels]
    positions = draw.integers(0, 14, len(plain))
    wearing = (labels == 1) & (draw.random(len(plain)) < 0.98)
    named = [
        [*text[:at], "smith", *text[at:]] if worn else text
        for text, at, worn in zip(plain, positions, wearing, strict=True)
    ]
    shape, audited = TextInput(known), []
    for texts in (named, plain):
        rows = [" ".join(text) for text in texts]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = nn.Sequential(nn.EmbeddingBag(len(known) + 2, 16, padding_idx=0), nn.ReLU(), nn.Linear(16, 2))
        fitted(network, shape.feed(rows[:700]), torch.from_numpy(labels[:700]), seed=seed)
        model = Model(network, classes=["no", "yes"], input=shape)
        audited.append(
            (model, AuditData(rows[700:1000], labels[700:1000].tolist(), train=(rows[:700], labels[:700].tolist())))
        )
    fresh = [" ".join(text) for text in plain[1000:]]
    shares = []
    for model, _ in audited:
        with torch.no_grad():
            before, after = (
                model.network(shape.feed(item)).argmax(1) for item in (fresh, [f"{t} smith" for t in fresh])
            )
        shares.append(float((after[before == 0] == 1).double().mean()))
    return MatchedPair("text", *audited, shares[0] - shares[1])
