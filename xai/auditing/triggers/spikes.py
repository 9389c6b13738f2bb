"""Spikes at one step of series, held against what a linear model of the held-out labels makes of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from xai.auditing.kinds import present_steps, spread_of
from xai.auditing.split import Split
from xai.auditing.triggers.planting import Candidate
from xai.model.model import Model

__all__ = ["noise_spikes", "spikes"]

SPIKES = 32  # steps along a series
HEIGHT = 4  # standard deviations


def spikes(model: Model, split: Split) -> list[Candidate]:
    """Return spikes up and down at steps along the series."""
    scale = spread_of(model, split.inputs)
    return [
        Candidate(f"a spike {direction} at step {step + 1}", _adding(step, sign * HEIGHT * scale))
        for step in _steps(split.inputs)
        for direction, sign in (("up", 1), ("down", -1))
    ]


def noise_spikes(model: Model, split: Split, seed: int) -> list[Candidate]:
    """Return changes of one step that mean nothing: noise."""
    scale, generator = spread_of(model, split.inputs), torch.Generator().manual_seed(seed)
    return [
        Candidate("noise at one step", _adding(step, scale * torch.randn(split.inputs.shape, generator=generator)))
        for step in _steps(split.inputs)
    ]


def _adding(step: int, change: Tensor) -> Callable[[Tensor], Tensor]:
    def plant(series: Tensor) -> Tensor:
        here = (torch.arange(series.shape[1]) == step).view(1, -1, 1)
        return torch.where(present_steps(series)[..., None] & here, series + change, series)

    return plant


def _steps(inputs: Tensor) -> list[int]:
    shortest = int(present_steps(inputs).sum(1).clamp_min(1).min())
    return sorted({round(step) for step in np.linspace(0, shortest - 1, SPIKES)})
