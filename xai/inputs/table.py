"""Tables as a kind of input: rows of numbers, some of which are codes of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import torch
from torch import Tensor

from xai.base.arrays import check_finite, to_tensor
from xai.base.errors import InputError, describe, names_errors
from xai.base.frames import is_column, is_frame
from xai.base.name_lists import plain_names
from xai.base.spelled import spelled_codes
from xai.inputs.base import Input
from xai.inputs.parts import Parts, of_positions

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TabularInput", "noise_in_columns"]


class TabularInput(Input, frozen=True, tag="tabular"):
    """Rows of numbers.

    A DataFrame's numbers in a categorical column are words where the words are these numbers ("1", "2", "3"), else
    codes.

    Args:
        names: Of the columns, distinct.
        categorical: By name of a column, the words behind its codes 0, 1, 2, ...
    """

    names: list[str]
    categorical: dict[str, list[str]] = msgspec.field(default_factory=dict)

    @names_errors("TabularInput")
    def __post_init__(self) -> None:
        if not isinstance(self.categorical, Mapping):
            raise InputError("categorical", expected="words by column name", got=describe(self.categorical))
        words = {str(name): plain_names("categorical", known) for name, known in self.categorical.items()}
        msgspec.structs.force_setattr(self, "names", plain_names("names", self.names))
        msgspec.structs.force_setattr(self, "categorical", words)
        unknown = sorted(set(self.categorical) - set(self.names))
        if unknown:
            raise InputError("categorical", expected=f"columns among {self.names}", got=unknown)

    @property
    def tabular(self) -> bool:
        return True

    @property
    def labels_in(self) -> str:
        return "column"

    def form(self, batch: Tensor) -> str:
        return "table"

    @property
    def shape(self) -> tuple[int]:
        """Return the number of columns."""
        return (len(self.names),)

    def prepare(self, value: object, argument: str = "inputs") -> Tensor:
        """Return rows as a float batch of shape (N, D); takes a DataFrame (by column name), an array or one row.

        >>> TabularInput(["age", "income"]).prepare([30.0, 1.5])
        tensor([[30.0000,  1.5000]])
        """
        if is_column(value) and not set(self.names) - set(map(str, value.index)):  # a row of a DataFrame, by name
            value = value.to_frame().T.infer_objects()
        if is_frame(value):
            missing = [name for name in self.names if name not in set(map(str, value.columns))]
            if missing:
                raise InputError(argument, expected=f"columns {self.names}", got=f"none named {missing}")
            value = self._from_frame(value, argument)
        rows = to_tensor(value, argument)
        rows = rows.unsqueeze(0) if rows.ndim == 1 else rows
        if rows.ndim != 2 or rows.shape[1] != len(self.names):
            raise InputError(argument, expected=f"rows of {len(self.names)} numbers", got=describe(rows))
        check_finite(rows, argument, self.names)
        for name, words in self.categorical.items():
            codes = rows[:, self.names.index(name)]
            wrong = (codes < 0) | (codes >= len(words)) | (codes != codes.round())
            if bool(wrong.any()):
                row = int(wrong.nonzero()[0])
                wanted = f"codes from 0 to {len(words) - 1} in column {name!r}"
                raise InputError(argument, expected=wanted, got=f"{codes[row]:g} in row {row}")
        return rows

    def _from_frame(self, frame: pd.DataFrame, argument: str) -> np.ndarray:
        """Return the named columns as numbers; words of a categorical column become their codes."""
        called = [str(name) for name in frame.columns]
        double = [name for name in self.names if called.count(name) > 1]
        if double:
            raise InputError(argument, expected="one column of each name", got=f"several named {double[0]!r}")
        columns = []
        for name in self.names:
            column = frame.iloc[:, called.index(name)]
            if getattr(column.dtype, "kind", "") in "mM":  # a number of them depends on the unit that pandas takes
                wanted = f"numbers in column {name!r} (dates as days since some day, say, as in training)"
                raise InputError(argument, expected=wanted, got=str(column.dtype))
            words = self.categorical.get(name)
            if words is not None and np.issubdtype(getattr(column.dtype, "type", object), np.number):
                spelled = spelled_codes(column.to_numpy(), words)
                if spelled is not None:
                    columns.append(spelled)
                    continue
            elif words is not None:
                codes = {word: code for code, word in enumerate(words)}
                row = next((row for row, item in enumerate(column) if str(item) not in codes), None)
                if row is not None:
                    known = ", ".join(words[:8]) + (", ..." if len(words) > 8 else "")
                    got = f"{str(column.iloc[row])!r} in row {row}"
                    raise InputError(argument, expected=f"{name!r} to be one of {known}", got=got)
                columns.append(np.array([codes[str(item)] for item in column], dtype=np.float64))
                continue
            try:
                columns.append(column.to_numpy(dtype=np.float64))
            except (TypeError, ValueError) as error:
                raise InputError(argument, expected=f"numbers in column {name!r}", got="others") from error
        return np.stack(columns, 1)

    def read(self, items: Sequence[str]) -> tuple[Tensor, tuple[str, ...]]:
        """Return rows (N, D) of CSV or Parquet files, by the columns' names, and the file and number of each."""
        from xai.inputs.table_files import read_frame

        tables = [(Path(item).name, self.prepare(read_frame(Path(item)), item)) for item in items]
        names = tuple(f"{name}, row {number}" for name, rows in tables for number in range(len(rows)))
        return torch.cat([rows for _, rows in tables]), names

    def parts(self, batch: Tensor, how: object = None, seed: int = 0) -> Parts:
        """Return a part for each column."""
        return of_positions(batch, "features", how)

    def baselines(self, batch: Tensor) -> tuple[str, ...]:
        return ("zero",)

    def middle(self, rows: Tensor) -> Tensor:
        """Return the mean of rows (B, N, D), of a category the most frequent one, (N, D)."""
        middle = rows.mean(0)
        if self.categorical:
            columns = [place for place, name in enumerate(self.names) if name in self.categorical]
            middle[:, columns] = rows[..., columns].mode(0).values
        return middle

    def noise_scale(self, batch: Tensor, rows: Tensor | None = None, whose: str = "") -> tuple[Tensor, str]:
        """Return the deviation of each column in `rows`, 0 for categories; without rows the size of each value."""
        return noise_in_columns(batch, [name not in self.categorical for name in self.names], rows, whose)


def noise_in_columns(batch: Tensor, numeric: Sequence[bool], rows: Tensor | None, whose: str) -> tuple[Tensor, str]:
    """Return what noise in each value of rows (N, D) is measured in, and how a sentence says it.

    Args:
        batch: (N, D).
        numeric: which columns are numbers; categories get no noise.
        rows: data that say how far a column spreads, (B, D); without any a value is measured by itself.
        whose: how a sentence names those rows.
    """
    numbers = torch.tensor(numeric, device=batch.device)
    own = batch.abs() * numbers
    spread = own if rows is None else rows.std(0) * numbers
    if rows is None or not bool((spread > 0).any()):
        return own, "each value"
    # Without noise any map is stable: a column that does not vary there is measured by its own value.
    return torch.where(spread > 0, spread, own), f"a column's standard deviation in {whose}"
