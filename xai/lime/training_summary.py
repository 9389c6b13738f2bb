"""What LIME needs to know of the training data, as statistics that can be saved and shared without the data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
import torch

from xai.base.errors import InputError, describe, names_errors
from xai.base.files import write_atomically
from xai.base.json_values import as_plain
from xai.base.reading import MEBIBYTE, as_kind, parse_json, read_plain
from xai.base.structs import NamesArguments
from xai.inputs.base import Input
from xai.inputs.groups import group_positions
from xai.inputs.streams import draw_rows, is_stream
from xai.inputs.table import TabularInput
from xai.inputs.table_data import read_table
from xai.lime.blocks import Blocks
from xai.lime.column_sampler import ColumnTables
from xai.lime.summary_columns import Column, categorical_column, grouped_column, numeric_column

__all__ = ["BINS", "Column", "TrainingSummary", "way_of_cutting"]

BINS = ("quartile", "decile", "entropy")


def way_of_cutting(bins: object) -> str | None:
    """Return how columns of numbers are cut; raises InputError where it is no way among `BINS`, and not None."""
    if bins is None or (isinstance(bins, str) and bins in BINS):
        return bins
    raise InputError("bins", expected=f"one of {', '.join(BINS)} or None", got=repr(bins))


OPERATION = "TrainingSummary"
LARGEST = 64 * MEBIBYTE
MOST_SUMMARIZED = 100_000  # rows of what comes a row at a time: their quartiles are those of all within half a percent


class TrainingSummary(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True, metaclass=NamesArguments):
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
    @names_errors("TrainingSummary.of")
    def of(
        cls,
        data: object,
        *,
        names: list[str] | None = None,
        categorical: dict[str, list[str]] | None = None,
        bins: str | None = "quartile",
        labels: object = None,
        like: Input | None = None,
    ) -> TrainingSummary:
        """Summarize training data.

        Args:
            data: A DataFrame, an array (rows, columns), the path of a CSV or Parquet file, or a torch Dataset,
                DataLoader or generator, of which at most 100,000 rows, drawn at random, are summarized.
            names: Of the columns, in the model's order; of a file or DataFrame all of them by default.
            categorical: The words behind the codes of a column, by its name; columns of words are categorical by
                themselves.
            bins: How numbers are cut: "quartile", "decile", "entropy" or None.
            labels: For "entropy", one per row or the name of a column; of pairs (row, label) they come along.
            like: The input of a model of tables, in place of names and categorical: also which columns have gaps, are
                dates, or belong together.

        Raises:
            InputError: The data cannot be: empty, NaN or infinity, duplicate names, a wrong width.
        """
        bins = way_of_cutting(bins)
        if is_stream(data):
            drawn = draw_rows(data, MOST_SUMMARIZED, like or Input())
            data, labels = drawn.rows, drawn.beside(labels, "labels") if labels is not None else drawn.labels
        values, table, labels = read_table(data, names, {} if categorical is None else categorical, labels, like)
        if bins == "entropy" and labels is None:
            raise InputError("labels", expected="one per row, which entropy bins need", got="none")
        if bins is None and np.isnan(values).any():
            wanted = f"one of {', '.join(BINS)} for a table with gaps"
            raise InputError("bins", expected=wanted, got="None")
        columns = []
        for name, positions in group_positions(table.groups, table.names).items():
            part = values[:, positions]
            if name in table.groups:
                columns.append(
                    grouped_column(name, [table.names[position] for position in positions], part, table.categorical)
                )
            elif name in table.categorical:
                columns.append(categorical_column(name, part[:, 0], table.categorical[name]))
            else:
                columns.append(numeric_column(name, part[:, 0], bins, labels, name in table.dates))
        return cls(columns, bins, len(values))

    @property
    def names(self) -> list[str]:
        """Return the names of the columns."""
        return [column.name for column in self.columns]

    @property
    def parts(self) -> list[str]:
        """Return the names of the table's columns, those of a group together."""
        return [part for column in self.columns for part in column.parts or [column.name]]

    @property
    def plain(self) -> bool:
        """Say whether every column stands for itself, and each value is known."""
        return not any(column.parts or column.gaps for column in self.columns)

    def spread(self, names: Sequence[str] = ()) -> list[float]:
        """Return the standard deviation of each column of the table, of a category 0; names: as for `middle`."""
        found = {column.name: column.std for column in self.columns if not column.words}
        return [found.get(name, 0.0) for name in names or self.parts]

    def middle(self, names: Sequence[str] = ()) -> list[float]:
        """Return the mean of each column of the table, of a category the most frequent one.

        Args:
            names: Of the table's columns in its order; by default that of the summary.
        """
        typical = [column.mean if column.words is None else float(np.argmax(column.share)) for column in self.columns]
        if not any(column.parts for column in self.columns):
            return typical
        blocks = Blocks(self, names or self.parts)
        return blocks.unfolded(torch.tensor([typical], dtype=torch.float64))[0].tolist()

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
        return TabularInput(
            self.parts,
            {column.name: column.words for column in self.columns if column.words and not column.parts},
            missing=[column.name for column in self.columns if column.gaps],
            dates=[column.name for column in self.columns if column.date],
            groups={column.name: column.parts for column in self.columns if column.parts},
        )

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
            plain, argument = source, "source"
        elif isinstance(source, str | Path):
            argument = str(source)
            try:
                content = read_plain(source, wanted, limit=LARGEST, error=InputError)
            except FileNotFoundError as error:
                raise InputError("source", expected=wanted, got=f"no file at {source}") from error
            plain = parse_json(content, argument, error=InputError)
        else:
            raise InputError("source", expected=wanted, got=describe(source))
        return as_kind(plain, cls, argument, wanted=wanted, error=InputError)
