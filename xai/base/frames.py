"""What a caller may hand over as a table, told by what it can do: pandas itself is not imported for that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

from xai.base.errors import InputError, describe

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_frame", "has_numbers", "is_column", "is_frame", "is_pandas"]


def is_frame(value: object) -> TypeGuard[pd.DataFrame]:
    """Say whether a value is a table with named columns: of pandas, or what `as_frame` makes one of pandas.

    >>> import pandas as pd
    >>> is_frame(pd.DataFrame({"age": [30]})), is_frame([30])
    (True, False)
    """
    return hasattr(value, "columns")


def is_pandas(value: object) -> TypeGuard[pd.DataFrame]:
    """Say whether a value is a table whose rows are taken by number; a torch Dataset may have `columns` of its own."""
    return hasattr(value, "iloc")


def as_frame(value: Any, argument: str = "data") -> pd.DataFrame:
    """Return a table as a DataFrame of pandas: one of Polars, Arrow or another library that narwhals reads, or its own.

    Args:
        value: What `is_frame` says yes to.
        argument: Its name, for the error.

    Raises:
        InputError: It is a table of no such library, or one that is not in memory.

    >>> import pyarrow
    >>> as_frame(pyarrow.table({"age": [30, None]})).to_dict("list")
    {'age': [30.0, nan]}
    """
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return value
    import narwhals.stable.v2 as narwhals

    try:
        frame = narwhals.from_native(value, eager_only=True)
    except TypeError as error:
        raise InputError(argument, expected="a DataFrame that is in memory", got=describe(type(value))) from error
    return pd.DataFrame({name: _column(frame[name]) for name in frame.columns})


def _column(column: Any) -> object:
    """Return a column of narwhals as pandas has it: a number's gap is NaN, another's None; categories stay such."""
    import narwhals.stable.v2 as narwhals
    import pandas as pd

    kind = column.dtype
    if kind.is_numeric() or kind.is_temporal() or (kind == narwhals.Boolean and column.null_count() == 0):
        return pd.Series(column.to_numpy())
    if kind in (narwhals.Categorical, narwhals.Enum):
        return pd.Series(pd.Categorical(column.to_list(), categories=column.cat.get_categories().to_list()))
    return pd.Series(column.to_list(), dtype=object)


def is_column(value: object) -> TypeGuard[pd.Series]:
    """Say whether a value is one column, or one row, of a table."""
    return hasattr(value, "to_list")


def has_numbers(value: object) -> TypeGuard[pd.DataFrame | pd.Series]:
    """Say whether a value is a table or a column, which gives its values as an array."""
    return hasattr(value, "to_numpy")
