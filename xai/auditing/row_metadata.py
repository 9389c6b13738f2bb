"""Who and when: protected columns as words, and the metadata of rows: entity, time and weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from xai.auditing.kinds import table_of
from xai.auditing.sentences import plain_number
from xai.base.errors import InputError, describe
from xai.base.name_lists import plain_names
from xai.model.model import Model

if TYPE_CHECKING:
    import pandas as pd

    Groups = Mapping[str, Sequence] | pd.DataFrame | None

__all__ = ["name_groups", "read_groups", "read_metadata", "weights_of"]

BINS = 4  # a protected number is read in quarters
FIELDS = ("entity", "time", "weights")


def read_groups(model: Model, protected: Sequence[str], batch: Tensor, groups: Groups) -> pd.DataFrame:
    """Return the protected columns by row: those given, and those that the model sees, as words where it has words."""
    import pandas as pd

    try:
        frame = pd.DataFrame({} if groups is None else dict(groups))
    except (TypeError, ValueError) as error:
        raise InputError("groups", expected="a DataFrame or columns by name", got=describe(groups)) from error
    if groups is not None and len(frame) != len(batch):
        raise InputError("groups", expected=f"one entry per row ({len(batch)})", got=len(frame))
    table = table_of(model)
    names = [] if table is None else list(table.names)
    for name in plain_names("protected", protected, least=0):
        if name not in names:
            known = ", ".join(names) if names else "none: the model takes no table; hand them over as groups"
            raise InputError("protected", expected=f"columns of the table ({known})", got=repr(name))
        values = batch[:, names.index(name)].double().numpy()
        words = model.input.categorical.get(name)
        frame[name] = values if words is None else [words[int(code)] for code in values]
    return frame if len(frame.columns) else pd.DataFrame(index=range(len(batch)))


def name_groups(frames: Sequence[pd.DataFrame]) -> None:
    """Turn protected columns into words, in place: numbers of many values into quarters of all frames together."""
    import pandas as pd

    for name in frames[0].columns:
        having = [frame for frame in frames if name in frame.columns]
        whole = pd.concat([frame[name] for frame in having])
        edges = []
        if (
            pd.api.types.is_numeric_dtype(whole)
            and not pd.api.types.is_bool_dtype(whole)
            and whole.nunique() > 2 * BINS
        ):
            edges = sorted(set(np.nanquantile(whole, [share / BINS for share in range(1, BINS)])))
        for frame in having:
            frame[name] = [_word(value, edges) for value in frame[name].tolist()]


def _word(value: float | str, edges: list[float]) -> str:
    import pandas as pd

    if pd.isna(value):
        return "missing"
    if not edges:
        return str(value)
    quarter = int(np.searchsorted(edges, float(value)))
    if quarter == 0:
        return f"up to {plain_number(edges[0], 6)}"
    if quarter == len(edges):
        return f"above {plain_number(edges[-1], 6)}"
    return f"above {plain_number(edges[quarter - 1], 6)}, up to {plain_number(edges[quarter], 6)}"


def read_metadata(inputs: object, rows: int, **columns: object) -> pd.DataFrame:
    """Return the metadata that were given, a column each: entity (words or None), time (numbers), weights (numbers).

    columns: by name, one entry per row, or the name of a column of `inputs`. Dates become seconds. Raises InputError.
    """
    import pandas as pd

    frame = pd.DataFrame(index=range(rows))
    for name, values in columns.items():
        if values is None:
            continue
        try:
            column = pd.Series(_column(inputs, name, values)).reset_index(drop=True)
        except (TypeError, ValueError) as error:
            raise InputError(name, expected=f"one entry per row ({rows})", got=describe(values)) from error
        if len(column) != rows:
            raise InputError(name, expected=f"one entry per row ({rows})", got=len(column))
        frame[name] = READERS[name](column)
    return frame


def weights_of(parts: Sequence[pd.DataFrame | None]) -> np.ndarray | None:
    """Return how many rows each row stands for (N,), of the metadata of parts; None where unknown, or alike for all."""
    known = [part["weights"].to_numpy() for part in parts if part is not None and "weights" in part]
    weights = np.concatenate(known) if known and len(known) == len(parts) else np.ones(1)
    return None if np.ptp(weights) == 0 else weights


def _column(inputs: object, name: str, values: object) -> object:
    import pandas as pd

    if not isinstance(values, str):
        return values.numpy() if isinstance(values, Tensor) else values
    if not isinstance(inputs, pd.DataFrame) or values not in inputs.columns:
        known = ", ".join(map(str, inputs.columns)) if isinstance(inputs, pd.DataFrame) else "no DataFrame was given"
        raise InputError(name, expected=f"a column of the inputs ({known})", got=repr(values))
    return inputs[values]


def _entities(column: pd.Series) -> pd.Series:
    import pandas as pd

    # Of objects, so that a missing one stays None.
    return pd.Series(
        [None if gone else str(value) for value, gone in zip(column, column.isna(), strict=True)], dtype=object
    )


def _times(column: pd.Series) -> np.ndarray:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(np.float64)
    try:
        dates = pd.to_datetime(column, utc=True)
    except (ValueError, TypeError) as error:
        raise InputError("time", expected="numbers or dates", got=repr(column.iloc[0])) from error
    return (dates - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(np.float64)


def _weights(column: pd.Series) -> np.ndarray:
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    if not np.isfinite(numbers).all() or (numbers < 0).any() or numbers.sum() <= 0:
        bad = column[~np.isfinite(numbers) | (numbers < 0)]
        raise InputError("weights", expected="numbers from 0 on", got="all 0" if bad.empty else repr(bad.iloc[0]))
    return numbers


READERS = dict(zip(FIELDS, (_entities, _times, _weights), strict=True))
