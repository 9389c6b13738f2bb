"""Rows drawn around rows: a random number per cell, looked up in its column's table; features are matches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from xai.base.errors import InputError
from xai.lime.blocks import Blocks
from xai.lime.column_sampler import ATOMS
from xai.lime.training_summary import TrainingSummary

__all__ = ["Drawn", "TableSamples"]


class Drawn(NamedTuple):
    """Samples as the network sees them, `values` (groups * n, columns), group by group; the same numbers column by
    column, `cells` (groups, columns, n), and each cell's bin or category, `codes` (groups, columns, n).
    """

    values: Tensor
    cells: Tensor
    codes: Tensor


class TableSamples:
    """The tables of all columns, and the rows (N, columns) as bins or categories; a group of columns is one of them.

    names: of the rows' columns, by which those of a group are found; none where there are no groups.
    Raises InputError for a category that the training data do not have.
    """

    def __init__(self, summary: TrainingSummary, rows: Tensor, names: Sequence[str] = ()) -> None:
        self.summary, self.tables = summary, summary.tables
        self.blocks = Blocks(summary, names) if any(column.parts for column in summary.columns) else None
        plain = rows.detach().double().cpu()
        self.rows = plain if self.blocks is None else self.blocks.folded(plain)
        columns = self.rows.numpy().T
        for column, values in zip(summary.columns, columns, strict=True):
            if column.words is not None:
                shares = torch.tensor(column.share)
                codes = torch.from_numpy(values.copy()).long()
                known = (codes >= 0) & (codes < len(shares))
                if not bool(known.all()) or bool((shares[codes] == 0).any()):
                    wrong = next(
                        int(code) for code, ok in zip(codes, known, strict=True) if not ok or shares[code] == 0
                    )
                    word = column.words[wrong] if 0 <= wrong < len(column.words) else wrong
                    wanted = f"categories of column {column.name!r} that the training data have"
                    raise InputError("rows", expected=wanted, got=repr(word))
        bins = [torch.from_numpy(column.code(values)) for column, values in zip(summary.columns, columns, strict=True)]
        self.own = torch.stack(bins, 1).to(self.tables.codes.dtype)  # (N, columns)
        self.device, self.dtype = rows.device, rows.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def draw(self, groups: int, pairs: int, generator: torch.Generator) -> Drawn:
        """Draw groups * pairs * 2 samples, group by group; half of each mirrors the other half, column by column."""
        size = self.tables.size
        first = torch.randint(ATOMS, (size, groups, pairs), generator=generator, dtype=torch.int32).transpose(0, 1)
        start = torch.arange(0, size * ATOMS, ATOMS)[:, None]
        atoms = torch.empty(groups, size, 2, pairs, dtype=torch.int64)
        torch.add(first, start, out=atoms[:, :, 0])
        torch.sub(start + (ATOMS - 1), first, out=atoms[:, :, 1])
        flat = atoms.flatten()
        cells = self.tables.in_dtype(self.dtype).index_select(0, flat).view(groups, size, -1)
        codes = self.tables.codes.index_select(0, flat).view(groups, size, -1)
        values = cells.transpose(1, 2).reshape(-1, size)
        values = values if self.blocks is None else self.blocks.unfolded(values)
        return Drawn(values.to(self.device), cells, codes)

    def matches(self, drawn: Drawn, rows: Tensor, out: Tensor) -> None:
        """Write 1 where samples match rows and 0 elsewhere into `out` (rows, groups, columns, n)."""
        torch.eq(drawn.codes, self.own[rows][:, None, :, None], out=out)  # five times as fast as to compare and convert

    def features(self, drawn: Drawn, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features (rows, groups, columns, n) of samples seen from rows, and their squared distances
        (rows, groups, n).
        """
        binary, mean, std = self.tables.binary, self.tables.mean, self.tables.std
        scaled = (drawn.cells.double() - mean[:, None]) / std[:, None]
        same = scaled.new_empty(len(rows), *drawn.codes.shape)
        self.matches(drawn, rows, same)
        features = torch.where(binary[:, None], same, scaled)
        features_of_row = torch.where(binary, 1, (self.rows[rows] - mean) / std)[:, None, :, None]
        return features, (features - features_of_row).square().sum(2)

    def scaled(self, drawn: Drawn) -> Tensor:
        """Return the samples' values in standard deviations, (groups, columns, n) in float32; see `ColumnTables`."""
        values = (drawn.cells - self.tables.center[:, None]).to(torch.float32) * self.tables.scale[:, None]
        return values.nan_to_num_() if self.tables.gaps else values

    def own_features(self) -> Tensor:
        """Return each row's own features (N, columns): 1 for its bin, or its standardized number."""
        return torch.where(self.tables.binary, 1, (self.rows - self.tables.mean) / self.tables.std)

    def row_names(self) -> tuple[tuple[str, ...], ...]:
        """Return how each row's features are called."""
        known = self.tables.names
        rows = []
        for codes, values in zip(self.own.tolist(), self.rows.tolist(), strict=True):
            for position, (code, value) in enumerate(zip(codes, values, strict=True)):
                if (position, code) not in known:
                    known[position, code] = self.summary.columns[position].describe(value)
            rows.append(tuple(known[item] for item in enumerate(codes)))
        return tuple(rows)
