"""Bars, and curves over one axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xai.plots.signs import is_signed
from xai.plots.style import AGAINST, FOR, MAGNITUDE, color, figure_of, in_style, plain_text, shortened
from xai.plots.translation import translate
from xai.results.explanation import Explanation

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "LARGEST", "bars_figure", "curve_figure", "half_widths", "kernel_width_figure", "weights_figure",
]  # fmt: skip

BROAD = 48  # characters under a figure of bars
LARGEST = 15  # bars of a list that may be long


def _draw(
    axes: Axes,
    names: Sequence[str],
    values: Sequence[float],
    whiskers: Sequence[float] | None,
    raises: tuple[int, int, int] = FOR,
) -> None:
    positions = np.arange(len(names))[::-1]
    colors = [color(raises) if value >= 0 else color(AGAINST) for value in values]
    axes.barh(positions, values, xerr=whiskers, color=colors, height=0.7, error_kw={"linewidth": 1, "capsize": 2})
    axes.set_yticks(positions, [plain_text(shortened(name)) for name in names])
    axes.axvline(0, linewidth=0.8, color="black")
    axes.locator_params(axis="x", nbins=3)  # long names leave little room for numbers
    axes.tick_params(length=2)


def bars_figure(
    names: Sequence[str],
    values: Sequence[float],
    whiskers: Sequence[float] | None,
    title: str,
    ax: Axes | None = None,
    *,
    inches: float = 3.6,
    raises: tuple[int, int, int] = FOR,
) -> Figure:
    """Return signed horizontal bars, the first on top, with whiskers so far to either side, and their title below.

    ax: where to draw them, by default in a figure of their own, so many inches wide. raises: the color of values
    above 0.
    """
    label = fill(plain_text(title), BROAD, break_on_hyphens=False)
    if ax is not None:
        _draw(ax, names, values, whiskers, raises)
        ax.set_xlabel(label)
        return figure_of(ax)
    with in_style():
        figure = Figure(figsize=(inches, 0.55 + 0.2 * len(names)), layout="constrained")
        _draw(figure.subplots(), names, values, whiskers, raises)
        # Below the figure's middle: names take much of its width, and a label below the axes would be cut off.
        figure.supxlabel(label, fontsize="medium")
        return figure


def half_widths(explanation: Explanation) -> list[float] | None:
    """Return how far the 95 % intervals of the first row's values reach to either side, None without errors."""
    if explanation.standard_error is None:
        return None
    low, high = explanation.interval()[0].flatten(1)
    return ((high - low) / 2).tolist()


def weights_figure(
    explanation: Explanation,
    title: str,
    count: int = LARGEST,
    name: Callable[[int], str] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Return the first row's largest values as bars, with whiskers where there are standard errors.

    name: what the value of an index is called, by default as the explanation says.
    """
    name = name or explanation.value_names().__getitem__
    values, reach = explanation.values[0].flatten(), half_widths(explanation)
    order = values.abs().argsort(descending=True)[:count].tolist()
    whiskers = None if reach is None else [reach[index] for index in order]
    named = [name(index) for index in order]
    return bars_figure(
        named, values[order].tolist(), whiskers, title, ax, raises=FOR if is_signed(explanation) else MAGNITUDE
    )


def curve_figure(x: Sequence[float], curves: dict[str, list[float]], x_label: str, y_label: str) -> Figure:
    """Return curves over one axis; the first in color, the others (controls) dashed."""
    with in_style():
        figure = Figure(figsize=(3.4, 2.2), layout="constrained")
        axes = figure.subplots()
        for number, (name, y) in enumerate(curves.items()):
            ink, line, width = (color(FOR), "-", 1.6) if number == 0 else ("black", "--", 1)
            axes.plot(x, y, line, color=ink, label=plain_text(name), linewidth=width)
        axes.set_xlabel(plain_text(x_label))
        axes.set_ylabel(plain_text(y_label))
        if len(curves) > 1:
            axes.legend(frameon=False, fontsize=8)
        return figure


def kernel_width_figure(frame: pd.DataFrame, count: int = 8) -> Figure:
    """Draw what `xai.kernel_widths` found for its first row: the largest weights over the widths, with their intervals.

    Where lines cross, the ranking depends on which neighborhood is meant.
    """
    first = frame[frame["row"] == frame["row"].min()]
    sizes = first.assign(size=first["value"].abs()).groupby("name", sort=False)["size"].max()
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    for name in sizes.sort_values(ascending=False).index[:count]:
        line = first[first["name"] == name].sort_values("kernel_width")
        drawn = axes.plot(line["kernel_width"], line["value"], marker="o", markersize=3, label=shortened(name))
        if "low" in line:
            axes.fill_between(line["kernel_width"], line["low"], line["high"], alpha=0.2, color=drawn[0].get_color())
    axes.set_xscale("log")
    axes.axhline(0, linewidth=0.8, color="black")
    axes.set_xlabel(translate("kernel width"))
    axes.set_ylabel(translate("weight"))
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    return figure
