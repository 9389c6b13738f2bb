"""Maps that must lose: as peaked and as smooth as the explanation, but about nothing."""

from __future__ import annotations

from collections.abc import Iterator
from math import factorial, prod

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from xai.inputs.baselines import blur

__all__ = [
    "assignments",
    "center_blob",
    "control_maps",
    "count_assignments",
    "edge_filter",
    "moved_copies",
    "phase_randomized",
]

ENUMERATED = 5040  # up to so many assignments of values to units, all are tried: 7 distinct values, or more with ties


def control_maps(scores: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, str]:
    """Return maps with the values of `scores`, (n, *shape of scores), and what they are.

    For a picture (H, W) or a volume (D, H, W) `count` maps, moved or phase-randomized, so that they are also as smooth.
    For a list (units,) the same values assigned to other units: all other assignments where there are few, else `count`
    drawn ones.
    """
    if scores.ndim > 1:
        maps = [moved_copies(scores, count // 2, generator), phase_randomized(scores, count - count // 2, generator)]
        return torch.cat(maps), f"{count} moved or phase-randomized copies of the map"
    if count_assignments(scores) <= ENUMERATED:
        values = scores.tolist()
        others = [part for part in assignments(values) if list(part) != values]
        maps = scores.new_tensor(others).reshape(len(others), len(values))
        return maps, f"all {len(others)} other ways to give these values to {len(values)} units"
    drawn = torch.stack([scores[torch.randperm(len(scores), generator=generator)] for _ in range(count)])
    return drawn, f"{count} random ways to give these values to {len(scores)} units"


def count_assignments(scores: Tensor) -> int:
    """Return in how many ways the values (units,) can be given to the units; equal values are not told apart.

    >>> count_assignments(torch.tensor([5.0, 1.0, 0.0, 0.0]))
    12
    """
    ties = scores.unique(return_counts=True)[1].tolist()
    return factorial(len(scores)) // prod(map(factorial, ties))


def assignments(values: list[float]) -> Iterator[tuple[float, ...]]:
    """Yield every distinct order of the values.

    >>> list(assignments([1.0, 0.0, 0.0]))
    [(0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)]
    """
    if not values:
        yield ()
    for value in sorted(set(values)):
        remaining = list(values)
        remaining.remove(value)
        yield from ((value, *others) for others in assignments(remaining))


def moved_copies(heatmap: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return copies (count, ...) of a map (H, W) or (D, H, W), each flipped at random and shifted around.

    By at least an eighth of a side. Every copy keeps the map's values, and its smoothness but for a seam where the
    border wraps.
    """
    axes = range(heatmap.ndim)
    copies = []
    for _ in range(count):
        flips = torch.rand(heatmap.ndim, generator=generator) < 0.5
        *others, last = torch.rand(heatmap.ndim, generator=generator).tolist()
        by = [round(share * (length - 1)) for share, length in zip(others, heatmap.shape, strict=False)]
        # From 1/8 to 7/8 of the side along at least one axis, so that no control is the map itself.
        by.append(round((0.125 + 0.75 * last) * heatmap.shape[-1]))
        copies.append(heatmap.flip([axis for axis in axes if flips[axis]]).roll(by, tuple(axes)))
    return torch.stack(copies)


def phase_randomized(heatmap: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return maps (count, ...) with the spectrum of a map (H, W) or (D, H, W), random phases and its values by rank."""
    shape, axes = heatmap.shape, tuple(range(-heatmap.ndim, 0))
    amplitude = torch.fft.rfftn(heatmap.double()).abs()
    noise = torch.rand(count, *shape, generator=generator, dtype=torch.float64).to(heatmap.device)
    phase = torch.fft.rfftn(noise, dim=axes).angle()
    waves = torch.fft.irfftn(torch.polar(amplitude.expand_as(phase), phase), s=shape, dim=axes).flatten(1)
    order = waves.argsort(1)
    result = torch.empty_like(waves, dtype=heatmap.dtype)
    return result.scatter_(1, order, heatmap.flatten().sort().values.expand(count, -1)).view(count, *shape)


def center_blob(heatmap: Tensor) -> Tensor:
    """Return a map of this size that falls off from the center: where photographers put the object."""
    sides = [torch.linspace(-1, 1, length, device=heatmap.device) for length in heatmap.shape]
    distance = torch.stack(torch.meshgrid(*sides, indexing="ij")).square().sum(0)
    return torch.exp(-2 * distance).to(heatmap.dtype)


def edge_filter(image: Tensor) -> Tensor:
    """Return the smoothed Sobel magnitude (H, W) of an image (C, H, W): it knows nothing of the network.

    Of a batch (N, C, H, W) it is (N, H, W).
    """
    grey = image.float().mean(-3).reshape(-1, 1, *image.shape[-2:])
    sobel = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]], device=image.device)
    kernels = torch.stack([sobel, sobel.T])[:, None]
    gradient = conv2d(pad(grey, (1, 1, 1, 1), mode="replicate"), kernels)
    edges = blur(gradient.pow(2).sum(1, keepdim=True).sqrt(), max(image.shape[-2:]) / 28)
    return edges.view(*image.shape[:-3], *image.shape[-2:])
