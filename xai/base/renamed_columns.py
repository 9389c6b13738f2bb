"""Old names of columns of a table that the library returns: each works for one more minor version, and warns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from xai.base.deprecated import warn_renamed

__all__ = ["RenamedColumns"]


class RenamedColumns(pd.DataFrame):
    """A DataFrame in which `frame["old"]` still finds the column of the new name; what is made from it is a plain one.

    Args:
        values: The table, as `pandas.DataFrame` takes it; it has the new names only.
        new_names: The new name of each old column.

    >>> import warnings
    >>> frame = RenamedColumns({"position": [0, 1]}, {"place": "position"})
    >>> list(frame.columns)
    ['position']
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     frame["place"].tolist()
    [0, 1]
    >>> str(caught[0].message)
    "the column 'place' is now 'position'; the old name will be removed in the next minor version"
    """

    _metadata: list[str] = ["new_names"]  # noqa: RUF012 - pandas declares it so

    def __init__(self, values: Any, new_names: Mapping[str, str]) -> None:
        super().__init__(values)
        object.__setattr__(self, "new_names", dict(new_names))

    @property
    def _constructor(self) -> Any:
        return pd.DataFrame

    def __getitem__(self, key: Any) -> Any:
        """Return a column by its name, old or new, or what a DataFrame returns for any other key."""
        if isinstance(key, str) and key in self.new_names and key not in self.columns:
            warn_renamed(f"the column {key!r}", repr(self.new_names[key]), stacklevel=2)
            key = self.new_names[key]
        return super().__getitem__(key)
