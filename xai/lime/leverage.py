"""Leverage: the residuals of a fit to few samples are too small, which is corrected before groups are compared.

A group pulls the fit towards itself, so its residuals are too small: the more so, the fewer samples there are to a
weight. With mirrored pairs it is more than n / (n - parameters) says: nearly all information about the weights lies in
the differences within pairs, of which there are half as many. With S_g the group's part of the Gram matrix A, its
residuals have been multiplied by I - S_g A^-1; they are multiplied by the inverse square root of that (CR2: Bell,
McCaffrey 2002), which makes the sandwich unbiased where the answers' variance is constant.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from xai.lime.moments import Moments

__all__ = ["without_leverage"]

TERMS = 12  # of the series of (1 - h)^(-1/2)
SINGULAR = 1e-8  # of the weight of all samples


def without_leverage(scores: Tensor, moments: Moments, kept: Tensor) -> Tensor:
    """Return the groups' scores (rows, groups, d + q) as they would be for residuals that the fit had not made smaller.

    kept: (rows, d), the features in the fit.
    """
    sums, totals = moments.sums, moments.totals
    mean, whole = totals.means[:, 1:-1], totals.whole
    free = pad(kept, (0, scores.shape[2] - kept.shape[1]), value=True)
    cross = sums[:, :, 0, 1:-1]
    centered = (
        sums[:, :, 1:-1, 1:-1]
        - cross[..., None] * mean[:, None, None]
        - mean[:, None, :, None] * (cross - sums[:, :, :1, 0] * mean[:, None])[:, :, None]
    ) * (free[:, None, :, None] & free[:, None, None])
    identity = torch.eye(scores.shape[2], dtype=sums.dtype)
    inverse = torch.linalg.inv(
        centered.sum(1) + torch.diag_embed((~free).to(sums.dtype)) + SINGULAR * whole[:, :1, :1] * identity
    )
    term, factor = scores * free[:, None], 1.0
    found = term
    for order in range(1, TERMS):
        term = (centered @ (term @ inverse)[..., None])[..., 0]
        factor *= (2 * order - 1) / (2 * order)
        found = found + factor * term
    return found
