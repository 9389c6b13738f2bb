"""What the values of many rows say together: swarms of points, dependence on a column, and rows side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from xai.plots.style import STYLE, plain_text, shortened
from xai.plots.swarms import draw_points, draw_rows, draw_swarm
from xai.plots.translation import translate

__all__ = ["beeswarm_figure", "dependence_figure", "interaction", "rows_figure"]


def beeswarm_figure(names: Sequence[str], values: np.ndarray, columns: np.ndarray | None, label: str) -> Figure:
    """Return a row of points for each feature, one per explanation, spread where many values are alike.

    Args:
        names: Of the features (d), the first on top.
        values: (n, d).
        columns: What each row had there, (n, d): low is dark, high is bright; one color where None.
        label: Of the axis of values.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(4.4, 0.8 + 0.28 * len(names)), dpi=110, layout="constrained")
        axes = figure.subplots()
        draw_swarm(axes, names, values, columns, many=True)
        axes.set_xlabel(plain_text(label))
        return figure


def dependence_figure(name: str, column: np.ndarray, values: np.ndarray, other: str, others: np.ndarray) -> Figure:
    """Return values (n,) over what the rows had in a column (n,), colored by another column (n,)."""
    with rc_context(STYLE):
        figure = Figure(figsize=(3.4, 2.6), dpi=110, layout="constrained")
        axes = figure.subplots()
        drawn = draw_points(axes, column, values, others, many=True, scaled=False)
        axes.axhline(0, linewidth=0.8, color="black")
        axes.set_xlabel(plain_text(shortened(name)))
        axes.set_ylabel(translate("value"))
        axes.tick_params(length=2)
        bar = figure.colorbar(drawn, ax=axes, label=plain_text(shortened(other)))
        for axis, numbers in ((axes.xaxis, column), (bar.ax.yaxis, others)):
            if (numbers == numbers.round()).all():  # counts, or codes of categories
                axis.set_major_locator(MaxNLocator("auto", integer=True))
        return figure


def rows_figure(names: Sequence[str], values: np.ndarray, label: str) -> Figure:
    """Return rows (n, d) side by side, a column of the picture each, in the order in which they are given."""
    with rc_context(STYLE):
        figure = Figure(figsize=(4.4, 0.9 + 0.2 * len(names)), dpi=110, layout="constrained")
        axes = figure.subplots()
        bound = max(float(np.quantile(np.abs(values), 0.99)), 1e-12)
        draw_rows(axes, names, values, bound=bound, label=label)
        axes.set_xlabel(translate("rows, like beside like"))
        return figure


def interaction(shown: int, columns: np.ndarray, values: np.ndarray) -> int:
    """Return the column that goes best with how a feature's values scatter around their course along its own column.

    Rows are sorted by the feature; within runs of them the values' ranks are correlated with every other column's.
    """
    order = np.argsort(columns[:, shown], kind="stable")
    parts = np.array_split(order, max(1, min(10, len(order) // 10)))
    strength = np.zeros(columns.shape[1])
    for part in parts:
        value_ranks = _ranks(values[part, shown])
        for other in range(columns.shape[1]):
            other_ranks = _ranks(columns[part, other])
            if other != shown and np.ptp(value_ranks) > 0 and np.ptp(other_ranks) > 0:
                strength[other] += abs(np.corrcoef(value_ranks, other_ranks)[0, 1])
    return int(np.argmax(strength)) if strength.any() else shown


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return from 0 to 1 where each value stands among the others; equal values stand at one place."""
    distinct, inverse = np.unique(values, return_inverse=True)
    return inverse / max(1, len(distinct) - 1)
