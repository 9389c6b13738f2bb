"""What a summary of training data says of one column: a number, a category, or a group of columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from xai.base.errors import InputError
from xai.inputs.table_columns import show_day

__all__ = ["Column", "categorical_column", "grouped_column", "numeric_column"]

MOST_PATTERNS = 1000


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One column: mean and standard deviation; the borders between its bins and what is in each bin; or its words.

    A categorical column has `words` (its codes are their indices) and no borders; `share` is then of each word. With
    `gaps` the last bin is of values that are not known. A `date` is days since 1970. A group of columns is categorical:
    its words are the combinations of values, `patterns`, in which its `parts` occur.
    """

    name: str
    mean: float
    std: float
    low: float
    high: float
    borders: list[float] = []
    share: list[float] = []
    means: list[float] = []
    stds: list[float] = []
    words: list[str] | None = None
    gaps: bool = False
    date: bool = False
    parts: list[str] = []
    patterns: list[list[float]] = []

    def __post_init__(self) -> None:
        bins = len(self.borders) + 1 + self.gaps if self.words is None else len(self.words)
        numbers = (self.mean, self.std, self.low, self.high, *self.borders, *self.share, *self.means, *self.stds)
        fits = all(len(part) in (0, bins) for part in (self.share, self.means, self.stds))
        if not fits or self.low > self.high or self.std < 0 or not all(map(math.isfinite, numbers)):
            wanted = "finite statistics, low to high, one of each for each bin or word"
            raise InputError(f"column {self.name}", expected=wanted, got="others")
        if self.parts and (len(self.patterns) != bins or any(len(row) != len(self.parts) for row in self.patterns)):
            raise InputError(f"column {self.name}", expected="a pattern for each word", got="others")
        if sorted(set(self.borders)) != self.borders:
            raise InputError(f"column {self.name}", expected="borders that ascend", got="others")

    @property
    def constant(self) -> bool:
        """Say whether the column had one value only: LIME cannot say anything about it."""
        return self.high == self.low

    @property
    def binary(self) -> bool:
        """Say whether its feature is "in the same bin, or of the same category", rather than a number."""
        return bool(self.share)

    def code(self, values: np.ndarray) -> np.ndarray:
        """Return the bin or category of each value."""
        if self.words is not None:
            return values.astype(np.int64)
        codes = np.searchsorted(np.asarray(self.borders), values)
        return np.where(np.isnan(values), len(self.borders) + 1, codes) if self.gaps else codes

    def describe(self, value: float) -> str:
        """Say what the feature of a row with this value is.

        >>> Column("age", 40.0, 9.0, 18.0, 90.0, [30.0, 41.5], [0.3, 0.3, 0.4]).describe(35.0)
        '30 < age ≤ 41.5'
        """
        if self.words is not None:
            return f"{self.name} = {self.words[int(value)]}"
        if not self.binary:
            return self.name
        if math.isnan(value):
            return f"{self.name} is not known"
        code = int(np.searchsorted(np.asarray(self.borders), value))
        show = show_day if self.date else "{:.4g}".format
        below = f"{show(self.borders[code - 1])} < " if code > 0 else ""
        above = f" ≤ {show(self.borders[code])}" if code < len(self.borders) else ""
        return f"{below}{self.name}{above}" if above or not below else f"{self.name} > {show(self.borders[-1])}"


def grouped_column(name: str, parts: list[str], values: np.ndarray, categorical: Mapping[str, Sequence[str]]) -> Column:
    """Return a group of columns (rows, parts) as a categorical column of the combinations that occur."""
    patterns, codes = np.unique(values, axis=0, return_inverse=True)
    if len(patterns) > MOST_PATTERNS:
        wanted = f"at most {MOST_PATTERNS:,} combinations of values in a group (lime_segments hides any group)"
        raise InputError(f"groups[{name!r}]", expected=wanted, got=f"{len(patterns):,}")
    words = [_pattern_name(name, parts, pattern, categorical) for pattern in patterns]
    return categorical_column(name, codes.reshape(-1), words, parts=parts, patterns=patterns.tolist())


def _pattern_name(name: str, parts: list[str], pattern: np.ndarray, categorical: Mapping[str, Sequence[str]]) -> str:
    """Return how a combination is called: of a one-hot block by the column that is 1, without the group's own name."""
    if set(pattern.tolist()) <= {0.0, 1.0} and pattern.sum() <= 1 and len(parts) > 1:
        hot = [part for part, value in zip(parts, pattern, strict=True) if value]
        return (hot[0].removeprefix(name).lstrip("=_ :.-") or hot[0]) if hot else "none of them"
    shown = [
        f"{part} {categorical[part][int(value)] if part in categorical else f'{value:.4g}'}"
        for part, value in zip(parts, pattern, strict=True)
    ]
    return ", ".join(shown)


def categorical_column(name: str, codes: np.ndarray, words: list[str], **more: Any) -> Column:
    """Return a column of codes (rows,) with these words; more: what else to say of it."""
    counts = np.bincount(codes.astype(np.int64), minlength=len(words))
    statistics = (float(codes.mean()), float(codes.std()), float(codes.min()), float(codes.max()))
    return Column(name, *statistics, share=(counts / counts.sum()).tolist(), words=list(words), **more)


def numeric_column(name: str, values: np.ndarray, bins: str | None, labels: np.ndarray | None, date: bool) -> Column:
    """Return a column of numbers (rows,), some of which may be NaN, cut into bins; labels: for entropy, one per row."""
    known_mask = ~np.isnan(values)
    known, gaps = values[known_mask], not known_mask.all()
    if not len(known):
        raise InputError("data", expected="columns with at least one value", got=f"none in {name!r}")
    statistics = (float(known.mean()), float(known.std()), float(known.min()), float(known.max()))
    if bins is None:
        return Column(name, *statistics, date=date)
    borders = np.unique(_borders(known, bins, None if labels is None else labels[known_mask]))
    codes = np.searchsorted(borders, known)
    inside = [known[codes == code] for code in range(len(borders) + 1)]
    return Column(
        name,
        *statistics,
        borders=borders.tolist(),
        share=[len(part) / len(values) for part in inside] + [float(1 - known_mask.mean())] * gaps,
        means=[float(part.mean()) if len(part) else 0.0 for part in inside] + [0.0] * gaps,
        stds=[float(part.std()) if len(part) else 0.0 for part in inside] + [0.0] * gaps,
        gaps=gaps,
        date=date,
    )


def _borders(values: np.ndarray, bins: str, labels: np.ndarray | None) -> np.ndarray:
    if bins in ("quartile", "decile"):
        return np.percentile(values, np.linspace(0, 100, 5 if bins == "quartile" else 11)[1:-1])
    from sklearn.tree import DecisionTreeClassifier

    # At most 8 bins, as in LIME: the borders of a small tree that tells the labels apart by this column alone.
    tree = DecisionTreeClassifier(criterion="entropy", max_depth=3, random_state=0).fit(values[:, None], labels)
    found = tree.tree_.threshold[tree.tree_.children_left > -1]
    return found if len(found) else np.array([np.median(values)])
