"""Tables as a kind of input: rows of numbers, some of which are codes of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import torch
from torch import Tensor

from xai.base.arrays import check_finite, single, to_tensor
from xai.base.errors import InputError, describe, names_errors
from xai.base.frames import as_frame, is_column, is_frame
from xai.base.name_lists import plain_names
from xai.inputs.base import Input
from xai.inputs.groups import grouped_parts, plain_groups
from xai.inputs.parts import Parts, of_positions
from xai.inputs.table_columns import column_numbers, named_columns, show_day

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TabularInput", "noise_in_columns"]


class TabularInput(Input, frozen=True, tag="tabular"):
    """Rows of numbers.

    A DataFrame's numbers in a categorical column are words where the words are these numbers ("1", "2", "3"), else
    codes.

    Args:
        names: Of the columns, distinct.
        categorical: By name of a column, the words behind its codes 0, 1, 2, ... The word "(missing)" is that of cells
            without a value.
        missing: Names of columns of numbers in which NaN is a value: not known.
        dates: Names of columns that a DataFrame holds as dates; they become days since 1970-01-01.
        mean: What the network was trained with: it sees (value - mean) / std, and rows come in their own units. A
            number for each column, or by name; of columns that are not named 0.
        std: The same, of columns that are not named 1.
        groups: Names of columns that are hidden together and get one value, such as a one-hot block, by the name of the
            group.

    >>> table = TabularInput(["age", "city=Oslo", "city=Rome"], groups={"city": ["city=Oslo", "city=Rome"]})
    >>> table.parts(torch.zeros(1, 3)).names
    (('age', 'city'),)
    """

    names: list[str]
    categorical: dict[str, list[str]] = msgspec.field(default_factory=dict)
    missing: list[str] = msgspec.field(default_factory=list)
    dates: list[str] = msgspec.field(default_factory=list)
    mean: list[float] | None = None
    std: list[float] | None = None
    groups: dict[str, list[str]] = msgspec.field(default_factory=dict)

    @names_errors("TabularInput")
    def __post_init__(self) -> None:
        if not isinstance(self.categorical, Mapping):
            raise InputError("categorical", expected="words by column name", got=describe(self.categorical))
        words = {str(name): plain_names("categorical", known) for name, known in self.categorical.items()}
        names = plain_names("names", self.names)
        plain: dict[str, Any] = {"names": names, "categorical": words}
        for argument, declared in (("missing", self.missing), ("dates", self.dates)):
            plain[argument] = plain_names(argument, declared, least=0)
        for argument, declared, other in (("mean", self.mean, 0.0), ("std", self.std, 1.0)):
            plain[argument] = None if declared is None else _each(argument, declared, names, other)
        for argument in ("categorical", "missing", "dates"):
            unknown = sorted(set(plain[argument]) - set(names))
            if unknown:
                raise InputError(argument, expected=f"columns among {names}", got=unknown)
        wrong = sorted({*plain["missing"], *plain["dates"]} & set(words))
        if wrong:
            raise InputError("missing, dates", expected="columns of numbers", got=f"the category {wrong[0]!r}")
        plain["groups"] = plain_groups(self.groups, names)
        for argument, value in plain.items():
            msgspec.structs.force_setattr(self, argument, value)

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

        A frame becomes float32, as a list does, which is what a network reads; an array or tensor keeps its own type.

        >>> TabularInput(["age", "income"]).prepare([30.0, 1.5])
        tensor([[30.0000,  1.5000]])
        """
        rows = self.exact(value, argument)
        return single(rows, argument, self.names) if is_frame(value) or is_column(value) else rows

    def exact(self, value: object, argument: str = "inputs") -> Tensor:
        """Return rows as `prepare` does, (N, D), of a frame in float64: dates and long numbers need it."""
        if is_column(value) and not set(self.names) - set(map(str, value.index)):  # a row of a DataFrame, by name
            value = value.to_frame().T.infer_objects()
        if is_frame(value):
            value = self._from_frame(as_frame(value, argument), argument)
        rows = to_tensor(value, argument)
        rows = rows.unsqueeze(0) if rows.ndim == 1 else rows
        if rows.ndim != 2 or rows.shape[1] != len(self.names):
            raise InputError(argument, expected=f"rows of {len(self.names)} numbers", got=describe(rows))
        known = rows
        if self.missing:
            may = torch.tensor([name in self.missing for name in self.names], device=rows.device)
            known = torch.where(may & rows.isnan(), 0, rows)
        check_finite(known, argument, self.names)
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
        columns = named_columns(frame, self.names, argument)
        made = [
            column_numbers(column, name, self.categorical.get(name), date=name in self.dates, argument=argument)
            for name, column in zip(self.names, columns, strict=True)
        ]
        return np.stack(made, 1)

    def feed(self, batch: Tensor) -> Tensor:
        """Turn rows (N, D) in their own units into what the network was trained on; differentiable."""
        if self.mean is not None:
            batch = batch - batch.new_tensor(self.mean)
        return batch if self.std is None else batch / batch.new_tensor(self.std)

    def read(self, items: Sequence[str]) -> tuple[Tensor, tuple[str, ...]]:
        """Return rows (N, D) of CSV or Parquet files, by the columns' names, and the file and number of each."""
        from xai.inputs.table_files import read_frame

        tables = [(Path(item).name, self.exact(read_frame(Path(item)), item)) for item in items]
        names = tuple(f"{name}, row {number}" for name, rows in tables for number in range(len(rows)))
        return torch.cat([rows for _, rows in tables]), names

    def shown(self, name: str, value: float) -> str:
        """Return how a number in a column is written: a category's word, a date, or that it is not known.

        Args:
            name: Of the column.
            value: The number.

        >>> TabularInput(["since"], dates=["since"]).shown("since", 18262.0)
        '2020-01-01'
        """
        if name in self.categorical:
            return self.categorical[name][int(value)]
        if value != value:
            return "not known"
        return show_day(value) if name in self.dates else f"{value:.4g}"

    def parts(self, batch: Tensor, how: object = None, seed: int = 0) -> Parts:
        """Return a part for each column, or for each group; how: groups as of `TabularInput`, or labels."""
        if isinstance(how, Mapping):
            return grouped_parts(batch, self.names, plain_groups(how, self.names, "segments"))
        if how is None and self.groups:
            return grouped_parts(batch, self.names, self.groups)
        return of_positions(batch, "features", how)

    def baselines(self, batch: Tensor) -> tuple[str, ...]:
        return ("zero",)

    def middle(self, rows: Tensor) -> Tensor:
        """Return the mean of rows (B, N, D), of a category the most frequent one, (N, D)."""
        middle = rows.nanmean(0) if self.missing else rows.mean(0)
        if self.categorical:
            columns = [position for position, name in enumerate(self.names) if name in self.categorical]
            middle[:, columns] = rows[..., columns].mode(0).values
        return middle

    def noise_scale(self, batch: Tensor, rows: Tensor | None = None, whose: str = "") -> tuple[Tensor, str]:
        """Return the deviation of each column, as `std` says it or in `rows`; else the size of each value.

        Categories have 0.
        """
        numeric = [name not in self.categorical for name in self.names]
        if self.std is not None:
            declared = batch.new_tensor(self.std) * batch.new_tensor(numeric)
            return declared.expand_as(batch), "a column's standard deviation, as the model's input says"
        if self.missing and rows is not None:  # a gap counts as the mean
            rows = torch.where(rows.isnan(), rows.nanmean(0), rows)
        return noise_in_columns(batch, numeric, rows, whose)


def _each(argument: str, value: object, names: list[str], other: float) -> list[float]:
    """Return a number for each column, of those that are not named another one."""
    if isinstance(value, Mapping):
        unknown = sorted(set(map(str, value)) - set(names))
        if unknown:
            raise InputError(argument, expected=f"columns among {names}", got=unknown)
        value = [dict(value).get(name, other) for name in names]
    try:
        numbers = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.shape != (len(names),) or not np.isfinite(numbers).all() or (argument == "std" and numbers.min() <= 0):
        wanted = f"{len(names)} numbers{' above 0' if argument == 'std' else ''}, one for each column"
        raise InputError(argument, expected=wanted, got=describe(value))
    return numbers.tolist()


def noise_in_columns(batch: Tensor, numeric: Sequence[bool], rows: Tensor | None, whose: str) -> tuple[Tensor, str]:
    """Return what noise in each value of rows (N, D) is measured in, and how a sentence says it.

    Args:
        batch: (N, D).
        numeric: which columns are numbers; categories get no noise.
        rows: data that say how far a column spreads, (B, D); without any a value is measured by itself.
        whose: how a sentence names those rows.
    """
    numbers = torch.tensor(numeric, device=batch.device)
    sizes = batch.abs() * numbers
    std = sizes if rows is None else rows.std(0) * numbers
    if rows is None or not bool((std > 0).any()):
        return sizes, "each value"
    # Without noise any map is stable, so a column that does not vary gets noise in proportion to its own value.
    return torch.where(std > 0, std, sizes), f"a column's standard deviation in {whose}"
