"""Tables from anywhere: DataFrame, array, CSV or Parquet file, as numbers with names, or a named error."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from xai.base.arrays import as_tensor
from xai.base.errors import InputError, describe
from xai.base.frames import is_frame
from xai.base.spelled import spelled_codes

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_frame", "read_table"]


def read_table(
    data: object, names: list[str] | None, categorical: dict[str, list[str]], labels: object
) -> tuple[np.ndarray, list[str], dict[str, list[str]], np.ndarray | None]:
    """Return values (rows, columns) in float64, the columns' names, the words of categorical ones, and the labels."""
    if isinstance(data, str | Path):
        data = read_frame(Path(data))
    if is_frame(data):
        values, names, words, labels = _from_frame(data, names, categorical, labels)
    else:
        values = _from_array(data)
        names = names or [f"x{number}" for number in range(values.shape[1])]
        words = dict(categorical)
    if values.shape[1] != len(names):
        raise InputError("data", expected=f"{len(names)} columns", got=f"{values.shape[1]}")
    if len(set(names)) != len(names):
        raise InputError("names", expected="distinct column names", got=f"{names}")
    if len(values) == 0:
        raise InputError("data", expected="at least one row", got="none")
    wrong = ~np.isfinite(values)
    if wrong.any():
        place = int(np.argwhere(wrong)[0, 0]), names[int(np.argwhere(wrong)[0, 1])]
        raise InputError(
            "data", expected="finite numbers", got=f"NaN or infinity in row {place[0]}, column {place[1]!r}"
        )
    for name, known in words.items():
        if name not in names:
            raise InputError("categorical", expected=f"columns among {names}", got=repr(name))
        codes = values[:, names.index(name)]
        if ((codes < 0) | (codes >= len(known)) | (codes != np.round(codes))).any():
            wanted = f"codes from 0 to {len(known) - 1} in column {name!r}"
            raise InputError("data", expected=wanted, got=f"{codes.min():g} to {codes.max():g}")
    if labels is not None:
        if isinstance(labels, torch.Tensor):
            labels = as_tensor(labels, "labels").cpu()
        labels = np.asarray(labels).reshape(-1)
        if len(labels) != len(values):
            raise InputError("labels", expected=f"one per row ({len(values)})", got=len(labels))
    return values, list(names), words, labels


def _from_array(data: object) -> np.ndarray:
    try:
        plain = as_tensor(data, "data").cpu() if isinstance(data, Tensor) else data
        values = np.asarray(plain, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("data", expected="a table of numbers", got=describe(data)) from error
    if values.ndim != 2:
        raise InputError("data", expected="shape (rows, columns)", got=describe(values))
    return values


def _from_frame(
    frame: pd.DataFrame, names: list[str] | None, categorical: dict[str, list[str]], labels: object
) -> tuple[np.ndarray, list[str], dict[str, list[str]], object]:
    present = [str(name) for name in frame.columns]
    double = sorted({name for name in present if present.count(name) > 1})
    if double:
        raise InputError("data", expected="distinct column names", got=f"several named {double[0]!r}")
    frame = frame.set_axis(present, axis=1)
    if isinstance(labels, str):
        if labels not in present:
            raise InputError("labels", expected=f"a column among {present}", got=repr(labels))
        labels_column = frame[labels].to_numpy()
        names = names or [name for name in present if name != labels]
        labels = labels_column
    names = list(names or present)
    missing = [name for name in names if name not in present]
    if missing:
        raise InputError("data", expected=f"columns {names}", got=f"none named {missing}")
    words, columns = dict(categorical), []
    for name in names:
        column = frame[name]
        if column.isna().any():
            raise InputError("data", expected="no missing values", got=f"some in column {name!r}")
        if np.issubdtype(getattr(column.dtype, "type", object), np.number) or column.dtype == bool:
            numbers = column.to_numpy(dtype=np.float64)
            spelled = spelled_codes(numbers, categorical[name]) if name in categorical else None
            columns.append(numbers if spelled is None else spelled)
            continue
        said = [str(item) for item in column]
        known = words.setdefault(name, sorted(set(said)))
        codes = {word: code for code, word in enumerate(known)}
        unseen = sorted(set(said) - set(codes))
        if unseen:
            raise InputError("data", expected=f"words of column {name!r} that the model knows", got=repr(unseen[0]))
        columns.append(np.array([codes[word] for word in said], dtype=np.float64))
    return np.stack(columns, 1), names, words, labels


def read_frame(path: Path) -> pd.DataFrame:
    """Return a CSV (also packed, .csv.gz) or Parquet file as a DataFrame; raises InputError for anything else."""
    import pandas as pd

    if not path.is_file():
        raise InputError("data", expected="a CSV or Parquet file", got=f"no file at {path}")
    suffixes = [suffix for suffix in path.suffixes if suffix.lower() != ".gz"]
    suffix = suffixes[-1].lower() if suffixes else ""
    try:
        if suffix == ".parquet":
            return pd.read_parquet(path)
        if suffix != ".csv":
            raise InputError("data", expected="a file named .csv or .parquet", got=path.name)
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8", newline="") as file:
            header = next(csv.reader(file), [])
        double = sorted({name for name in header if header.count(name) > 1})
        if double:  # pandas would rename the second one without a word
            raise InputError("data", expected="distinct column names", got=f"several named {double[0]!r}")
        return pd.read_csv(path)
    except ImportError as error:
        got = "none installed: pip install 'xai-toolkit[parquet]'"
        raise InputError("data", expected="pyarrow, which reads Parquet", got=got) from error
    except (OSError, ValueError, UnicodeDecodeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("data", expected="a whole table", got=f"a damaged one at {path}") from error
