"""What the values of many rows say together: swarms of points, dependence on a column, and rows side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from xai.plots.style import AGAINST, DIVERGING, FOR, STYLE, color, plain_text, shortened

__all__ = ["beeswarm_figure", "dependence_figure", "interaction", "rows_figure"]

LOW_TO_HIGH = LinearSegmentedColormap.from_list("low_to_high", [color(AGAINST), (0.62, 0.48, 0.62), color(FOR)])
BINS = 60


def beeswarm_figure(names: Sequence[str], values: np.ndarray, columns: np.ndarray | None, label: str) -> Figure:
    """Return a row of points for each feature, one per explanation, spread where many values are alike.

    Args:
        names: Of the features (d), the first on top.
        values: (n, d).
        columns: What each row had there, (n, d): low is blue, high is orange; one color where None.
        label: Of the axis of values.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(5.2, 0.8 + 0.32 * len(names)), dpi=110, layout="constrained")
        axes = figure.subplots()
        for place in range(len(names)):
            heights = len(names) - 1 - place + 0.38 * _spread(values[:, place])
            ranks = np.full(len(values), 0.5) if columns is None else _ranks(columns[:, place])
            _points(axes, values[:, place], heights, ranks)
        axes.axvline(0, linewidth=0.8, color="black")
        axes.set_yticks(range(len(names))[::-1], [plain_text(shortened(name)) for name in names])
        axes.set_xlabel(plain_text(label))
        axes.tick_params(length=2)
        return figure


def _points(axes: Axes, x: np.ndarray, y: np.ndarray, shade: np.ndarray) -> PathCollection:
    # As pixels: ten thousand circles of a drawing are megabytes.
    return axes.scatter(x, y, c=shade, cmap=LOW_TO_HIGH, s=5, linewidths=0, rasterized=True)


def dependence_figure(name: str, column: np.ndarray, values: np.ndarray, other: str, others: np.ndarray) -> Figure:
    """Return values (n,) over what the rows had in a column (n,), colored by another column (n,)."""
    with rc_context(STYLE):
        figure = Figure(figsize=(3.4, 2.6), dpi=110, layout="constrained")
        axes = figure.subplots()
        drawn = _points(axes, column, values, others)
        axes.axhline(0, linewidth=0.8, color="black")
        axes.set_xlabel(plain_text(shortened(name)))
        axes.set_ylabel("value")
        axes.tick_params(length=2)
        figure.colorbar(drawn, ax=axes, label=plain_text(shortened(other)))
        return figure


def rows_figure(names: Sequence[str], values: np.ndarray, label: str) -> Figure:
    """Return rows (n, d) side by side, a column of the picture each, in the order in which they are given."""
    with rc_context(STYLE):
        figure = Figure(figsize=(5.6, 0.9 + 0.22 * len(names)), dpi=110, layout="constrained")
        axes = figure.subplots()
        bound = max(float(np.quantile(np.abs(values), 0.99)), 1e-12)
        drawn = axes.imshow(values.T, aspect="auto", cmap=DIVERGING, vmin=-bound, vmax=bound, interpolation="nearest")
        axes.set_yticks(range(len(names)), [plain_text(shortened(name)) for name in names])
        axes.set_xlabel("rows, like beside like")
        axes.tick_params(length=2)
        figure.colorbar(drawn, ax=axes, label=plain_text(label))
        return figure


def interaction(place: int, columns: np.ndarray, values: np.ndarray) -> int:
    """Return the column that goes best with how a feature's values scatter around their course along its own column.

    Rows are sorted by the feature; within runs of them the values' ranks are correlated with every other column's.
    """
    order = np.argsort(columns[:, place], kind="stable")
    pieces = np.array_split(order, max(1, min(10, len(order) // 10)))
    strength = np.zeros(columns.shape[1])
    for piece in pieces:
        rest = _ranks(values[piece, place])
        for other in range(columns.shape[1]):
            there = _ranks(columns[piece, other])
            if other != place and np.ptp(rest) > 0 and np.ptp(there) > 0:
                strength[other] += abs(np.corrcoef(rest, there)[0, 1])
    return int(np.argmax(strength)) if strength.any() else place


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return from 0 to 1 where each value stands among the others; equal values stand at one place."""
    distinct, inverse = np.unique(values, return_inverse=True)
    return inverse / max(1, len(distinct) - 1)


def _spread(values: np.ndarray) -> np.ndarray:
    """Return for each value a height from -1 to 1: values that are alike alternate to both sides of 0."""
    low, high = float(values.min()), float(values.max())
    bins = np.minimum(((values - low) / max(high - low, 1e-12) * BINS).astype(int), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    heights, seen = np.zeros(len(values)), np.zeros(BINS, dtype=int)
    for row, place in enumerate(bins):
        step = (seen[place] + 1) // 2 * (1 if seen[place] % 2 else -1)
        heights[row] = step / max(1, counts.max() / 2)
        seen[place] += 1
    return heights
