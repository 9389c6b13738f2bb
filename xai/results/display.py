"""Results that draw and show themselves: plots and reports say how, in tables by the type of the result.

Results know nothing of plots or reports. `xai` names the modules that fill these tables; they are imported when a
result is drawn or shown for the first time.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from xai.base.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "PAGES", "Shown", "entry_for", "fill_from"]

FIGURES: dict[type, Callable[..., Figure]] = {}  # a result as a matplotlib figure
PAGES: dict[type, Callable[..., str]] = {}  # a result as HTML for a notebook

_FILLED_FROM: list[str] = []
Found = TypeVar("Found")


def fill_from(*modules: str) -> None:
    """Name modules that put functions into these tables when they are imported."""
    _FILLED_FROM.extend(name for name in modules if name not in _FILLED_FROM)


class Shown:
    """`plot()` and notebook display for a result whose type is in the tables."""

    def plot(self, row: int | None = None) -> Figure:
        """Draw it as a matplotlib figure.

        Args:
            row: Which row of a result with rows; by default the first.

        Returns:
            The figure.

        Raises:
            IndexError: There is no such row.
        """
        return _look_up(FIGURES, self)(self if row is None else self[row])

    def _repr_html_(self) -> str:
        return _look_up(PAGES, self)(self)


def entry_for(table: Mapping[type, Found], item: object) -> Found | None:
    """Return what a table holds for an item's type, or for the nearest type that it is derived from."""
    return next((table[kind] for kind in type(item).__mro__ if kind in table), None)


def _look_up(table: Mapping[type, Found], result: object) -> Found:
    for name in _FILLED_FROM:
        importlib.import_module(name)
    found = entry_for(table, result)
    if found is None:
        raise InputError("result", expected="a type with a drawing of its own", got=type(result).__name__)
    return found
