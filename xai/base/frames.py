"""What a caller may hand over from pandas, told by what it can do: pandas itself is not imported for that."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["has_numbers", "is_column", "is_frame", "is_pandas"]


def is_frame(value: object) -> TypeGuard[pd.DataFrame]:
    """Say whether a value is a table with named columns.

    >>> import pandas as pd
    >>> is_frame(pd.DataFrame({"age": [30]})), is_frame([30])
    (True, False)
    """
    return hasattr(value, "columns")


def is_pandas(value: object) -> TypeGuard[pd.DataFrame]:
    """Say whether a value is a table whose rows are taken by number; a torch Dataset may have `columns` of its own."""
    return hasattr(value, "iloc")


def is_column(value: object) -> TypeGuard[pd.Series]:
    """Say whether a value is one column, or one row, of a table."""
    return hasattr(value, "to_list")


def has_numbers(value: object) -> TypeGuard[pd.DataFrame | pd.Series]:
    """Say whether a value is a table or a column, which gives its values as an array."""
    return hasattr(value, "to_numpy")
