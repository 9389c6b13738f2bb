"""Axes to draw on: the caller's, or those of a new figure in the style of the house."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xai.base.errors import InputError, describe
from xai.plots.style import in_style
from xai.results.explanation import Explanation

__all__ = ["axes_for", "one_row", "parts_of"]


def axes_for(ax: Axes | None, width: float, height: float) -> Axes:
    """Return the caller's axes, or those of a new figure of so many inches, with a white ground."""
    if ax is not None:
        return ax
    with in_style():
        return Figure(figsize=(width, height), layout="constrained", facecolor="white").subplots()


def one_row(explanation: object, row: int) -> Explanation:
    """Return one row of an explanation; raises InputError for something else, or a row that is not there."""
    if not isinstance(explanation, Explanation):
        raise InputError("explanation", expected="an Explanation", got=describe(explanation))
    if not 0 <= row < len(explanation):
        raise InputError("row", expected=f"0 to {len(explanation) - 1}", got=row)
    return explanation[row]


def parts_of(explanation: Explanation) -> Explanation:
    """Return an explanation whose rows are lists of parts; raises InputError for maps and series."""
    if explanation.values[0].ndim != 1:
        got = f"values of shape {tuple(explanation.values[0].shape)}"
        raise InputError("explanation", expected="one over columns, words, segments or windows", got=got)
    return explanation
