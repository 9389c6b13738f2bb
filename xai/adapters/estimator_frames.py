"""From rows of numbers back to the frames that an estimator was fitted to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xai.inputs.table import TabularInput
from xai.inputs.table_columns import DAY, MISSING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Frames"]


class Frames:
    """Turns rows of a table into frames with the types of another frame, or into arrays.

    table: what the numbers mean. frame: rows as the estimator knows them. named: whether it was fitted to frames.
    """

    def __init__(self, table: TabularInput, frame: pd.DataFrame, named: bool) -> None:
        self.table, self.named = table, named
        self.makers = [_maker(frame[name], table.categorical.get(name), name in table.dates) for name in table.names]
        self.numbers = not named and not table.categorical and not table.dates

    def of(self, values: np.ndarray) -> pd.DataFrame | np.ndarray:
        """Return rows (N, D) of numbers as a frame, or as an array where the estimator was fitted to one."""
        import pandas as pd

        if self.numbers:
            return values
        columns = zip(self.table.names, self.makers, values.T, strict=True)
        frame = pd.DataFrame({name: make(column) for name, make, column in columns})
        return frame if self.named else frame.to_numpy()


def _maker(column: pd.Series, words: Sequence[str] | None, date: bool) -> Callable[[np.ndarray], object]:
    """Return what turns numbers into a column of the same type as another one."""
    import pandas as pd

    kind = column.dtype
    if words is not None:
        items = _items(column, words)
        return lambda codes: pd.Series(items[codes.astype(np.int64)]).astype(kind)
    if date:
        return lambda days: _dates(days, kind)
    if pd.api.types.is_extension_array_dtype(kind):  # Int64, Float64: fractions do not fit into whole numbers
        return lambda numbers: pd.Series(numbers).astype("Float64")
    if kind.kind == "O":
        return lambda numbers: pd.Series(numbers)
    if kind.kind in "iu":
        return lambda numbers: _whole(numbers, kind)
    return lambda numbers: pd.Series(numbers).astype(kind)


def _items(column: pd.Series, words: Sequence[str]) -> np.ndarray:
    """Return what stands in a column for each of its words, (words,) of objects."""
    import pandas as pd

    known = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else column.dropna().unique()
    items = {str(item): item for item in known}
    gap = next(iter(column[column.isna()].tolist()), np.nan)  # None, NaN or NA, as it came
    made = np.empty(len(words), dtype=object)
    for position, word in enumerate(words):
        boolean = {"False": False, "True": True}.get(word, word) if words[:2] == ["False", "True"] else word
        made[position] = gap if word == MISSING else items.get(word, boolean)
    return made


def _whole(numbers: np.ndarray, kind: Any) -> pd.Series:
    """Return numbers as whole ones where all of them are; methods also ask about those between."""
    import pandas as pd

    fits = bool((numbers == np.round(numbers)).all()) and np.abs(numbers).max(initial=0) < 2**53
    return pd.Series(numbers).astype(kind) if fits else pd.Series(numbers)


def _dates(days: np.ndarray, kind: Any) -> pd.Series:
    import pandas as pd

    known = ~np.isnan(days)
    stamps = np.full(len(days), np.datetime64("NaT", "ns"))
    stamps[known] = np.round(days[known] * DAY).astype("int64").astype("datetime64[ns]")
    made = pd.Series(stamps)
    return made.dt.tz_localize("UTC").astype(kind) if isinstance(kind, pd.DatetimeTZDtype) else made.astype(kind)
