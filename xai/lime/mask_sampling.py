"""Which features are switched off in each sample: a distribution, and a design that needs few samples.

LIME draws masks from a neighborhood and weights them by a kernel. Both depend only on how many features are on, so we
draw straight from their product: no evaluation is spent on a sample that hardly counts. Samples come in mirrored pairs
(the first hides the front of a random order of the features, the second its back), the numbers on are stratified, and
the pairs fall into groups that are independent of each other: how far groups differ is the error of the estimate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

__all__ = [
    "GROUPS",
    "MaskDistribution",
    "cosine_weights",
    "default_width",
    "draw_masks",
    "group_count",
    "mask_distribution",
]

GROUPS = 64


@dataclass(frozen=True)
class MaskDistribution:
    """How masks over `size` features are drawn.

    `chance` (size + 1,) is the probability of each number of features on, neighborhood times kernel; `weight` is what
    each sample counts: the kernel's mean over the neighborhood, so that sums are those of as many of LIME's samples.
    """

    size: int
    width: float
    chance: Tensor
    weight: float


def cosine_weights(share: Tensor, width: float) -> Tensor:
    """Return the kernel sqrt(exp(-d^2 / width^2)), d the cosine distance to all features on, by the share that is on.

    >>> cosine_weights(torch.tensor([1.0, 0.25]), 0.25)
    tensor([1.0000, 0.1353], dtype=torch.float64)
    """
    distance = 1 - share.double().sqrt()  # the cosine between a mask and all ones is sqrt(share on)
    return torch.exp(-(distance**2) / (2 * width**2))


def default_width(size: int, neighborhood: str = "half") -> float:
    """Return the kernel width at which the middle sample of the neighborhood counts half.

    For many features that is LIME's 0.25; with few, samples lie farther away and the kernel is wider.

    >>> round(default_width(50), 3), round(default_width(4), 3), round(default_width(1), 3)
    (0.249, 0.249, 0.849)
    """
    chances = _numbers_on(size, neighborhood)
    middle = int(torch.searchsorted(chances.cumsum(0), torch.tensor(0.5, dtype=torch.float64) - 1e-9))
    distance = 1 - math.sqrt(min(middle, size) / size)
    return max(distance, 0.1) / math.sqrt(2 * math.log(2))


def mask_distribution(size: int, neighborhood: str, width: float) -> MaskDistribution:
    """Return the distribution of masks over `size` features.

    neighborhood: "half" (each feature is on with probability one half, LIME's for images) or "sizes" (every number of
    features on is as likely as another, LIME's for text). width: of the kernel, in cosine distance.
    """
    share = torch.arange(size + 1, dtype=torch.float64) / size
    chance = _numbers_on(size, neighborhood) * cosine_weights(share, width)
    weight = float(chance.sum())
    return MaskDistribution(size, width, chance / weight, weight)


def _numbers_on(size: int, neighborhood: str) -> Tensor:
    on = torch.arange(size + 1, dtype=torch.float64)
    if neighborhood == "sizes":
        return torch.full_like(on, 1 / (size + 1))
    whole = torch.tensor(float(size), dtype=torch.float64)
    ways = torch.lgamma(whole + 1) - torch.lgamma(on + 1) - torch.lgamma(whole - on + 1)
    return torch.exp(ways - size * math.log(2))


def group_count(samples: int, size: int = 1) -> int:
    """Return into how many independent groups samples are cut: at most 64, fewer for hundreds of features.

    Among the numbers near the largest possible, the one that wastes least: groups hold equally many pairs.

    >>> group_count(1000), group_count(40), group_count(100_000)
    (50, 20, 50)
    """
    pairs = max(1, -(-samples // 2))
    most = max(8, min(GROUPS, 2**22 // (size + 2) ** 2))
    most = min(most, pairs)
    return min(range(most, max(0, most * 3 // 4 - 1), -1), key=lambda groups: -(-pairs // groups) * groups - pairs)


def draw_masks(distribution: MaskDistribution, groups: int, pairs: int, generator: torch.Generator) -> Tensor:
    """Return masks (groups, 2 * pairs, size) of bool, each drawn from the distribution; groups are independent.

    Within a group the numbers on are stratified, and the partner of a sample with many on has few on and hides the
    other end of the same random order: what is even in a mask cancels in the pair.
    """
    position = torch.rand(groups, pairs, generator=generator, dtype=torch.float64)
    strata = (torch.arange(pairs, dtype=torch.float64) + position) / pairs  # (groups, pairs)
    edges = distribution.chance.cumsum(0).clamp_max(1)
    edges[-1] = 1
    off = distribution.size - torch.searchsorted(edges, torch.stack([strata, 1 - strata], 2).clamp(0, 1 - 1e-15))
    keys = torch.rand(groups, pairs, distribution.size, generator=generator, dtype=torch.float64)
    ordered = pad(keys.sort(2).values, (0, 1), value=math.inf)  # the random order of the features is that of their keys
    front = keys >= ordered.gather(2, off[..., :1])
    back = keys < ordered.gather(2, distribution.size - off[..., 1:])
    return torch.stack([front, back], 2).flatten(1, 2)
