"""Maps that never saw the network: the truth at another place, edges, and the center."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

__all__ = ["center", "edges", "half_moved", "moved"]

TRIES = 200


def moved(truth: Tensor, generator: torch.Generator) -> Tensor:
    """Return the map (H, W) or (units,) shifted, around the borders, to where it covers least of itself.

    Of a few tries the first without any overlap is taken. Lists whose units have no order are shifted all the same:
    the values are then at other units.
    """
    best, least = truth, float("inf")
    for _ in range(TRIES):
        shift = tuple(int(torch.randint(side, (), generator=generator)) for side in truth.shape)
        copy = truth.roll(shift, tuple(range(truth.ndim)))
        shared = _shared(copy, truth)
        if shared < least:
            best, least = copy, shared
        if shared == 0:
            break
    return best


def half_moved(truth: Tensor, generator: torch.Generator) -> Tensor | None:
    """Return the map shifted along one axis to where it covers half of itself; None where it has less than two units.

    Where no shift covers between a third and two thirds, as with a few columns, half of its units change places with
    ones that are 0.
    """
    axis = int(torch.randint(truth.ndim, (), generator=generator))
    sign = 1 if float(torch.rand((), generator=generator)) < 0.5 else -1
    copies = [truth.roll(sign * shift, axis) for shift in range(1, truth.shape[axis] // 2 + 1)]
    nearest = min(copies, key=lambda copy: abs(_shared(copy, truth) - 0.5))
    if abs(_shared(nearest, truth) - 0.5) < 1 / 6:
        return nearest
    marked, free = (torch.where(part)[0] for part in ((truth != 0).flatten(), (truth == 0).flatten()))
    count = min(len(marked) // 2, len(free))
    if count == 0:
        return None
    leaving = marked[torch.randperm(len(marked), generator=generator)[:count]]
    coming = free[torch.randperm(len(free), generator=generator)[:count]]
    result = truth.flatten().clone()
    result[coming], result[leaving] = truth.flatten()[leaving], 0.0
    return result.view_as(truth)


def _shared(copy: Tensor, truth: Tensor) -> float:
    """Return which share of the truth's units the copy marks too."""
    marked = truth != 0
    return float(((copy != 0) & marked).sum() / marked.sum().clamp_min(1))


def edges(row: Tensor) -> Tensor:
    """Return how strong edges are: of an image (C, H, W) the Sobel magnitude (H, W), of a series (T, D) steps (T,)."""
    if row.ndim == 2:
        steps = row.diff(dim=0).abs().sum(1)
        return (pad(steps, (1, 0)) + pad(steps, (0, 1))) / 2
    sobel = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
    kernels = torch.stack([sobel, sobel.T])[:, None]
    # Channel by channel: patches of two colors may be equally bright.
    slopes = conv2d(pad(row[:, None], (1, 1, 1, 1), mode="replicate"), kernels)
    return slopes.pow(2).sum((0, 1)).sqrt()


def center(like: Tensor) -> Tensor:
    """Return a map of the shape (H, W) or (steps,) that falls off from the middle."""
    axes = [torch.linspace(-1, 1, side) ** 2 for side in like.shape]
    far = axes[0] if like.ndim == 1 else axes[0][:, None] + axes[1][None]
    return torch.exp(-2 * far)
