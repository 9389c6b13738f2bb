"""How a column is drawn: as a table of equally likely values, so that a sample is one random number and one look-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from xai.lime.summary_columns import Column

__all__ = ["ATOMS", "ColumnSampler", "ColumnTables", "column_sampler"]

ATOMS = 8192  # probabilities are multiples of 1 / ATOMS, quantiles the middles of such steps


@dataclass(frozen=True)
class ColumnSampler:
    """`values` (ATOMS,) in rising order, each as likely as another, and the bin or category `codes` of each."""

    values: np.ndarray
    codes: np.ndarray


def column_sampler(column: Column) -> ColumnSampler:
    """Return how LIME draws a column: categories by their shares; in a bin a normal of the bin's mean and standard
    deviation, cut at its borders; without bins a normal of the column's.
    """
    from scipy.stats import norm

    middle = (np.arange(ATOMS) + 0.5) / ATOMS
    if not column.binary:
        return ColumnSampler(column.mean + column.std * norm.ppf(middle), np.zeros(ATOMS, dtype=np.uint8))
    counts = _counts(np.asarray(column.share))
    codes = np.repeat(np.arange(len(counts)), counts)
    if column.words is not None:
        return ColumnSampler(codes.astype(np.float64), codes.astype(np.uint8 if len(counts) < 256 else np.int32))
    edges = [column.low, *column.borders, column.high]
    parts = [
        _within(edges[number], edges[number + 1], column.means[number], column.stds[number], count)
        for number, count in enumerate(counts[: len(column.borders) + 1])
    ]
    if column.gaps:
        parts.append(np.full(counts[-1], np.nan))
    return ColumnSampler(np.concatenate(parts), codes.astype(np.uint8))


def _within(low: float, high: float, mean: float, std: float, count: int) -> np.ndarray:
    from scipy.stats import norm

    low, high = min(low, high), max(low, high)
    if count == 0 or std <= 0 or high == low:
        return np.full(count, min(max(mean, low), high))
    ends = norm.cdf([(low - mean) / std, (high - mean) / std])
    middle = (np.arange(count) + 0.5) / count
    values = mean + std * norm.ppf(ends[0] + middle * (ends[1] - ends[0]))
    # Just inside the borders, so that a value falls into the bin that it was drawn for.
    return np.clip(values, np.nextafter(low, high), high)


def _counts(share: np.ndarray) -> np.ndarray:
    """Share the atoms out: proportionally, by largest remainders, at least one for what occurred at all."""
    exact = share * ATOMS
    counts = np.maximum(np.floor(exact).astype(np.int64), (share > 0).astype(np.int64))
    while counts.sum() < ATOMS:
        counts[np.argmax(exact - counts)] += 1
    while counts.sum() > ATOMS:
        counts[np.argmax(counts)] -= 1
    return counts


class ColumnTables:
    """The samplers of all columns as tensors: made once for a summary, read by every call.

    codes (columns * ATOMS,) and `in_dtype` values lie column behind column. binary, mean and std are (columns,).
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        samplers = [column_sampler(column) for column in columns]
        small = all(len(column.share) < 256 for column in columns)
        kind = torch.uint8 if small else torch.int16
        self.size = len(columns)
        self.values = torch.from_numpy(np.concatenate([sampler.values for sampler in samplers]))
        self.codes = torch.from_numpy(np.concatenate([sampler.codes for sampler in samplers])).to(kind)
        self.gaps = any(column.gaps for column in columns)
        self.binary = torch.tensor([column.binary for column in columns])
        self.matching = bool(self.binary.all())  # every feature is a match
        self.mean = torch.tensor([column.mean for column in columns], dtype=torch.float64)
        std = torch.tensor([column.std for column in columns], dtype=torch.float64)
        self.std = torch.where(std > 0, std, 1)
        self.names: dict[tuple[int, int], str] = {}  # of features met so far, by column and bin
        # Rounded, so that the same number is subtracted from a sample's float32 value and in the sums over atoms.
        self.center = self.mean.float()
        self.scale = (1 / self.std).float()
        self._cast: dict[torch.dtype, Tensor] = {}

    def in_dtype(self, dtype: torch.dtype) -> Tensor:
        """Return the values of all atoms, (columns * ATOMS,)."""
        if dtype not in self._cast:
            self._cast[dtype] = self.values.to(dtype)
        return self._cast[dtype]

    @cached_property
    def power_sums(self) -> Tensor:
        """Return the sums of the powers 0 to 2 of the scaled values in each bin, (3, columns, bins)."""
        values = (self.values.view(self.size, ATOMS) - self.center.double()[:, None]) * self.scale.double()[:, None]
        values = values.nan_to_num()  # what is not known counts as the mean, as in `TableSamples.scaled`
        codes = self.codes.view(self.size, ATOMS).long()
        sums = torch.zeros(3, self.size, int(codes.max()) + 1, dtype=torch.float64)
        for power, kept in enumerate(sums):
            kept.scatter_add_(1, codes, values**power)
        return sums
