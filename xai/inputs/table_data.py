"""Tables from anywhere: DataFrame, array, CSV or Parquet file, as numbers with names, or a named error."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from xai.base.arrays import as_tensor
from xai.base.errors import InputError, describe
from xai.base.frames import as_frame, is_frame
from xai.base.name_lists import plain_names
from xai.inputs.base import Input
from xai.inputs.table import TabularInput
from xai.inputs.table_columns import MISSING, kinds_of_columns, named_columns
from xai.inputs.table_files import read_frame

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_table"]


def read_table(
    data: object, names: list[str] | None, categorical: dict[str, list[str]], labels: object, like: Input | None = None
) -> tuple[np.ndarray, TabularInput, np.ndarray | None]:
    """Return values (rows, columns) in float64, what their columns are, and the labels.

    Args:
        data: A DataFrame, an array, or the path of a CSV or Parquet file.
        names: Of the columns; by default all of a frame or file but that of the labels.
        categorical: The words of columns, by name; a frame's columns of words are categories by themselves.
        labels: One per row, or the name of a column.
        like: The kind of input that says all of this, where there is one.
    """
    names = None if names is None else plain_names("names", names)
    if not isinstance(categorical, Mapping):
        raise InputError("categorical", expected="words of columns, by name", got=describe(categorical))
    if isinstance(data, str | Path):
        data = read_frame(Path(data))
    known = like if isinstance(like, TabularInput) else None
    if is_frame(data):
        frame = as_frame(data)
        if isinstance(labels, str):
            names = names or [str(name) for name in frame.columns if str(name) != labels]
            labels = named_columns(frame, [labels], "data")[0].to_numpy()
        table = known or _table_of(frame, names, categorical)
        values = table.exact(frame, "data").numpy().astype(np.float64)
    else:
        values = _from_array(data)
        table = known or TabularInput(names or [f"x{number}" for number in range(values.shape[1])], categorical)
        if values.shape[1] != len(table.names):
            raise InputError("data", expected=f"{len(table.names)} columns", got=f"{values.shape[1]}")
        if len(values) == 0:
            raise InputError("data", expected="at least one row", got="none")
        values = table.prepare(values, "data").numpy()
    if labels is not None:
        if isinstance(labels, torch.Tensor):
            labels = as_tensor(labels, "labels").cpu()
        try:
            labels = np.asarray(labels).reshape(-1)
        except (TypeError, ValueError) as error:
            raise InputError("labels", expected=f"one per row ({len(values)})", got=describe(labels)) from error
        if len(labels) != len(values):
            raise InputError("labels", expected=f"one per row ({len(values)})", got=len(labels))
    return values, table, labels


def _table_of(frame: pd.DataFrame, names: list[str] | None, categorical: dict[str, list[str]]) -> TabularInput:
    """Return what the columns of a frame are; a gap is no value here, since nobody said that it is one."""
    names = list(names or map(str, frame.columns))
    found = kinds_of_columns([frame], names, categorical, "data")
    gaps = found["missing"] or [name for name, words in found["categorical"].items() if MISSING in words]
    if gaps:
        raise InputError("data", expected="no missing values", got=f"some in column {gaps[0]!r}")
    return TabularInput(names, **found)


def _from_array(data: object) -> np.ndarray:
    try:
        plain = as_tensor(data, "data").cpu() if isinstance(data, Tensor) else data
        values = np.asarray(plain, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("data", expected="a table of numbers", got=describe(data)) from error
    if values.ndim != 2:
        raise InputError("data", expected="shape (rows, columns)", got=describe(values))
    return values
