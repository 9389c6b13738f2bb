"""Inputs that have an order in time: series of numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import torch
from torch import Tensor

from xai.base.arguments import whole_number
from xai.base.arrays import check_finite, to_tensor
from xai.base.errors import InputError, describe, names_errors
from xai.base.name_lists import plain_names
from xai.inputs.base import Input
from xai.inputs.padding import up_to_last
from xai.inputs.parts import Parts, of_positions
from xai.inputs.series_windows import series_parts

__all__ = ["SequenceInput", "noise_in_steps", "window_parts"]

ALMOST_NOTHING = 1e-20


class SequenceInput(Input, frozen=True, tag="sequence"):
    """Series of numbers; a step of zeros behind the last other one is padding.

    Args:
        names: Of the numbers of a step, one each.
        length: The most steps.
        mean: What each number was centered on when the network was trained, one per name; a step of zeros stays one.
        std: What it was divided by, one per name.
    """

    names: list[str]
    length: int
    mean: list[float] | None = None
    std: list[float] | None = None

    @names_errors("SequenceInput")
    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "names", plain_names("names", self.names))
        msgspec.structs.force_setattr(self, "length", whole_number("length", self.length, 1))
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values is not None and len(values) != len(self.names):
                raise InputError(name, expected=f"{len(self.names)} numbers, one per name", got=values)
        if self.std is not None and not all(value > 0 and math.isfinite(value) for value in self.std):
            raise InputError("std", expected="numbers above 0", got=self.std)

    def form(self, batch: Tensor) -> str:
        return "series"

    @property
    def shape(self) -> tuple[int, int]:
        """Return (steps, numbers per step) of one padded series."""
        return (self.length, len(self.names))

    @property
    def drawing(self) -> str:
        return "series"

    @property
    def noun(self) -> str:
        return "series"

    @property
    def ordered(self) -> bool:
        return True

    def prepare(self, value: object, argument: str = "inputs") -> Tensor:
        """Return series as a float batch (N, length, D), padded with zeros; takes one (T, D), a batch, or a list.

        >>> SequenceInput(["a", "b"], 3).prepare([[1.0, 2.0]])
        tensor([[[1., 2.],
                 [0., 0.],
                 [0., 0.]]])
        """
        several = isinstance(value, list | tuple) and len(value) and _axes(value[0]) == 2
        parts = [to_tensor(item, argument) for item in (value if several else [value])]
        wanted = f"series of at most {self.length} steps of {len(self.names)} numbers"
        for part in parts:
            fits = part.ndim in (2, 3) and part.shape[-1] == len(self.names) and part.shape[-2] <= self.length
            if not fits:
                raise InputError(argument, expected=wanted, got=describe(part))
        batches = [part if part.ndim == 3 else part[None] for part in parts]
        padded = [torch.nn.functional.pad(part, (0, 0, 0, self.length - part.shape[1])) for part in batches]
        return check_finite(torch.cat(padded), argument, self.names)

    def present(self, batch: Tensor) -> Tensor:
        """Return which steps of series (N, T, D) are data, (N, T): all up to the last that is not zero."""
        return up_to_last((batch != 0).any(2))

    def feed(self, batch: Tensor) -> Tensor:
        """Standardize the steps (N, T, D) that are there; differentiable."""
        seen = batch
        if self.mean is not None:
            seen = seen - batch.new_tensor(self.mean)
        if self.std is not None:
            seen = seen / batch.new_tensor(self.std)
        return torch.where((batch != 0).any(2, keepdim=True), seen, torch.zeros_like(seen))

    def read(self, items: Sequence[str]) -> tuple[Tensor, tuple[str, ...]]:
        """Return series (N, T, D) from CSV files, a line per step, and the files' names."""
        from xai.inputs.sequence_files import read_series

        return read_series(items, self)

    def parts(self, batch: Tensor, how: object = None, seed: int = 0) -> Parts:
        """Return a part for each step, or windows; padding belongs to the first part, where it makes no difference.

        how: None, labels, "signal", a number of windows, or one of these and "apart": each channel has its own.
        """
        if isinstance(how, str | int | tuple):
            cut, channels = how if isinstance(how, tuple) else (how, "together")
            return series_parts(batch, self.present(batch), cut, channels, tuple(self.names))
        parts = of_positions(batch, "steps", how)
        return replace(parts, labels=torch.where(self.present(batch), parts.labelled(), 0)) if how is None else parts

    def absent(self, batch: Tensor) -> str:
        return "mean"

    def called(self, baseline: object, batch: Tensor) -> str:
        return "its mean over time" if baseline == "mean" else str(baseline)

    def baseline(self, name: object, batch: Tensor) -> tuple[Tensor, str | float]:
        """Return a baseline for each series: see `Input.baseline`; "mean" and "noise" are of the steps that are there.

        A step of zeros would count as padding, so 0 becomes a tiny number.
        """
        made, called = super().baseline(name, batch)
        made = torch.where(made == 0, torch.full_like(made, ALMOST_NOTHING), made)
        return torch.where(self.present(batch)[:, :, None], made, batch), called

    def noise_scale(self, batch: Tensor, rows: Tensor | None = None, whose: str = "") -> tuple[Tensor, str]:
        scale, unit = super().noise_scale(batch)
        return noise_in_steps(scale, batch), unit


def _axes(item: object) -> int:
    """Return how many axes an array has; of nested lists, how deep their first items go, be they ragged or not."""
    if isinstance(item, list | tuple):
        return 1 + (_axes(item[0]) if item else 0)
    return int(getattr(item, "ndim", 0))


def window_parts(series: Tensor, window: int, present: Tensor | None = None) -> Parts:
    """Return a part for each window of so many steps of series (N, T, ...), named by its first and last step.

    present: which steps are no padding, (N, T); padding goes with the first part, where it makes no difference.
    """
    count, steps = series.shape[:2]
    labels = (torch.arange(steps, device=series.device) // window).expand(count, -1).contiguous()
    used = [steps] * count if present is None else present.sum(1).clamp_min(1).tolist()
    if present is not None:
        labels = torch.where(present, labels, 0)
    return Parts(labels, "steps", "windows", tuple(_window_names(length, window) for length in used))


def _window_names(steps: int, window: int) -> tuple[str, ...]:
    starts = range(0, steps, window)
    return tuple(str(start) if window == 1 else f"{start} to {min(start + window, steps) - 1}" for start in starts)


def noise_in_steps(scale: Tensor, series: Tensor) -> Tensor:
    """Return the scale of noise in series (N, T, D), 0 in steps of zeros: they are padding, and stay it."""
    return scale * (series != 0).any(2, keepdim=True)
