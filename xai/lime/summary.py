"""What LIME needs to know of the training data, as statistics that can be saved and shared without the data."""

from __future__ import annotations

import json
import math
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np

from xai.base.errors import InputError, describe, names_errors
from xai.base.files import write_atomically
from xai.base.plain import as_plain
from xai.base.reading import MEBIBYTE, as_kind, parse_json, read_plain
from xai.inputs.table import TabularInput
from xai.inputs.table_files import read_table
from xai.lime.column_sampler import ColumnTables

__all__ = ["BINS", "Column", "TrainingSummary", "way_of_cutting"]

BINS = ("quartile", "decile", "entropy")


def way_of_cutting(bins: object) -> str | None:
    """Return how columns of numbers are cut; raises InputError where it is no way among `BINS`, and not None."""
    if bins is None or (isinstance(bins, str) and bins in BINS):
        return bins
    raise InputError("bins", expected=f"one of {', '.join(BINS)} or None", got=repr(bins))


OPERATION = "TrainingSummary"
LARGEST = 64 * MEBIBYTE


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One column: mean and standard deviation; the borders between its bins and what is in each bin; or its words.

    A categorical column has `words` (its codes are their places) and no borders; `share` is then of each word.
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

    def __post_init__(self) -> None:
        bins = len(self.borders) + 1 if self.words is None else len(self.words)
        numbers = (self.mean, self.std, self.low, self.high, *self.borders, *self.share, *self.means, *self.stds)
        fits = all(len(part) in (0, bins) for part in (self.share, self.means, self.stds))
        if not fits or self.low > self.high or self.std < 0 or not all(map(math.isfinite, numbers)):
            wanted = "finite statistics, low to high, one of each for each bin or word"
            raise InputError(f"column {self.name}", expected=wanted, got="others")
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
        return np.searchsorted(np.asarray(self.borders), values)

    def describe(self, value: float) -> str:
        """Say what the feature of a row with this value is.

        >>> Column("age", 40.0, 9.0, 18.0, 90.0, [30.0, 41.5], [0.3, 0.3, 0.4]).describe(35.0)
        '30 < age ≤ 41.5'
        """
        if self.words is not None:
            return f"{self.name} = {self.words[int(value)]}"
        if not self.binary:
            return self.name
        code = int(np.searchsorted(np.asarray(self.borders), value))
        below = f"{self.borders[code - 1]:.4g} < " if code > 0 else ""
        above = f" ≤ {self.borders[code]:.4g}" if code < len(self.borders) else ""
        return f"{below}{self.name}{above}" if above or not below else f"{self.name} > {self.borders[-1]:.4g}"


class TrainingSummary(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """The statistics of training data that LIME draws from. No row is kept.

    Args:
        columns: Mean, spread, range and bins of each.
        bins: How columns of numbers were cut: "quartile", "decile", "entropy" or None.
        rows: How many were summarized.

    >>> data = [[float(number), 7.0] for number in range(100)]
    >>> summary = TrainingSummary.of(data, names=["size", "same"])
    >>> summary.columns[0].describe(30.0), summary.untestable
    ('24.75 < size ≤ 49.5', ['same'])
    """

    columns: list[Column]
    bins: str | None
    rows: int

    def __post_init__(self) -> None:
        if not self.columns or len(set(self.names)) != len(self.columns):
            raise InputError("columns", expected="at least one, each with a name of its own", got=self.names)
        if (self.bins is not None and self.bins not in BINS) or self.rows < 1:
            wanted = f"{', '.join(BINS)} or None, of at least one row"
            raise InputError("bins", expected=wanted, got=f"{self.bins!r} of {self.rows} rows")

    @classmethod
    def of(
        cls,
        data: object,
        *,
        names: list[str] | None = None,
        categorical: dict[str, list[str]] | None = None,
        bins: str | None = "quartile",
        labels: object = None,
    ) -> TrainingSummary:
        """Summarize training data.

        Args:
            data: A DataFrame, an array (rows, columns), or the path of a CSV or Parquet file.
            names: Of the columns, in the model's order; of a file or DataFrame all of them by default.
            categorical: The words behind the codes of a column, by its name; columns of words are categorical by
                themselves.
            bins: How numbers are cut: "quartile", "decile", "entropy" or None.
            labels: For "entropy", one per row or the name of a column.

        Raises:
            InputError: The data cannot be: empty, NaN or infinity, duplicate names, a wrong width.
        """
        bins = way_of_cutting(bins)
        values, names, words, labels = read_table(data, names, categorical or {}, labels)
        if bins == "entropy" and labels is None:
            raise InputError("labels", expected="one per row, which entropy bins need", got="none")
        columns = [
            _categorical(name, column, words[name]) if name in words else _numeric(name, column, bins, labels)
            for name, column in zip(names, values.T, strict=True)
        ]
        return cls(columns, bins, len(values))

    @property
    def names(self) -> list[str]:
        """Return the names of the columns."""
        return [column.name for column in self.columns]

    @property
    def untestable(self) -> list[str]:
        """Return the names of constant columns, of which LIME cannot say anything."""
        return [column.name for column in self.columns if column.constant]

    @cached_property
    def tables(self) -> ColumnTables:
        """Return how the columns are drawn, as tensors."""
        return ColumnTables(self.columns)

    def input(self) -> TabularInput:
        """Return the kind of input that these columns are."""
        return TabularInput(self.names, {column.name: column.words for column in self.columns if column.words})

    def to_dict(self) -> dict[str, object]:
        """Return the statistics as plain data."""
        return msgspec.to_builtins(self)

    @names_errors("TrainingSummary.save")
    def save(self, path: str | Path) -> Path:
        """Write the statistics as JSON.

        Args:
            path: Of the file.

        Raises:
            OutputError: It cannot be written.
        """
        return write_atomically(path, json.dumps(as_plain(self.to_dict())))

    @classmethod
    @names_errors("TrainingSummary.load")
    def load(cls, source: str | Path | dict) -> TrainingSummary:
        """Read what `save` wrote, or what `to_dict` returned.

        Args:
            source: The path of the file, or the dictionary.

        Raises:
            InputError: It is anything else.
        """
        wanted = "a saved summary"
        if isinstance(source, dict):
            plain, place = source, "source"
        elif isinstance(source, str | Path):
            place = str(source)
            try:
                content = read_plain(source, wanted, limit=LARGEST, error=InputError)
            except FileNotFoundError as error:
                raise InputError("source", expected=wanted, got=f"no file at {source}") from error
            plain = parse_json(content, place, error=InputError)
        else:
            raise InputError("source", expected=wanted, got=describe(source))
        return as_kind(plain, cls, place, wanted=wanted, error=InputError)


def _categorical(name: str, codes: np.ndarray, words: list[str]) -> Column:
    counts = np.bincount(codes.astype(np.int64), minlength=len(words))
    statistics = (float(codes.mean()), float(codes.std()), float(codes.min()), float(codes.max()))
    return Column(name, *statistics, share=(counts / counts.sum()).tolist(), words=list(words))


def _numeric(name: str, values: np.ndarray, bins: str | None, labels: np.ndarray | None) -> Column:
    statistics = (float(values.mean()), float(values.std()), float(values.min()), float(values.max()))
    if bins is None:
        return Column(name, *statistics)
    borders = np.unique(_borders(values, bins, labels))
    codes = np.searchsorted(borders, values)
    inside = [values[codes == code] for code in range(len(borders) + 1)]
    return Column(
        name,
        *statistics,
        borders=borders.tolist(),
        share=[len(part) / len(values) for part in inside],
        means=[float(part.mean()) if len(part) else 0.0 for part in inside],
        stds=[float(part.std()) if len(part) else 0.0 for part in inside],
    )


def _borders(values: np.ndarray, bins: str, labels: np.ndarray | None) -> np.ndarray:
    if bins in ("quartile", "decile"):
        return np.percentile(values, np.linspace(0, 100, 5 if bins == "quartile" else 11)[1:-1])
    from sklearn.tree import DecisionTreeClassifier

    # At most 8 bins, as in LIME: the borders of a small tree that tells the labels apart by this column alone.
    tree = DecisionTreeClassifier(criterion="entropy", max_depth=3, random_state=0).fit(values[:, None], labels)
    found = tree.tree_.threshold[tree.tree_.children_left > -1]
    return found if len(found) else np.array([np.median(values)])
