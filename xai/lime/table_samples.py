"""Rows drawn around rows: a random number per cell, looked up in its column's law; features are matches with a row."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from xai.core.case import Case
from xai.core.errors import InputError, expected
from xai.lime.law import ATOMS
from xai.lime.rounds import Fitted, fit_rows
from xai.lime.settings import Settings
from xai.lime.solver import Moments
from xai.lime.summary import TrainingSummary

__all__ = ["Drawn", "TableSamples", "fit_table"]

SLAB = 2048  # samples at a time
ROWS = 128  # rows whose sums are held at a time
CELLS = 2**18  # numbers at a time while sums are formed: more fall out of the processor's cache


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


def fit_table(case: Case, table: TableSamples, settings: Settings, width: float, shared: bool) -> list[Fitted]:
    """Fit all rows; with `shared` each sees the same samples, otherwise its own."""
    fits = []
    for start in range(0, len(table), ROWS):
        part = list(range(start, min(start + ROWS, len(table))))
        sampler = _Shared(case, table, width, part) if shared else _Fresh(case, table, width, part)
        fits += fit_rows(len(part), len(table.offset), width, sampler.sample, settings)
    return fits


class _Fresh:
    """Samples of its own for each row, from the row's generator, which goes on from round to round."""

    def __init__(self, case: Case, table: TableSamples, width: float, rows: list[int]) -> None:
        self.case, self.table, self.width, self.rows = case, table, width, rows
        self.generators = [case.generator(row) for row in rows]

    def sample(self, active: list[int], moments: Moments, goal: int) -> None:
        groups, count = moments.sums.shape[1], moments.count
        for place, number in enumerate(active):
            done, row = count, self.rows[number]
            while done < goal:
                pairs = min(max(1, SLAB // (2 * groups)), -(-(goal - done) // (2 * groups)))
                drawn = self.table.draw(groups, pairs, self.generators[number])
                target = torch.tensor(row, device=self.case.inputs.device)
                answers = torch.cat(
                    [
                        self.case.scores(drawn.values[indices], target.expand(len(indices))).cpu()
                        for indices in self.case.chunks(len(drawn.values))
                    ]
                )
                features, distance = self.table.features(drawn, row)
                weights = torch.exp(-distance.double() / (2 * self.width**2))
                shape = (1, groups, 2 * pairs)
                moments.add(features.view(*shape, -1), answers.view(shape), weights.view(shape), place)
                done += 2 * pairs * groups
        moments.count = done


class _Shared:
    """One sample set for all rows, the same for every part of them."""

    def __init__(self, case: Case, table: TableSamples, width: float, rows: list[int]) -> None:
        self.case, self.table, self.width, self.rows = case, table, width, rows
        self.generator = case.generator(0)

    def sample(self, active: list[int], moments: Moments, goal: int) -> None:
        groups = moments.sums.shape[1]
        rows = torch.tensor([self.rows[number] for number in active])
        while moments.count < goal:
            pairs = min(max(1, SLAB // (2 * groups)), -(-(goal - moments.count) // (2 * groups)))
            drawn = self.table.draw(groups, pairs, self.generator)
            answers = torch.cat(
                [
                    self.case.scores_of_all(drawn.values[indices], rows.to(self.case.inputs.device)).cpu()
                    for indices in self.case.chunks(len(drawn.values))
                ],
                1,
            )  # (rows, n)
            count, size = drawn.codes.shape
            for places in torch.arange(len(rows)).split(max(1, CELLS // (count * size))):
                shape = (len(places), groups, 2 * pairs)
                features, distance = self._features(drawn, rows[places])
                weights = torch.exp(-distance.double() / (2 * self.width**2))
                moments.add(features.view(*shape, -1), answers[places].view(shape), weights.view(shape), int(places[0]))
            moments.count += count

    def _features(self, drawn: Drawn, rows: Tensor) -> tuple[Tensor, Tensor]:
        if bool(self.table.binary.all()):
            same = drawn.codes == self.table.own[rows][:, None]  # (rows, n, columns)
            return same, same.shape[2] - same.sum(2)
        parts = [self.table.features(drawn, row) for row in rows.tolist()]
        return torch.stack([part[0] for part in parts]), torch.stack([part[1] for part in parts])
