"""The surrogate: weighted ridge regression in float64, for many rows at once, from sums that samples stream into.

Nothing grows with the number of samples: each independent group of samples keeps the sums of its products, and the
weights, their errors, R2 and the fidelity on samples that the fit has not seen all come from those sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Moments", "Surrogate", "fit_ridge", "restrict"]


class Moments:
    """Sums of w z z' over samples with z = (1, features, controls, answer), for `rows` rows and `groups` groups.

    sums: (rows, groups, d + q + 2, d + q + 2) in float64. The q controls are numbers known to be uncorrelated with
    every feature in the whole neighborhood: fitted beside the features they take noise away, and leave the weights that
    the features would get from all samples as they are.

    >>> moments = Moments(1, 1, 1)
    >>> moments.add(torch.tensor([[[[0.0, 1.0]]]]), torch.tensor([[[1.0, 3.0]]]), 1.0)
    >>> moments.sums[0, 0, -1]
    tensor([ 4.,  3., 10.], dtype=torch.float64)
    """

    def __init__(self, rows: int, groups: int, size: int, controls: int = 0) -> None:
        self.size = size
        self.sums = torch.zeros(rows, groups, size + controls + 2, size + controls + 2, dtype=torch.float64)
        self.count = 0

    def add(self, features: Tensor, answers: Tensor, weights: Tensor | float, first: int = 0) -> None:
        """Take in samples for the rows from `first` on; the caller counts them in `count`, once for all rows.

        features: with the controls behind them (rows, groups, d + q, n), answers (rows, groups, n), weights like
        answers, or one number for all.
        """
        rows, groups, size, count = features.shape
        z = torch.empty(rows, groups, size + 2, count, dtype=torch.float64)
        z[:, :, 0], z[:, :, 1:-1], z[:, :, -1] = 1, features, answers
        self.add_columns(z, weights, first)

    def add_columns(self, z: Tensor, weights: Tensor | float, first: int = 0) -> None:
        """Take in samples as z = (1, features, controls, answer), (rows, groups, d + q + 2, n), as `add` makes them.

        Contiguous, so that the products need no copy: that is five times as fast. Tensors of weights are multiplied
        into z itself, as their roots: one tensor fewer to fill and to read.
        """
        if isinstance(weights, Tensor):
            z.mul_(weights.sqrt()[:, :, None])
        flat, size = z.flatten(0, 1), z.shape[2]
        sums = self.sums[first : first + len(z)].view(-1, size, size)
        torch.baddbmm(sums, flat, flat.transpose(1, 2), alpha=weights if isinstance(weights, float) else 1.0, out=sums)


@dataclass(frozen=True)
class Surrogate:
    """Fitted surrogates, one per row: `weights` and `standard_error` (rows, d), `intercept` (rows,).

    `r2` (rows,) is weighted, `fidelity` the same for samples that the fit had not seen (each fifth of the groups by a
    fit to the others); both are NaN where the network's answers do not vary: then there was nothing to explain.
    `spread` (rows, groups, d) says how each group pulls at each weight: its squares add up to the squared errors, and
    differences of weights have their error from differences of its columns. `degrees_of_freedom` belongs to all errors.
    """

    weights: Tensor
    standard_error: Tensor
    intercept: Tensor
    r2: Tensor
    fidelity: Tensor
    spread: Tensor
    degrees_of_freedom: int


FOLDS = 5
# Answers that vary by less than this, relative to their size, vary by no more than float32 rounding.
RESOLUTION = 5e-7


def fit_ridge(moments: Moments, penalty: float, chosen: Tensor | None = None) -> Surrogate:
    """Minimize sum_i w_i (y_i - x_i b - c)^2 + penalty |b|^2 for each row; the intercept c is not penalized.

    chosen: (rows, d) of bool, features that may have a weight. The standard error is the sandwich A^-1 B A^-1 with
    A = X'WX + penalty and B summed over independent groups of samples (Liang, Zeger 1986), so that it holds for
    designs that are not independent within a group, times n / (n - d - 1): it covers which samples were drawn, not
    what a linear surrogate cannot express, nor the shrinkage of the penalty.
    """
    sums, size = moments.sums, moments.size
    total = sums.sum(1)  # (rows, d + q + 2, d + q + 2)
    rows, groups = sums.shape[:2]
    kept = torch.ones(rows, sums.shape[-1] - 2, dtype=torch.bool)
    if chosen is not None:
        kept[:, :size] = chosen
    solution, constant, inverse = _solve(total, penalty, kept)
    # A group's pull: the sum of w e x~ over its samples, x~ centered by the weighted mean of all.
    pulls = torch.einsum("rgij,rj->rgi", sums, _residual(solution, constant))  # (rows, groups, d + q + 2)
    mean = total[:, 0, 1:-1] / total[:, :1, 0]
    scores = pulls[..., 1:-1] - pulls[..., :1] * mean[:, None]
    scores = scores - scores.mean(1, keepdim=True)
    degrees = max(groups - 1, 1)
    parameters = int(kept.sum(1).max()) + 1
    scale = (groups / degrees) * (moments.count / max(moments.count - parameters, 1))
    spread = (scores * kept[:, None]) @ inverse[..., :size] * scale**0.5
    error = spread.square().sum(1).sqrt()
    variation, flat = _variation(total)
    weights, line = _surrogate_line(total, solution, size)
    r2 = 1 - _quadratic(total, line) / variation
    folds = _fidelity(moments, penalty, kept)
    nothing = torch.full_like(r2, float("nan"))
    return Surrogate(
        weights, error, -line[:, 0], torch.where(flat, nothing, r2), torch.where(flat, nothing, folds), spread, degrees
    )


def restrict(total: Tensor, size: int) -> Tensor:
    """Return one row's centered Gram matrix (d, d) and products with the answer (d,), side by side as (d, d + 1)."""
    centered = total - total[:, :1] * total[:1] / total[0, 0].clamp_min(1e-300)
    features = centered[1 : size + 1]
    return torch.cat([features[:, 1 : size + 1], features[:, -1:]], 1)


def _residual(weights: Tensor, intercept: Tensor) -> Tensor:
    """Return the line (rows, d + 2) whose product with (1, x, y) is y - x b - c."""
    return torch.cat([-intercept[:, None], -weights, torch.ones_like(intercept)[:, None]], 1)


def _surrogate_line(total: Tensor, solution: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return the weights of the features alone (rows, d), and the residual's line without the controls."""
    alone = solution.clone()
    alone[:, size:] = 0
    mean = total[:, 0, 1:] / total[:, :1, 0].clamp_min(1e-300)
    return alone[:, :size], _residual(alone, mean[:, -1] - (mean[:, :-1] * alone).sum(1))


def _solve(total: Tensor, penalty: float, kept: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return weights (rows, d), intercepts (rows,) and the inverse (rows, d, d) of the penalized Gram matrix."""
    mass = total[:, 0, 0].clamp_min(1e-300)
    mean = total[:, 0, 1:] / mass[:, None]  # of features and answer
    centered = total[:, 1:, 1:] - mass[:, None, None] * mean[:, :, None] * mean[:, None]
    both = kept[:, :, None] & kept[:, None]
    identity = torch.eye(kept.shape[1], dtype=total.dtype)
    gram = torch.where(both, centered[:, :-1, :-1] + penalty * identity, 0)
    if penalty > 0 or not bool(kept.all()):
        gram = gram + torch.diag_embed((~kept).to(gram.dtype))
    if penalty > 0:
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram))
    else:
        # A feature that never varies has no equation of its own; the pseudo-inverse gives it weight 0.
        inverse = torch.linalg.pinv(gram, hermitian=True, rtol=1e-10)
    inverse = torch.where(both, inverse, 0)
    weights = (inverse @ torch.where(kept, centered[:, :-1, -1], 0)[..., None])[..., 0]
    return weights, mean[:, -1] - (mean[:, :-1] * weights).sum(1), inverse


def _quadratic(total: Tensor, line: Tensor) -> Tensor:
    return torch.einsum("ri,rij,rj->r", line, total, line).clamp_min(0)


def _variation(total: Tensor) -> tuple[Tensor, Tensor]:
    """Return the weighted sum of squares about the mean (rows,), and where it is nothing but rounding."""
    mass = total[:, 0, 0].clamp_min(1e-300)
    variation = total[:, -1, -1] - total[:, 0, -1].square() / mass
    flat = variation <= RESOLUTION**2 * total[:, -1, -1]
    return torch.where(flat, torch.ones_like(variation), variation), flat


def _fidelity(moments: Moments, penalty: float, kept: Tensor) -> Tensor:
    """Return the weighted R2 (rows,) over all groups, each predicted by a fit that had not seen it."""
    sums = moments.sums
    rows, groups = sums.shape[:2]
    folds = min(FOLDS, groups)
    if folds < 2:
        return sums.new_full((rows,), float("nan"))
    parts = torch.stack([part.sum(1) for part in sums.tensor_split(folds, 1)], 1)  # (rows, folds, d + 2, d + 2)
    total = sums.sum(1)
    rest = (total[:, None] - parts).flatten(0, 1)
    solution, _, _ = _solve(rest, penalty, kept.repeat_interleave(folds, 0))
    _, line = _surrogate_line(rest, solution, moments.size)
    missed = _quadratic(parts.flatten(0, 1), line).view(rows, folds).sum(1)
    return 1 - missed / _variation(total)[0]
