"""Weighted sums of products that samples stream into: all that a surrogate needs to know of them."""

from __future__ import annotations

from copy import copy
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["FOLDS", "Moments", "Totals"]

FOLDS = 5


class Moments:
    """Sums of w z z' over samples with z = (1, features, controls, answer), for `rows` rows and `groups` groups.

    sums: (rows, groups, d + q + 2, d + q + 2) in float64. The q controls are numbers known to be uncorrelated with
    every feature in the whole neighborhood: fitted beside the features they take noise away, and leave the weights that
    the features would get from all samples as they are.

    shift: (rows,), what was taken off each row's answers before they were summed, so that float32 blocks lose nothing
    to a large mean. mixing: (rows, d, d + q) or None for the identity: a row's weights are `mixing` times what stands
    before the features and controls as they were summed. So controls need not be made for each row: it is enough that
    they are linear in what was summed.

    >>> moments = Moments(1, 1, 1)
    >>> moments.add(torch.tensor([[[[0.0, 1.0]]]]), torch.tensor([[[1.0, 3.0]]]), 1.0)
    >>> moments.sums[0, 0, -1]
    tensor([ 4.,  3., 10.], dtype=torch.float64)
    """

    def __init__(self, rows: int, groups: int, size: int, controls: int = 0) -> None:
        self.size = size
        self.sums = torch.zeros(rows, groups, size + controls + 2, size + controls + 2, dtype=torch.float64)
        self.shift = torch.zeros(rows, dtype=torch.float64)
        self.mixing: Tensor | None = None
        self.count = 0
        self.rounding = 1e-12  # what is left of a sum of squares that should be 0, as a share of the largest
        self._known: tuple[Tensor, int, Totals] | None = None

    def add(self, features: Tensor, answers: Tensor, weights: Tensor | float, first: int = 0) -> None:
        """Take in samples for the rows from `first` on; the caller counts them in `count`, once for all rows.

        features: with the controls behind them (rows, groups, d + q, n), answers (rows, groups, n), weights like
        answers, or one number for all.
        """
        rows, groups, size, count = features.shape
        z = torch.empty(rows, groups, size + 2, count, dtype=torch.float64)
        z[:, :, 0], z[:, :, 1:-1], z[:, :, -1] = 1, features, answers
        if isinstance(weights, Tensor):
            z.mul_(weights.sqrt()[:, :, None])
        flat = z.flatten(0, 1)
        sums = self.sums[first : first + rows].flatten(0, 1)
        torch.baddbmm(sums, flat, flat.transpose(1, 2), alpha=weights if isinstance(weights, float) else 1.0, out=sums)

    def add_block(self, z: Tensor, first: int = 0) -> None:
        """Take in one block of samples as sqrt(w) z, (rows, groups, d + q + 2 or more, n) in float32 and contiguous.

        Products are formed in float32, twice as fast, and summed over blocks in float64.
        """
        self.rounding = 1e-6
        flat, size = z.flatten(0, 1), self.sums.shape[-1]
        products = torch.bmm(flat, flat.transpose(1, 2))[:, :size, :size]
        self.sums[first : first + len(z)].flatten(0, 1).add_(products)

    def halves(self) -> tuple[Moments, Moments]:
        """Return the samples of the first and of the second half of the groups; all twice, where there is one group."""
        groups = self.sums.shape[1]
        if groups < 2:
            return self, self
        return self._part(slice(0, groups // 2)), self._part(slice(groups // 2, groups))

    def _part(self, groups: slice) -> Moments:
        part = copy(self)
        part.sums = self.sums[:, groups].contiguous()
        part.count = self.count * part.sums.shape[1] // self.sums.shape[1]
        return part

    def keep(self, rows: list[int]) -> None:
        """Keep these rows only."""
        if len(rows) < len(self.sums):
            self.sums, self.shift = self.sums[rows], self.shift[rows]
            self.mixing = None if self.mixing is None else self.mixing[rows]

    @property
    def totals(self) -> Totals:
        """Return the sums over groups; computed once for the samples taken in so far."""
        known = self._known
        if known is None or known[0] is not self.sums or known[1] != self.sums._version:
            known = self._known = self.sums, self.sums._version, self._totals()
        return known[2]

    def _totals(self) -> Totals:
        rows, groups, size = self.sums.shape[:3]
        folds = min(FOLDS, groups)
        if groups % folds:
            parts = torch.stack([part.sum(1) for part in self.sums.tensor_split(folds, 1)], 1)
        else:
            parts = self.sums.view(rows, folds, -1, size, size).sum(2)
        whole = parts.sum(1)
        means = whole[:, 0] / whole[:, :1, 0].clamp_min(1e-300)
        squares = whole.diagonal(dim1=1, dim2=2)[:, 1 : self.size + 1] / whole[:, :1, 0].clamp_min(1e-300)
        varies = squares - means[:, 1 : self.size + 1].square() > self.rounding * squares.clamp_min(1e-12)
        return Totals(whole, parts, means, varies)


class Totals(NamedTuple):
    """Sums over all groups, `whole` (rows, d + q + 2, d + q + 2), and over each fifth of them, `folds` (rows, folds,
    d + q + 2, d + q + 2).

    means: of z, (rows, d + q + 2). varies: (rows, d), whether a feature had more than one value.
    """

    whole: Tensor
    folds: Tensor
    means: Tensor
    varies: Tensor
