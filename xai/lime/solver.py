"""The surrogate: weighted ridge regression in float64, for many rows at once, from sums that samples stream into.

Nothing grows with the number of samples: each independent group of samples keeps the sums of its products, and the
weights, their errors, R2 and the fidelity on samples that the fit has not seen all come from those sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from xai.base.errors import InputError
from xai.lime.leverage import without_leverage
from xai.lime.moments import Moments

__all__ = ["Moments", "Surrogate", "fit_ridge", "restrict"]


@dataclass(frozen=True)
class Surrogate:
    """Fitted surrogates, one per row: `weights` and `standard_error` (rows, d), `intercept` (rows,).

    `r2` (rows,) is weighted, `fidelity` the same for samples that the fit had not seen (each fifth of the groups by a
    fit to the others); both are NaN where the network's answers do not vary: then there was nothing to explain.
    `covariance` (rows, d, d) is that of the weights' errors, with `degrees_of_freedom`.
    """

    weights: Tensor
    standard_error: Tensor
    intercept: Tensor
    r2: Tensor
    fidelity: Tensor
    covariance: Tensor
    degrees_of_freedom: int


# Answers that vary by less than this, relative to their size, vary by no more than float32 rounding.
RESOLUTION = 5e-7
MANY = 40  # samples per parameter, from which on the factor n / (n - parameters) is correction enough
CONTROLS_RIDGE = 1e-5  # of the weight of all samples


def fit_ridge(moments: Moments, penalty: float, chosen: Tensor | None = None) -> Surrogate:
    """Minimize sum_i w_i (y_i - x_i b - c)^2 + penalty |b|^2 for each row; the intercept c is not penalized.

    chosen: (rows, d) of bool, features that may have a weight. The standard error is the sandwich A^-1 B A^-1 with
    A = X'WX + penalty and B summed over independent groups of samples (Liang, Zeger 1986), so that it holds for
    designs that are not independent within a group. Residuals are corrected for leverage: see `xai.lime.leverage`. The
    error covers which samples were drawn, not what a linear surrogate cannot express, nor the shrinkage of the penalty
    (see `fit_surrogate`).
    """
    sums, size, totals = moments.sums, moments.size, moments.totals
    rows, groups, columns = sums.shape[:3]
    kept = totals.varies if chosen is None else totals.varies & chosen
    # The fit to all samples, and those that each leave one fold out, solved together.
    systems = torch.cat([totals.whole[:, None], totals.whole[:, None] - totals.folds], 1)
    fits, inverse = _solve(systems, penalty, kept, moments)
    line = _line(fits[:, 0], totals.means)
    # A group's influence: the sum of w e x~ over its samples, x~ centered by the weighted mean of all.
    products = (sums.view(rows, groups * columns, columns) @ line[..., None]).view(rows, groups, columns)
    scores = products[..., 1:-1] - products[..., :1] * totals.means[:, None, 1:-1]
    degrees = max(groups - 1, 1)
    scale = groups / degrees
    parameters = columns - 1 if chosen is None else int(chosen.sum(1).max()) + columns - 1 - size
    if moments.count < MANY * parameters:
        scores = without_leverage(scores, moments, kept)
    else:
        scale *= moments.count / (moments.count - parameters)
    scores = scores - scores.mean(1, keepdim=True)
    influence = scores @ inverse
    covariance = (influence.mT @ influence).mul_(scale)
    error = covariance.diagonal(dim1=1, dim2=2).sqrt()
    weights = _weights(fits, moments) * kept[:, None]  # (rows, 1 + folds, d)
    variation, flat = _variation(moments)
    lines = _line(weights, _means(systems, size))
    r2 = 1 - _quadratic(totals.whole, lines[:, 0], size) / variation
    fidelity = 1 - _quadratic(totals.folds, lines[:, 1:], size).sum(1) / variation
    intercept, weights = moments.shift - lines[:, 0, 0], weights[:, 0]
    if totals.folds.shape[1] < 2:
        fidelity = torch.full_like(r2, torch.nan)
    if bool(flat.any()):
        # Of answers that do not vary, what is left is rounding, and rounding has no interval.
        weights, error = (torch.where(flat[:, None], 0, numbers) for numbers in (weights, error))
        r2, fidelity = (torch.where(flat, torch.nan, numbers) for numbers in (r2, fidelity))
    return Surrogate(weights, error, intercept, r2, fidelity, covariance, degrees)


def restrict(total: Tensor, size: int) -> Tensor:
    """Return one row's centered Gram matrix (d, d) and products with the answer (d,), side by side as (d, d + 1)."""
    centered = total - total[:, :1] * total[:1] / total[0, 0].clamp_min(1e-300)
    features = centered[1 : size + 1]
    return torch.cat([features[:, 1 : size + 1], features[:, -1:]], 1)


def _line(weights: Tensor, means: Tensor) -> Tensor:
    """Return the line (..., d + 2) whose product with (1, x, y) is y - x b - c, given the means of 1, x and y."""
    constant = means[..., -1:] - (means[..., 1:-1] * weights).sum(-1, keepdim=True)
    return torch.cat([-constant, -weights, torch.ones_like(constant)], -1)


def _means(systems: Tensor, size: int) -> Tensor:
    """Return the weighted means of 1, features and answer, (..., d + 2)."""
    first = systems[..., 0, :] / systems[..., 0, :1].clamp_min(1e-300)
    return first if first.shape[-1] == size + 2 else torch.cat([first[..., : size + 1], first[..., -1:]], -1)


def _weights(fits: Tensor, moments: Moments) -> Tensor:
    """Return the features' weights (rows, m, d) from what stands before features and controls (rows, m, d + q)."""
    return fits[..., : moments.size] if moments.mixing is None else fits @ moments.mixing.mT


def _solve(systems: Tensor, penalty: float, kept: Tensor, moments: Moments) -> tuple[Tensor, Tensor]:
    """Solve systems (rows, m, d + q + 2, d + q + 2): return what stands before features and controls (rows, m, d + q),
    and of each row's first one the inverse of the penalized Gram matrix, mixed into weights (rows, d + q, d).
    """
    size, rest = moments.size, systems.shape[-1] - 2 - moments.size
    centered = systems[..., 1:, 1:] - systems[..., 1:, :1] * (
        systems[..., :1, 1:] / systems[..., :1, :1].clamp_min(1e-300)
    )
    gram, products = centered[..., :-1, :-1], centered[..., :-1, -1:]
    mixing = moments.mixing
    if mixing is None:
        mixing = torch.eye(size, size + rest, dtype=systems.dtype).expand(len(systems), -1, -1)
    free = None if bool(kept.all()) else _free(mixing, kept)
    if free is not None:
        gram, products, mixing = free.mT[:, None] @ gram @ free[:, None], free.mT[:, None] @ products, mixing @ free
        unused = torch.nn.functional.pad(~kept, (0, rest), value=False)
        gram = gram + torch.diag_embed(unused.to(gram.dtype))[:, None]
    if penalty > 0:
        # The penalty is on the weights, whatever was summed. That of the controls, which biases nothing, is larger than
        # rounding: a control may be collinear with the matches.
        ridge = (penalty * mixing.mT @ mixing)[:, None].repeat(1, systems.shape[1], 1, 1)
        ridge.diagonal(dim1=2, dim2=3)[..., size:] += (CONTROLS_RIDGE * systems[..., 0, :1]).clamp_min(penalty)
        gram = gram + ridge
        factor, failed = torch.linalg.cholesky_ex(gram)
    if penalty > 0 and not bool(failed.any()):
        fits = torch.cholesky_solve(products, factor)
        inverse = torch.cholesky_solve(mixing.mT, factor[:, 0])
    else:
        # What varies by rounding alone has no equation of its own; the pseudo-inverse gives it weight 0.
        try:
            whole = torch.linalg.pinv(gram, hermitian=True, rtol=max(moments.rounding, 1e-10))
        except torch.linalg.LinAlgError as error:
            wanted = "features of a size that can be squared and summed in float64"
            raise InputError("background", expected=wanted, got="larger ones") from error
        fits, inverse = whole @ products, whole[:, 0] @ mixing.mT
    if free is not None:
        fits, inverse = free[:, None] @ fits, free @ inverse * kept[:, None]
    return fits[..., 0], inverse


def _free(mixing: Tensor, kept: Tensor) -> Tensor:
    """Return the map (rows, d + q, d + q) onto the fits in which features that are not kept have no weight."""
    free = torch.eye(mixing.shape[2], dtype=mixing.dtype).repeat(len(mixing), 1, 1)
    free[:, : kept.shape[1]] -= mixing * ~kept[..., None]
    return free


def _quadratic(sums: Tensor, line: Tensor, size: int) -> Tensor:
    """Return the sum of squares of the line (..., d + 2) without the controls."""
    if sums.shape[-1] > size + 2:
        kept = [*range(size + 1), sums.shape[-1] - 1]
        sums = sums[..., kept, :][..., kept]
    return ((sums @ line[..., None])[..., 0] * line).sum(-1).clamp_min(0)


def _variation(moments: Moments) -> tuple[Tensor, Tensor]:
    """Return the weighted sum of squares about the mean (rows,), and where it is nothing but rounding."""
    whole, means, shift = moments.totals.whole, moments.totals.means, moments.shift
    variation = whole[:, -1, -1] - whole[:, 0, -1] * means[:, -1]
    square = whole[:, -1, -1] + shift * (2 * whole[:, 0, -1] + shift * whole[:, 0, 0])
    flat = variation <= RESOLUTION**2 * square
    return torch.where(flat, torch.ones_like(variation), variation), flat
