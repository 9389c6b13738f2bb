"""Columns of a DataFrame as numbers: words as codes, dates as days since 1970, what is not known as NaN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xai.base.errors import InputError, describe
from xai.base.number_names import spelled_codes

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DAY", "MISSING", "column_numbers", "kinds_of_columns", "named_columns", "show_day"]

MISSING = "(missing)"  # the word of a category that is not known
DAY = 86_400 * 10**9  # nanoseconds


def named_columns(frame: pd.DataFrame, names: Sequence[str], argument: str) -> list[pd.Series]:
    """Return the columns of these names; raises InputError where one is not there, or there twice."""
    called = [str(name) for name in frame.columns]
    double = [name for name in names if called.count(name) > 1]
    if double:
        raise InputError(argument, expected="distinct column names", got=f"several named {double[0]!r}")
    missing = [name for name in names if name not in called]
    if missing:
        raise InputError(argument, expected=f"columns {list(names)}", got=f"none named {missing}")
    return [frame.iloc[:, called.index(name)] for name in names]


def column_numbers(
    column: pd.Series, name: str, words: Sequence[str] | None, *, date: bool, argument: str
) -> np.ndarray:
    """Return a column as float64; a number that is not known is NaN.

    Args:
        column: As it came.
        name: What an error calls it.
        words: Of a category: those behind its codes 0, 1, 2, ..., among them MISSING where it may be unknown.
        date: Whether it becomes days since 1970-01-01.
        argument: What an error is about.

    Raises:
        InputError: It holds something else.
    """
    if words is not None:
        return _codes(column, name, words, argument)
    kind = getattr(column.dtype, "kind", "")
    if date and kind not in "iufb":
        return _days(column, name, argument)
    if kind in "mM":  # a number of them depends on the unit that pandas takes
        wanted = f"numbers in column {name!r} (dates as days since some day, say, as in training; or dates=[{name!r}])"
        raise InputError(argument, expected=wanted, got=str(column.dtype))
    if kind == "c":  # whose imaginary part pandas would drop
        raise InputError(argument, expected=f"numbers in column {name!r}", got=str(column.dtype))
    try:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise InputError(argument, expected=f"numbers in column {name!r}", got=_foreign(column)) from error


def _foreign(column: pd.Series) -> str:
    """Say what a column holds that is no number: the first such item and its row, or its type."""
    for row, item in enumerate(column):
        try:
            float(item)
        except (TypeError, ValueError):
            return f"{describe(item)} in row {row}"
    return str(column.dtype)


def _days(column: pd.Series, name: str, argument: str) -> np.ndarray:
    """Return dates, also as words of a file, as days since 1970-01-01."""
    import pandas as pd

    try:
        moments = pd.to_datetime(column, utc=True)
    except (ValueError, TypeError) as error:
        raise InputError(argument, expected=f"dates in column {name!r}", got="others") from error
    since = moments.dt.tz_localize(None).astype("datetime64[ns]")
    numbers = since.to_numpy().astype("int64").astype(np.float64) / DAY
    return np.where(since.isna().to_numpy(), np.nan, numbers)


def _codes(column: pd.Series, name: str, words: Sequence[str], argument: str) -> np.ndarray:
    import pandas as pd

    unknown = column.isna().to_numpy()
    if unknown.any() and MISSING not in words:
        row = int(np.argmax(unknown))
        raise InputError(argument, expected=f"{name!r} to be one of {_shown(words)}", got=f"none in row {row}")
    codes = np.full(len(column), float(words.index(MISSING)) if unknown.any() else 0.0)
    known = column[~unknown]
    if np.issubdtype(getattr(column.dtype, "type", object), np.number):
        numbers = known.to_numpy(dtype=np.float64)
        spelled = spelled_codes(numbers, words)
        codes[~unknown] = numbers if spelled is None else spelled
        return codes
    positions, items = pd.factorize(known)
    spelled_items = [str(item) for item in items]
    wrong = {position for position, word in enumerate(spelled_items) if word not in set(words)}
    if wrong:
        position = next(position for position in positions if position in wrong)
        row = int(np.flatnonzero(~unknown)[int(np.argmax(positions == position))])
        got = f"{spelled_items[position]!r} in row {row}"
        raise InputError(argument, expected=f"{name!r} to be one of {_shown(words)}", got=got)
    code_of = {word: code for code, word in enumerate(words)}
    codes[~unknown] = np.array([code_of[word] for word in spelled_items], dtype=np.float64)[positions]
    return codes


def _shown(words: Sequence[str]) -> str:
    return ", ".join(words[:8]) + (", ..." if len(words) > 8 else "")


def kinds_of_columns(
    frames: Sequence[pd.DataFrame], names: Sequence[str], categorical: Mapping[str, Sequence[str]], argument: str
) -> dict[str, Any]:
    """Return what `TabularInput` says of columns, read off frames that hold them: categorical, missing and dates.

    Columns of words are categories of the words that occur; of pandas' own categories all count. A category that is
    not known is the word MISSING. Booleans count as numbers.

    categorical: the words of columns whose words are known, by name.
    """
    import pandas as pd

    found: dict[str, Any] = {"categorical": {}, "missing": [], "dates": []}
    for position, name in enumerate(names):
        columns = [named_columns(frame, names, argument)[position] for frame in frames]
        column, gaps = columns[0], any(bool(column.isna().any()) for column in columns)
        kind = column.dtype
        if name in categorical:
            words = list(categorical[name])
        elif isinstance(kind, pd.CategoricalDtype):
            words = [str(item) for item in kind.categories]
        elif pd.api.types.is_numeric_dtype(kind):
            words = None
        elif getattr(kind, "kind", "") == "M":
            words = None
            found["dates"].append(name)
        else:
            words = sorted({str(item) for column in columns for item in column.dropna().unique()})
        if words is None:
            found["missing"] += [name] if gaps else []
        else:
            found["categorical"][name] = [*words, MISSING] if gaps and MISSING not in words else words
    return found


def show_day(day: float) -> str:
    """Say which date a number of days since 1970-01-01 is, with the time of the day where it has one.

    >>> show_day(18262.0), show_day(18262.5)
    ('2020-01-01', '2020-01-01 12:00')
    """
    moment = np.datetime64(round(day * 24 * 60), "m")
    return str(moment.astype("datetime64[D]")) if day == round(day) else str(moment).replace("T", " ")
