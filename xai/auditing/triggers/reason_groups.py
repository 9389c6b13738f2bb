"""Rows of a class that are called so for another reason than the others: spectral relevance analysis.

Attributions of many rows are grouped by class; a group that is small and unlike the others is a candidate, and where
its maps are stronger is the region that an intervention tests. Source: Lapuschkin et al. 2019, arXiv:1902.10178.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d

from xai.attribution.gradient_methods import integrated_gradients
from xai.auditing.explainers import differentiable
from xai.auditing.split import Split
from xai.auditing.verdicts import Untestable
from xai.base.spectral import directions, spectral_groups
from xai.model.model import Model

__all__ = ["AREAS", "ReasonGroup", "pasting", "reason_groups", "reasons_of"]

ROWS, FEWEST, MOST_CLASSES = 120, 40, 10  # explained of a class
STEPS, SIDE = 8, 12  # of integrated gradients; cells a side that maps are compared in
SMALLEST, SHARE, LARGEST = 8, 0.05, 0.4  # rows of a small group, and shares of the class
LEAST_SEPARATION = 0.1  # by which maps of a group are more like each other than like the rest
AREAS = (0.04, 0.08, 0.12)  # of the image that a region may take
ELSEWHERE = 1.25  # relevance of the rest in a region, over its mean: above, the region shows the object of the class
FILLED = 0.5  # of the box around a region that it must fill
EACH = 2  # groups of a class that are tested


@dataclass(frozen=True)
class ReasonGroup:
    """A group of rows of a class, its other rows (row numbers of the split), and where the group's maps are stronger.

    separation: how much more its maps are like each other than like the rest (cosines). regions: from small to large,
    each (H, W). maps (2, H, W): the mean of the group, the median of the rest. plane (N, 2): where each of the rows of
    the class lies, group first, then rest.
    """

    label: int
    rows: Tensor
    rest: Tensor
    separation: float
    regions: list[Tensor]
    maps: Tensor
    plane: np.ndarray

    def elsewhere(self, region: Tensor) -> bool:
        """Say whether a region is compact and the rest of the class has no relevance in it: else the object varies."""
        others, (down, right) = self.maps[1].abs(), (torch.where(region.any(axis))[0] for axis in (1, 0))
        box = int(down[-1] - down[0] + 1) * int(right[-1] - right[0] + 1)
        compact = int(region.sum()) >= FILLED * box
        return compact and float(others[region].mean()) < ELSEWHERE * float(others.mean())


def reasons_of(model: Model, images: Tensor, label: int) -> Tensor:
    """Return for images (N, C, H, W) what each pixel adds to a class (N, H, W)."""
    values = integrated_gradients(model, images, [label] * len(images), steps=STEPS).values
    return torch.stack(list(values)).double().cpu().sum(1)


def reason_groups(model: Model, known: Split) -> list[ReasonGroup]:
    """Return the small groups of rows of each class that are rightly called so for another reason than the rest."""
    if not differentiable(model, known.inputs):
        raise Untestable("model_without_gradient")
    found, enough = [], False
    right = known.predicted == known.labels
    for label in known.labels.bincount().argsort(descending=True, stable=True)[:MOST_CLASSES].tolist():
        rows = torch.where(right & (known.labels == label))[0][:ROWS]
        if len(rows) < FEWEST:
            continue
        enough = True
        maps = reasons_of(model, known.inputs[rows], label)
        found += _groups_of_class(label, rows, maps)
    if not enough:
        raise Untestable("few_right_rows", rows=FEWEST)
    return found


def _groups_of_class(label: int, rows: Tensor, maps: Tensor) -> list[ReasonGroup]:
    height, width = (min(SIDE, side) for side in maps.shape[1:])
    cells = adaptive_avg_pool2d(maps[:, None], (height, width)).flatten(1).numpy()
    made, scaled = spectral_groups(cells), directions(cells)
    found = []
    for members in made.members():
        if not max(SMALLEST, SHARE * len(rows)) <= len(members) <= LARGEST * len(rows):
            continue
        rest = np.setdiff1d(np.arange(len(rows)), members)
        middle = scaled[members].mean(0)
        separation = float((scaled[members] @ middle).mean() - (scaled[rest] @ middle).mean())
        if separation < LEAST_SEPARATION:
            continue
        # The median: rows of another such group among the rest do not count as its reason.
        pair = torch.stack([maps[members].mean(0), maps[rest].median(0).values])
        order = torch.from_numpy(np.concatenate([members, rest]))
        in_group, others = rows[order[: len(members)]], rows[order[len(members) :]]
        regions = [_region(pair, area) for area in AREAS]
        found.append(ReasonGroup(label, in_group, others, separation, regions, pair, made.plane[order.numpy()]))
    return sorted(found, key=lambda group: -group.separation)[:EACH]


def _region(pair: Tensor, area: float) -> Tensor:
    """Return where the mean map of a group (2, H, W) is strongest beyond that of the rest: a region (H, W)."""
    more = (pair[0] - pair[1]).clamp_min(0)
    smooth = avg_pool2d(more[None, None], 3, stride=1, padding=1)[0, 0]
    count = max(1, int(area * smooth.numel()))
    least = smooth.flatten().topk(count).values[-1]
    return (smooth >= least) & (smooth > 0.1 * smooth.max())


def pasting(known: Split, donors: Tensor, region: Tensor) -> Callable[[Tensor], Tensor]:
    """Return a function that puts a region (H, W) of known rows, one after the other, on images (N, C, H, W)."""

    def plant(images: Tensor) -> Tensor:
        taken = donors[torch.arange(len(images)) % len(donors)]
        return torch.where(region, known.inputs[taken].to(images), images)

    return plant
