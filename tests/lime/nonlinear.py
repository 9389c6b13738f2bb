"""Small nonlinear functions of masks, and the estimator that sampling aims at, computed over every mask."""

from __future__ import annotations

from collections.abc import Callable
from math import comb

import torch
from torch import Tensor, nn

from xai.lime.mask_sampling import cosine_weights, default_width


def network(size: int, seed: int, scale: float = 1.0) -> Callable[[Tensor], Tensor]:
    """Return a random two-layer network from masks (n, size) to a probability (n,), in float64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = nn.Sequential(
            nn.Linear(size, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1), nn.Sigmoid()
        )
    layers.double().requires_grad_(False)
    for layer in layers:
        if isinstance(layer, nn.Linear):
            layer.weight.mul_(2.5 * scale)
    return lambda masks: layers(masks.double())[:, 0]


def every_mask(size: int) -> Tensor:
    """Return all masks, (2^size, size)."""
    return (torch.arange(2**size)[:, None] >> torch.arange(size)) & 1


def truth(answer: Callable[[Tensor], Tensor], size: int, neighborhood: str) -> Tensor:
    """Return the weighted least-squares weights over all masks, which ever more samples lead to.

    Written with normal equations and an explicit intercept column: nothing here is shared with the solver.
    """
    masks = every_mask(size)
    on = masks.sum(1)
    chance = {
        "half": torch.full_like(on, 1, dtype=torch.float64) / 2**size,
        "sizes": torch.tensor([1 / (size + 1) / comb(size, int(count)) for count in on], dtype=torch.float64),
    }[neighborhood]
    weights = chance * cosine_weights(on / size, default_width(size, neighborhood))
    design = torch.cat([torch.ones(len(masks), 1), masks], 1).double()
    return torch.linalg.solve(design.T @ (weights[:, None] * design), design.T @ (weights * answer(masks)))[1:]
