"""Rows drawn around rows: a random number per cell, looked up in its column's law; features are matches with a row."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from xai.base.errors import InputError
from xai.lime.column_sampler import ATOMS
from xai.lime.summary import TrainingSummary

__all__ = ["Drawn", "TableSamples"]


class Drawn(NamedTuple):
    """Samples as the network sees them, `values` (groups * n, columns), group by group, and each cell's bin or
    category, `codes` (groups, columns, n).
    """

    values: Tensor
    codes: Tensor


class TableSamples:
    """The laws of all columns as tensors, and the rows (N, columns) as bins or categories.

    Raises InputError for a category that the training data do not have.
    """

    def __init__(self, summary: TrainingSummary, rows: Tensor) -> None:
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
                    raise InputError("rows", expected=wanted, got=repr(word))
        laws = summary.laws
        size = len(laws)
        self.values = torch.stack([torch.from_numpy(law.values) for law in laws]).to(rows.dtype).flatten()
        small = all(len(column.share) < 256 for column in summary.columns)
        kind = torch.uint8 if small else torch.int16
        self.codes = torch.stack([torch.from_numpy(law.codes).to(kind) for law in laws]).flatten()
        self.offset = torch.arange(size, dtype=torch.int32) * ATOMS
        own = [torch.from_numpy(column.code(values)) for column, values in zip(summary.columns, columns)]
        self.own = torch.stack(own, 1).to(kind)  # (N, columns)
        self.binary = torch.tensor([column.binary for column in summary.columns])
        self.matching = bool(self.binary.all())  # every feature is a match
        self.mean = torch.tensor([column.mean for column in summary.columns], dtype=torch.float64)
        std = torch.tensor([column.std for column in summary.columns], dtype=torch.float64)
        self.std = torch.where(std > 0, std, 1)
        self.device = rows.device

    def __len__(self) -> int:
        return len(self.rows)

    def draw(self, groups: int, pairs: int, generator: torch.Generator) -> Drawn:
        """Draw groups * pairs * 2 samples, group by group; half of each mirrors the other half, column by column."""
        size = len(self.offset)
        first = torch.randint(ATOMS, (size, groups, 1, pairs), generator=generator, dtype=torch.int32)
        place = torch.cat([first, ATOMS - 1 - first], 2).view(size, groups, -1) + self.offset[:, None, None]
        values = self.values.index_select(0, place.permute(1, 2, 0).flatten())  # four times as fast as values[place]
        codes = self.codes.index_select(0, place.transpose(0, 1).flatten())
        return Drawn(values.view(-1, size).to(self.device), codes.view(groups, size, -1))

    def matches(self, drawn: Drawn, rows: Tensor, out: Tensor) -> None:
        """Write 1 where samples match rows and 0 elsewhere into `out` (rows, groups, columns, n)."""
        torch.eq(drawn.codes, self.own[rows][:, None, :, None], out=out)  # five times as fast as to compare and convert

    def features(self, drawn: Drawn, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features (rows, groups, columns, n) of samples seen from rows, and their squared distances
        (rows, groups, n).
        """
        scaled = self.scaled(drawn)
        same = scaled.new_empty(len(rows), *drawn.codes.shape)
        self.matches(drawn, rows, same)
        here = (self.rows[rows] - self.mean) / self.std
        features = torch.where(self.binary[:, None], same, scaled)
        own = torch.where(self.binary, 1, here)[:, None, :, None]
        return features, (features - own).square().sum(2)

    def scaled(self, drawn: Drawn) -> Tensor:
        """Return the samples' values in standard deviations from the mean, (groups, columns, n)."""
        scaled = (drawn.values.double().cpu() - self.mean) / self.std
        return scaled.view(len(drawn.codes), -1, scaled.shape[1]).transpose(1, 2)

    def own_features(self) -> Tensor:
        """Return each row's own features (N, columns): 1 for its bin, or its standardized number."""
        return torch.where(self.binary, 1, (self.rows - self.mean) / self.std)

    def row_names(self) -> tuple[tuple[str, ...], ...]:
        """Return how each row's features are called."""
        known: dict[tuple[int, int], str] = {}
        rows = []
        for codes, values in zip(self.own.tolist(), self.rows.tolist()):
            for place, (code, value) in enumerate(zip(codes, values)):
                if (place, code) not in known:
                    known[place, code] = self.summary.columns[place].describe(value)
            rows.append(tuple(known[item] for item in enumerate(codes)))
        return tuple(rows)
