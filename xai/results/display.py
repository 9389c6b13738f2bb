"""Results that draw and show themselves: plots and reports say how, in tables by the type of the result.

Results know nothing of plots or reports. `xai` names the modules that fill these tables; they are imported when a
result is drawn or shown for the first time.
"""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from xai.base.errors import InputError, names_errors

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "FRAGMENTS", "ON_AXES", "Shown", "ShownAsHtml", "entry_for", "fill_from"]

FIGURES: dict[type, Callable[..., Figure]] = {}  # a result as a matplotlib figure
ON_AXES: dict[type, Callable[..., Figure]] = {}  # a result drawn on the caller's axes
FRAGMENTS: dict[type, Callable[..., str]] = {}  # a result as HTML for a notebook

_FILLED_FROM: list[str] = []
Found = TypeVar("Found")


def fill_from(*modules: str) -> None:
    """Name modules that put functions into these tables when they are imported."""
    _FILLED_FROM.extend(name for name in modules if name not in _FILLED_FROM)


class ShownAsHtml:
    """Notebook display for a result whose type has a fragment."""

    def _repr_html_(self) -> str:
        return _look_up(FRAGMENTS, self)(self)


class Shown(ShownAsHtml):
    """`plot()` and notebook display for a result whose type has a figure and a fragment."""

    @names_errors("plot")
    def plot(self, row: int | None = None, *, ax: Axes | None = None) -> Figure | Axes:
        """Draw it with matplotlib. A notebook shows the figure once, at the end of the cell.

        Args:
            row: Which row of a result with rows; by default the first.
            ax: Axes to draw on, for a result that is one drawing; by default a figure of its own.

        Returns:
            The figure, or the axes that were given.

        Raises:
            IndexError: There is no such row.
            InputError: `ax` for a result that takes several axes.
        """
        item = self if row is None else cast("Sequence[Shown]", self)[row]  # a result with rows has them
        if ax is None:
            return _shown_once(_look_up(FIGURES, self)(item))
        _look_up(ON_AXES, self)(item, ax)
        return ax

    def _repr_png_(self) -> bytes:
        return _png(_look_up(FIGURES, self)(self))


def entry_for(table: Mapping[type, Found], item: object) -> Found | None:
    """Return what a table holds for an item's type, or for the nearest type that it is derived from."""
    return next((table[kind] for kind in type(item).__mro__ if kind in table), None)


def _look_up(table: Mapping[type, Found], result: object) -> Found:
    for name in _FILLED_FROM:
        importlib.import_module(name)
    found = entry_for(table, result)
    if found is None:
        wanted = "a result that is one drawing" if table is ON_AXES else "a type with a drawing of its own"
        raise InputError("result", expected=wanted, got=type(result).__name__)
    return found


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, facecolor="white")
    return buffer.getvalue()


def _shown_once(figure: Figure) -> Figure:
    """Return the figure; where a notebook's kernel runs, let it show the figure when the cell ends.

    Jupyter shows the last value of a cell, unless a semicolon stands behind it; figures of pyplot it shows when the
    cell ends. A figure that is both would be shown twice, so this one is silent until the cell has ended.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if not hasattr(shell, "kernel"):
        return figure

    def show() -> None:
        display = importlib.import_module("IPython.display")
        display.display(display.Image(_png(figure)))

    def at_the_end() -> None:
        shell.events.unregister("post_execute", at_the_end)
        figure._ipython_display_ = show  # ty: ignore[missing-attribute]  # as below
        show()

    figure._ipython_display_ = lambda: None  # ty: ignore[missing-attribute]  # what IPython looks for on anything
    shell.events.register("post_execute", at_the_end)
    return figure
