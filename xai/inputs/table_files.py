"""CSV and Parquet files as DataFrames, or a named error."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import TYPE_CHECKING

from xai.base.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_frame"]


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
