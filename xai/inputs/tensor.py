"""Tensors as a kind of input: any batch of numbers, handed to the network as it is."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import torch
from torch import Tensor

from xai.base.errors import InputError, describe
from xai.inputs.base import Input
from xai.inputs.hiding import Hiding
from xai.inputs.image import image_parts
from xai.inputs.imputation import Imputing
from xai.inputs.parts import Parts, given_labels, of_positions
from xai.inputs.segments import grid_labels
from xai.inputs.series import noise_in_steps
from xai.inputs.series_windows import series_parts
from xai.inputs.table import noise_in_columns

__all__ = ["Activations", "GridActivations", "TensorInput", "form_of", "is_volume"]

TABLE, SERIES, IMAGES, VOLUMES = 2, 3, 4, 5  # axes
CUBES = 4  # along each side of a volume


def form_of(batch: Tensor) -> str:
    """Return what numbers (N, ...) are by their axes alone: a "grid" (C, H, W), "steps" (T, D), or else "numbers".

    >>> form_of(torch.zeros(2, 3, 8, 8)), form_of(torch.zeros(2, 5))
    ('grid', 'numbers')
    """
    return {SERIES: "steps", IMAGES: "grid"}.get(batch.ndim, "numbers")


def is_volume(batch: Tensor) -> bool:
    """Say whether numbers (N, ...) are volumes (N, C, D, H, W) by their axes."""
    return batch.ndim == VOLUMES


class TensorInput(Input, frozen=True, tag="tensor", kw_only=True, repr_omit_defaults=True):
    """Any floating-point batch, first axis the batch, handed to the network as it is.

    By its number of axes it is taken for rows of a table (N, D), series (N, T, D), images (N, C, H, W) or volumes
    (N, C, D, H, W). A model whose input is not declared finds out whether its network reads series as (N, D, T).

    Args:
        time: Which axis of a series is time: 1 of (N, T, D), 2 of (N, D, T).
        shape: Of one input without the batch axis, where it is known (`Inputs` needs it); None takes any.

    >>> TensorInput().prepare([[1, 2.5]])
    tensor([[1.0000, 2.5000]])
    >>> TensorInput(time=2).positions(torch.zeros(1, 3, 50))
    (50,)
    """

    time: int = 1
    shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.time, bool) or self.time not in (1, 2):
            raise InputError("time", expected="1 of (N, T, D) or 2 of (N, D, T)", got=describe(self.time))
        if self.shape is not None and min(self.shape, default=0) < 1:
            raise InputError("shape", expected="at least one axis, each at least 1 long", got=describe(self.shape))

    def prepare(self, value: object, argument: str = "inputs") -> Tensor:
        batch = super().prepare(value, argument)
        if self.shape is not None and tuple(batch.shape[1:]) != self.shape:
            wanted = f"a batch of shape (N, {', '.join(map(str, self.shape))})"
            raise InputError(argument, expected=wanted, got=describe(batch))
        return batch

    def axes(self, batch: Tensor) -> tuple[int, ...]:
        return {TABLE: (1,), SERIES: (self.time,), IMAGES: (2, 3), VOLUMES: (2, 3, 4)}.get(batch.ndim, ())

    @property
    def in_columns(self) -> bool:
        return True

    def form(self, batch: Tensor) -> str:
        # Of a kind that was made from this one, its name says more than its axes do.
        return form_of(batch) if type(self) is TensorInput else self.kind

    def parts(self, batch: Tensor, how: object = None, seed: int = 0) -> Parts:
        if batch.ndim == IMAGES:
            return image_parts(batch, how, seed)
        if batch.ndim == VOLUMES:
            shape = (len(batch), *self.positions(batch))
            cubes = how is None or (isinstance(how, str) and how == "grid")
            labels = grid_labels(shape[1:], CUBES) if cubes else how
            return Parts(given_labels(labels, shape, batch.device), "segments", "grid" if cubes else "given")
        if batch.ndim == SERIES and isinstance(how, str | int | tuple):
            cut, channels = how if isinstance(how, tuple) else (how, "together")
            series = batch if self.time == 1 else batch.mT
            made = series_parts(series, series.new_ones(series.shape[:2], dtype=torch.bool), cut, channels)
            turned = self.time == 2 and made.labels is not None and made.labels.ndim == SERIES
            return replace(made, labels=made.labels.mT.contiguous()) if turned else made
        by_step = batch.mT if batch.ndim == SERIES and self.time == 2 else batch
        return of_positions(by_step, "features" if batch.ndim == TABLE else "steps", how)

    def baselines(self, batch: Tensor) -> tuple[str, ...]:
        known = {TABLE: ("zero",), IMAGES: ("zero", "mean", "noise", "blur")}
        return known.get(batch.ndim, ("zero", "mean", "noise"))

    def absent(self, batch: Tensor) -> str:
        return {SERIES: "mean", IMAGES: "blur"}.get(batch.ndim, "zero")

    def imputing(self, batch: Tensor) -> Hiding | None:
        return Imputing(batch, None) if batch.ndim == IMAGES else None

    def called(self, baseline: object, batch: Tensor) -> str:
        return "its mean over time" if baseline == "mean" and batch.ndim == SERIES else str(baseline)

    def noise_scale(self, batch: Tensor, rows: Tensor | None = None, whose: str = "") -> tuple[Tensor, str]:
        if batch.ndim == TABLE:
            return noise_in_columns(batch, [True] * batch.shape[1], rows, whose)
        scale, unit = super().noise_scale(batch)
        if batch.ndim != SERIES:
            return scale, unit
        return (noise_in_steps(scale, batch) if self.time == 1 else noise_in_steps(scale.mT, batch.mT).mT), unit


class Activations(TensorInput, frozen=True, tag="activations"):
    """What a layer puts out, or the vectors of words: an input of the rest of the network."""

    def absent(self, batch: Tensor) -> str:
        return "zero"

    def imputing(self, batch: Tensor) -> Hiding | None:
        return None  # neighboring features say nothing of each other


class GridActivations(Activations, frozen=True, kw_only=True, tag="grid activations"):
    """What a layer puts out, where its positions are a grid: two axes, or tokens (N, T, C) with `before` others first.

    >>> tokens = GridActivations(at=(1,), grid=(2, 2), before=1)
    >>> tokens.spread(torch.arange(4.0).view(1, 2, 2), torch.zeros(1, 5, 3))[0, :, 0]
    tensor([0., 0., 1., 2., 3.])
    """

    at: tuple[int, ...]
    grid: tuple[int, ...]
    before: int | None = None

    def axes(self, batch: Tensor) -> tuple[int, ...]:
        return self.at

    def positions(self, batch: Tensor) -> tuple[int, ...]:
        return self.grid

    def spread(self, values: Tensor, batch: Tensor) -> Tensor:
        """Return values of the grid (n, H, W), shaped to broadcast with a batch; other tokens get 0."""
        if self.before is None:
            return super().spread(values, batch)
        spread = values.new_zeros(len(values), batch.shape[1])
        spread[:, self.before : self.before + prod(self.grid)] = values.flatten(1)
        return spread[:, :, None]

    def hide(self, batch: Tensor, shown: Tensor, baseline: Tensor) -> Tensor:
        return torch.where(self.spread(~shown, batch), baseline, batch)
