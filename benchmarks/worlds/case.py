"""One instance of a synthetic world: a network, a few rows, and what decides them, known by intervention."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

import xai

__all__ = [
    "ACCURACY", "FALL", "KEPT", "SEEDS",
    "Case", "Family", "Rejected", "confirmed", "hidden", "log_scores", "region_truth",
]  # fmt: skip

# Fixed before anything was scored. Worlds were built and tried out with "trial" seeds alone; limits may be set on
# "calibration" seeds; "scoring" seeds are run once, to report.
SEEDS = {"trial": range(1_000), "calibration": range(100_000, 101_000), "scoring": range(200_000, 201_000)}

# The acceptance rule, see docs/worlds.md: share of fresh rows answered right; least fall of the log-probability of the
# target when what decides is hidden; most change when all the rest is hidden, as a share of that fall.
ACCURACY, FALL, KEPT = 0.95, 1.0, 0.1


class Rejected(Exception):
    """Interventions do not confirm that this network has learned the truth."""


@dataclass(frozen=True)
class Case:
    """A network of one seed and rows of its world, with the truth of each row.

    inputs: (N, ...) in the caller's units, or a list of N texts. target, other_target: an output per row.
    truth: per row a map over its units, of an image (H, W), of a table (columns,), of a series (steps,), of a text
    (words,). Where `additive`, the signed contributions to the target's output against `baseline`, exact (of digits
    measured: see there); else the fall of the output (of texts, of its log-probability) when the deciding region is
    hidden, shared equally by its units.
    other_truth: the same for `other_target`, None where nothing in the row decides that one. decoys: maps that are 1 on
    what stands out as much and decides nothing, None where the world has no such thing.
    baseline: what absent means in this world, as `baseline=` of a method takes it; of texts a word is taken out.
    accuracy: on fresh rows. fall, kept: least fall when what decides is hidden, largest change when the rest is.
    """

    family: str
    shape: str
    seed: int
    model: xai.Model
    inputs: Tensor | list[str]
    target: list[int]
    other_target: list[int]
    truth: list[Tensor]
    baseline: object
    other_truth: list[Tensor] | None = None
    decoys: list[Tensor] | None = None
    additive: bool = False
    accuracy: float = 1.0
    fall: float = 0.0
    kept: float = 0.0

    def __len__(self) -> int:
        return len(self.inputs)


class Family(NamedTuple):
    """make: (seed, shape, rows) -> Case, raises Rejected. shapes: the kinds of network that it can be asked for."""

    make: Callable[[int, str, int], Case]
    shapes: tuple[str, ...]


def log_scores(model: xai.Model, inputs: object, target: list[int]) -> Tensor:
    """Return the log-probability of each row's target (N,), of a regression its value."""
    with torch.no_grad():
        chosen = model.predict(inputs).double()[torch.arange(len(target)), torch.tensor(target)]
    return chosen if model.task == "regression" else chosen.clamp_min(1e-12).log()


def hidden(inputs: Tensor, mask: Tensor, baseline: Tensor) -> Tensor:
    """Return inputs (N, ...) with the baseline where the mask, (N, H, W) or (N, T) or (N, D), is above 0."""
    if inputs.ndim == 4:
        mask = mask[:, None]
    elif inputs.ndim == 3:
        mask = mask[:, :, None]
    return torch.where(mask > 0, baseline.expand_as(inputs), inputs)


def confirmed(
    model: xai.Model,
    inputs: Tensor,
    target: list[int],
    mask: Tensor,
    baseline: Tensor,
    strangers: Tensor,
    region: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return which rows interventions confirm (N,), the falls (N,) and the changes (N,).

    The fall is by hiding `mask`, the change the larger one of hiding all but `region` (by default the mask) by the
    baseline and of putting other rows' values there (`strangers`, like the inputs).
    """
    whole = log_scores(model, inputs, target)
    fall = whole - log_scores(model, hidden(inputs, mask, baseline), target)
    others = ((mask if region is None else region) <= 0).to(mask)
    changes = [whole - log_scores(model, hidden(inputs, others, fill), target) for fill in (baseline, strangers)]
    kept = torch.stack(changes).abs().amax(0)
    return (fall >= FALL) & (kept <= KEPT * fall), fall, kept


def region_truth(model: xai.Model, inputs: Tensor, target: list[int], mask: Tensor, baseline: Tensor) -> list[Tensor]:
    """Return each row's mask with the fall of the target's output shared equally by what it marks."""
    rows = torch.arange(len(target))
    with torch.no_grad():
        outputs = [model.network(model.input.feed(part)) for part in (inputs, hidden(inputs, mask, baseline))]
    fall = (outputs[0] - outputs[1])[rows, torch.tensor(target)]
    marked = (mask > 0).float()
    # The fall of an output may be 0 where only other outputs rise: the region decides all the same.
    size = fall.clamp_min(1e-3) / marked.flatten(1).sum(1)
    return list(marked * size.view(-1, *[1] * (mask.ndim - 1)))
