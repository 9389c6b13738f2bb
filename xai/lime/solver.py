"""The surrogate: weighted ridge regression in float64, with a standard error for every weight."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Surrogate", "fit_ridge", "kernel_weights"]


@dataclass(frozen=True)
class Surrogate:
    """A fitted surrogate: `weights` and `standard_error` (d,), `intercept`, and the weighted `r2`.

    `r2` is None where the network's answers do not vary: then there was nothing to explain.
    """

    weights: Tensor
    standard_error: Tensor
    intercept: float
    r2: float | None


def kernel_weights(masks: Tensor, width: float) -> Tensor:
    """Return lime's weight of each sample: sqrt(exp(-d^2 / width^2)) with d the cosine distance to all features on.

    masks: (n, d) of 0 and 1. Returns (n,) in float64.
    """
    share = masks.double().mean(1)
    distance = 1 - share.sqrt()  # the cosine between a mask and all ones is sqrt(share on)
    return torch.exp(-(distance**2) / width**2).sqrt()


def fit_ridge(features: Tensor, answers: Tensor, weights: Tensor, penalty: float) -> Surrogate:
    """Minimize sum_i w_i (y_i - x_i b - c)^2 + penalty |b|^2; the intercept c is not penalized.

    features: (n, d), answers: (n,), weights: (n,), at least 0. The standard error is the sandwich estimate
    A^-1 B A^-1 with A = X'WX + penalty and B = sum_i w_i^2 e_i^2 x_i x_i' (White 1980), times n / (n - d - 1): it
    covers which samples were drawn, not what a linear surrogate cannot express, nor the shrinkage of the penalty.
    """
    x, y, w = features.double(), answers.double(), weights.double()
    count, size = x.shape
    # Centered by the weighted means, the intercept drops out and the system is well conditioned.
    total = w.sum()
    x_mean, y_mean = (w @ x) / total, (w @ y) / total
    x, y = x - x_mean, y - y_mean
    weighted = x * w[:, None]
    identity = torch.eye(size, dtype=x.dtype, device=x.device)
    # A feature that never varies has no equation of its own; the pseudo-inverse gives it weight 0 at penalty 0.
    inverse = torch.linalg.pinv(weighted.T @ x + penalty * identity, hermitian=True)
    solution = inverse @ (weighted.T @ y)
    residual = y - x @ solution
    scores = weighted * residual[:, None]
    spare = max(count - size - 1, 1)
    covariance = inverse @ (scores.T @ scores) @ inverse * (count / spare)
    variation = float((w * y**2).sum())
    r2 = None if variation <= 1e-18 * float(total) else 1 - float((w * residual**2).sum()) / variation
    error = covariance.diagonal().clamp_min(0).sqrt()
    return Surrogate(solution, error, float(y_mean - x_mean @ solution), r2)
