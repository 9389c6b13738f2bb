"""Rows drawn around rows: a random number per cell, looked up in its column's law; features are matches with a row."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from xai.core.errors import InputError, expected
from xai.lime.law import ATOMS
from xai.lime.summary import TrainingSummary

__all__ = ["Drawn", "TableSamples"]


class Drawn(NamedTuple):
    """Samples as the network sees them, `values` (n, columns), and the bin or category of each cell, `codes`."""

    values: Tensor
    codes: Tensor


class TableSamples:
    """The laws of all columns as tensors, and the rows (N, columns) as bins or categories.

    Raises InputError for a category that the training data do not have.
    """

    def __init__(self, summary: TrainingSummary, rows: Tensor, operation: str) -> None:
        self.summary = summary
        self.rows = rows.detach().double().cpu()
        columns = self.rows.numpy().T
        for column, values in zip(summary.columns, columns):
            if column.words is not None:
                shares = torch.tensor(column.share)
                codes = torch.from_numpy(values.copy()).long()
                known = (codes >= 0) & (codes < len(shares))
                if not bool(known.all()) or bool((shares[codes] == 0).any()):
                    wrong = next(int(code) for code, ok in zip(codes, known) if not ok or shares[code] == 0)
                    word = column.words[wrong] if 0 <= wrong < len(column.words) else wrong
                    wanted = f"categories of column {column.name!r} that the training data have"
                    raise InputError(expected(operation, "rows", wanted, repr(word)))
        laws = summary.laws
        size = len(laws)
        self.values = torch.stack([torch.from_numpy(law.values) for law in laws]).to(rows.dtype).flatten()
        self.codes = torch.stack([torch.from_numpy(law.codes).to(torch.int16) for law in laws]).flatten()
        self.offset = torch.arange(size) * ATOMS
        own = [torch.from_numpy(column.code(values)) for column, values in zip(summary.columns, columns)]
        self.own = torch.stack(own, 1).to(torch.int16)  # (N, columns)
        self.binary = torch.tensor([column.binary for column in summary.columns])
        self.mean = torch.tensor([column.mean for column in summary.columns], dtype=torch.float64)
        std = torch.tensor([column.std for column in summary.columns], dtype=torch.float64)
        self.std = torch.where(std > 0, std, 1)
        self.device = rows.device

    def __len__(self) -> int:
        return len(self.rows)

    def draw(self, groups: int, pairs: int, generator: torch.Generator) -> Drawn:
        """Draw groups * pairs * 2 samples; the second of each pair mirrors the first, column by column."""
        first = torch.randint(ATOMS, (groups, pairs, 1, len(self.offset)), generator=generator, dtype=torch.int32)
        place = (torch.cat([first, ATOMS - 1 - first], 2).flatten(0, 2) + self.offset).flatten()
        shape = (-1, len(self.offset))
        return Drawn(self.values[place].view(shape).to(self.device), self.codes[place].view(shape))

    def features(self, drawn: Drawn, row: int) -> tuple[Tensor, Tensor]:
        """Return the features (n, columns) of samples seen from a row, and their squared distance to it (n,)."""
        same = drawn.codes == self.own[row]
        if bool(self.binary.all()):
            return same, len(self.offset) - same.sum(1)
        scaled = (drawn.values.double().cpu() - self.mean) / self.std
        here = (self.rows[row] - self.mean) / self.std
        features = torch.where(self.binary, same.double(), scaled)
        return features, (features - torch.where(self.binary, 1, here)).square().sum(1)

    def own_features(self) -> Tensor:
        """Return each row's own features (N, columns): 1 for its bin, or its standardized number."""
        return torch.where(self.binary, 1, (self.rows - self.mean) / self.std)

    def row_names(self) -> tuple[tuple[str, ...], ...]:
        """Return how each row's features are called."""
        columns = self.summary.columns
        return tuple(tuple(column.describe(value) for column, value in zip(columns, row)) for row in self.rows.tolist())
