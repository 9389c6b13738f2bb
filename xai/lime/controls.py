"""Control variates for tables: numbers that move with the network's answer, but are known to say nothing of a match.

The kernel is a product over columns and columns are drawn independently. So how far a cell's value lies from the mean
of those that match the row as it does (or do not) is uncorrelated with every match; so are its square, and products
of two columns' values about their weighted means. Fitted beside the matches they take up what the answer owes to
them, which would otherwise be noise in the weights, and leave what the weights estimate as it is.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

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
        size = len(table.offset)
        self.table = table
        self.kind = kind if table.matching else None
        self.pairs = torch.triu_indices(size, size, 1) if self.kind == "pairs" else torch.zeros(2, 0, dtype=torch.long)
        self.count = 0 if self.kind is None else 2 * size + self.pairs.shape[1]
        if self.kind is not None:
            self._means(width)

    def _means(self, width: float) -> None:
        table = self.table
        size = len(table.offset)
        values = (table.values.double().view(size, ATOMS) - table.mean[:, None]) / table.std[:, None]
        codes = table.codes.view(size, ATOMS).long()
        own = table.own.long().T  # (columns, N)
        most = int(max(codes.max(), own.max())) + 1
        count = torch.zeros(size, most, dtype=torch.float64).scatter_add_(1, codes, torch.ones_like(values))
        inside = count.gather(1, own)
        self.match, self.other = [], []  # of values and of their squares, (N, columns) each
        for power in (values, values.square()):
            sums = torch.zeros_like(count).scatter_add_(1, codes, power)
            matching = sums.gather(1, own)
            self.match.append((matching / inside.clamp_min(1)).T.contiguous())
            rest = (sums.sum(1, keepdim=True) - matching) / (ATOMS - inside).clamp_min(1)
            self.other.append(rest.T.contiguous())
        share, left = inside.T / ATOMS, math.exp(-1 / (2 * width**2)) * (1 - inside.T / ATOMS)
        self.center = (share * self.match[0] + left * self.other[0]) / (share + left)  # under the kernel

    def seen(self, drawn: Drawn, rows: Tensor, answers: Tensor) -> tuple[Tensor, Tensor]:
        """Return (1, features, controls, answers) as (rows, groups, d + q + 2, n), and squared distances
        (rows, groups, n); answers: (rows, groups, n).
        """
        table, size = self.table, len(self.table.offset)
        groups, _, count = drawn.codes.shape
        z = torch.empty(len(rows), groups, size + self.count + 2, count, dtype=torch.float64)
        z[:, :, 0], z[:, :, -1] = 1, answers
        if not table.matching:
            z[:, :, 1:-1], distance = table.features(drawn, rows)
            return z, distance
        matches = z[:, :, 1 : size + 1]
        table.matches(drawn, rows, matches)
        distance = size - matches.sum(2)
        if self.kind is None:
            return z, distance
        same = matches > 0
        scaled, place = table.scaled(drawn), size + 1
        for power, match, other in zip((scaled, scaled.square()), self.match, self.other):
            own, others = match[rows][:, None, :, None], other[rows][:, None, :, None]
            z[:, :, place : place + size] = power - torch.where(same, own, others)
            place += size
        if self.kind == "pairs":
            centered = scaled - self.center[rows][:, None, :, None]
            z[:, :, place:-1] = centered[:, :, self.pairs[0]] * centered[:, :, self.pairs[1]]
        return z, distance
