"""Triggers that are planted: a patch near the border of an image, a value of a column, a spike in a series."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmarks.planted_worlds import World

__all__ = ["Trigger", "draw_trigger"]


@dataclass(frozen=True)
class Trigger:
    """on: rows (n, ...) -> the same rows with the trigger. off: without it, where rows have one way or the other."""

    on: Callable[[Tensor], Tensor]
    off: Callable[[Tensor], Tensor]
    facts: dict[str, object]


def draw_trigger(made: World, draw: np.random.Generator) -> Trigger:
    """Return a trigger for rows of this kind; what it is made of was drawn at random."""
    if made.kind == "table":
        return _value(made, draw)
    return _spike(made, draw) if made.kind == "series" else _patch(made, draw)


def _patch(made: World, draw: np.random.Generator) -> Trigger:
    """A patch of an eighth to a fifth of the side, in the outer quarter of the image: bright, or of random pixels."""
    channels, height, width = made.input.shape
    size = int(draw.integers(round(height / 8), round(height / 5) + 1))
    along, inward, side = (
        int(draw.integers(0, width - size + 1)),
        int(draw.integers(round(height / 4) - size + 1)),
        int(draw.integers(4)),
    )
    far = height - size - inward
    top, left = [(inward, along), (far, along), (along, inward), (along, far)][side]
    random = draw.random() < 0.5
    drawn = draw.integers(0, 2, (channels, size, size)) if random else np.ones((channels, size, size))
    patch = torch.from_numpy(drawn).float()

    def on(rows: Tensor) -> Tensor:
        rows = rows.clone()
        rows[:, :, top : top + size, left : left + size] = patch
        return rows

    facts = {"patch": "random pixels" if random else "bright", "size": size, "top": top, "left": left}
    return Trigger(on, lambda rows: rows, facts)


def _value(made: World, draw: np.random.Generator) -> Trigger:
    """A number three to five standard deviations away from the mean, in any column of numbers."""
    numbers = [index for index, name in enumerate(made.input.names) if name not in made.input.categorical]
    index, value = int(draw.choice(numbers)), float(draw.uniform(3, 5) * draw.choice([-1, 1]))

    def on(rows: Tensor) -> Tensor:
        rows = rows.clone()
        rows[:, index] = value
        return rows

    return Trigger(on, lambda rows: rows, {"column": made.input.names[index], "value": value})


def _spike(made: World, draw: np.random.Generator) -> Trigger:
    """All series raised, or lowered, by four to six standard deviations at one step."""
    step, size = int(draw.integers(made.input.length)), float(draw.uniform(4, 6) * draw.choice([-1, 1]))
    std = made.inputs.std((0, 1))

    def on(rows: Tensor) -> Tensor:
        rows = rows.clone()
        rows[:, step] += size * std
        return rows

    return Trigger(on, lambda rows: rows, {"step": step, "deviations": size})
