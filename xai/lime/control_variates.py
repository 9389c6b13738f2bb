"""Control variates for tables: numbers that correlate with the network's answer, but not with any match.

The kernel is a product over columns and columns are drawn independently. So how far a cell's value lies from the mean
of those that match the row as it does (or do not) is uncorrelated with every match; so are its square, and products
of two columns' values about their weighted means. Fitted beside the matches they explain their share of the answer's
variance, which would otherwise be noise in the weights, and do not change what the weights estimate.

A cell's distance from such a mean is its value minus a linear function of the match. So values and squares are summed
as they are, for all rows alike, and each row's weights are corrected afterwards: see `mixing`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

from xai.base.errors import InputError
from xai.lime.column_sampler import ATOMS
from xai.lime.table_samples import Drawn, TableSamples

__all__ = ["CONTROLS", "Controls"]

CONTROLS = ("columns", "pairs")


class Controls:
    """kind: None, "columns" (two for each column) or "pairs" (one more for each two columns).

    Only where every feature is a match: an unbinned number is its own feature, and has none.
    """

    def __init__(self, table: TableSamples, kind: str | None, width: float) -> None:
        if kind is not None and kind not in CONTROLS:
            wanted = f"one of {', '.join(CONTROLS)}, 'auto' or None"
            raise InputError("controls", expected=wanted, got=repr(kind), operation="lime_tabular")
        size = table.tables.size
        self.table, self.width = table, width
        self.kind = kind if table.tables.matching else None
        self.pairs = torch.triu_indices(size, size, 1) if self.kind == "pairs" else torch.zeros(2, 0, dtype=torch.long)
        self.count = 0 if self.kind is None else 2 * size + self.pairs.shape[1]
        if self.kind is not None:
            self._means()

    def _means(self) -> None:
        sums, bins = self.table.tables.power_sums, self.table.own.long().T  # (3, columns, bins), (columns, N)
        # A row may lie in a bin that no training row does, where every column of those is constant.
        sums = pad(sums, (0, max(0, int(bins.max()) + 1 - sums.shape[2])))
        inside = sums.gather(2, bins.expand(3, -1, -1)).mT  # (3, N, columns)
        outside = sums.sum(2)[:, None] - inside
        match, other = inside[1:] / inside[0].clamp_min(1), outside[1:] / outside[0].clamp_min(1)
        self.deviation = match - other  # of the values and of their squares, (2, N, columns)
        if self.kind == "pairs":
            share, left = inside[0] / ATOMS, math.exp(-1 / (2 * self.width**2)) * outside[0] / ATOMS
            self.center = ((share * match[0] + left * other[0]) / (share + left)).float()  # under the kernel

    def mixing(self, rows: Tensor) -> Tensor | None:
        """Return what makes the weights of these rows, (rows, d, d + q), from the fit to what `block` returns.

        With b m + g v, m the match and v the value, the control is v - (other + m apart): its weight is g, and that of
        the match is b + g apart.
        """
        if self.kind is None:
            return None
        size = self.table.tables.size
        mixing = torch.zeros(len(rows), size, size + self.count, dtype=torch.float64)
        mixing.diagonal(dim1=1, dim2=2)[:] = 1
        for power, deviation in enumerate(self.deviation, 1):
            mixing[:, :, power * size :].diagonal(dim1=1, dim2=2)[:] = deviation[rows]
        return mixing

    def block(self, drawn: Drawn, rows: Tensor, answers: Tensor) -> Tensor:
        """Return sqrt(w) (1, features, numbers that controls are made of, answer), (rows, groups, d + q + 2 and zeros
        up to a multiple of 8, n) in float32; answers: (rows, groups, n), with their shift taken off.
        """
        table, size = self.table, self.table.tables.size
        groups, _, count = drawn.codes.shape
        last = size + self.count + 1
        z = torch.empty(len(rows), groups, last + 8 - last % 8, count)  # multiples of 8: products are a fifth faster
        z[:, :, 0], z[:, :, last], z[:, :, last + 1 :] = 1, answers, 0
        features = z[:, :, 1 : size + 1]
        if table.tables.matching:
            table.matches(drawn, rows, features)
            distance = size - features.sum(2)
        else:
            features[:], distance = table.features(drawn, rows)
        if self.kind is not None:
            scaled = table.scaled(drawn)
            z[:, :, size + 1 : 2 * size + 1] = scaled
            z[:, :, 2 * size + 1 : 3 * size + 1] = scaled.square()
        if self.kind == "pairs":
            centered = scaled - self.center[rows][:, None, :, None]
            z[:, :, 3 * size + 1 : last] = centered[:, :, self.pairs[0]] * centered[:, :, self.pairs[1]]
        return z.mul_(torch.exp(distance * (-1 / (4 * self.width**2)))[:, :, None])
