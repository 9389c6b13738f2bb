"""Values of many rows on axes: a swarm of points for each column, and rows side by side as a heat map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection

from xai.plots.style import NUMBERS, draw_heat, figure_of, plain_text, shortened

__all__ = ["draw_points", "draw_rows", "draw_swarm", "rows_like_beside_like"]

BINS = 80  # places along an axis at which points are stacked


def draw_swarm(
    axes: Axes, names: Sequence[str], values: np.ndarray, numbers: np.ndarray | None, *, many: bool = False
) -> None:
    """Draw a line of points for each column, the first on top; points at the same place are stacked.

    Args:
        axes: Where.
        names: Of the columns (d).
        values: Of each row (n, d).
        numbers: What each row has in the columns, (n, d), as color; one color where None.
        many: There are many points: see `draw_points`.
    """
    width = float(values.max() - values.min()) or 1.0
    drawn = None
    for index in range(len(names)):
        along = values[:, index]
        shade = np.full(len(along), 0.5) if numbers is None else _share(numbers[:, index])
        drawn = draw_points(axes, along, -index + _stacked(along, width), shade, many=many)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks([-index for index in range(len(names))], [plain_text(shortened(name)) for name in names])
    axes.set_ylim(-len(names) + 0.5, 0.5)
    axes.tick_params(length=2)
    if numbers is not None and drawn is not None:
        bar = figure_of(axes).colorbar(drawn, ax=axes, ticks=[0, 1], fraction=0.03)
        bar.set_ticklabels(["low", "high"])
        bar.set_label("number in the column", fontsize=8)


def draw_points(
    axes: Axes, x: np.ndarray, y: np.ndarray, shade: np.ndarray, *, many: bool = False, scaled: bool = True
) -> PathCollection:
    """Draw points whose color is a number.

    Args:
        axes: Where.
        x: Along, (n,).
        y: Up, (n,).
        shade: The numbers (n,).
        many: Small, and as pixels: ten thousand circles of a drawing are megabytes.
        scaled: The numbers lie between 0 and 1; else the color bar has their own range.
    """
    low, high = (0, 1) if scaled else (None, None)
    size = 5 if many else 12
    return axes.scatter(x, y, c=shade, cmap=NUMBERS, vmin=low, vmax=high, s=size, linewidths=0, rasterized=many)


def draw_rows(
    axes: Axes, names: Sequence[str], values: np.ndarray, *, bound: float | None = None, label: str = ""
) -> None:
    """Draw values (n, d) as a matrix, the first column on top and the rows along, with its color bar.

    bound: what full color stands for, by default the largest magnitude. label: of the color bar.
    """
    drawn = draw_heat(axes, torch.from_numpy(values.T.copy()), bound=bound, aspect="auto", interpolation="nearest")
    axes.set_yticks(range(len(names)), [plain_text(shortened(name)) for name in names])
    axes.tick_params(length=0)
    figure_of(axes).colorbar(drawn, ax=axes, fraction=0.03, label=plain_text(label))


def rows_like_beside_like(values: np.ndarray) -> np.ndarray:
    """Return an order of rows (n, d) in which alike ones follow each other (average linkage)."""
    from scipy.cluster.hierarchy import leaves_list, linkage

    return leaves_list(linkage(values, "average")) if len(values) > 2 else np.arange(len(values))


def _share(numbers: np.ndarray) -> np.ndarray:
    """Return where each number lies between the 5th and the 95th percentile, from 0 to 1."""
    low, high = np.nanpercentile(numbers, [5, 95])
    return np.clip((numbers - low) / (high - low), 0, 1) if high > low else np.full(len(numbers), 0.5)


def _stacked(along: np.ndarray, width: float) -> np.ndarray:
    """Return how far each point is moved aside, so that points at the same place are seen."""
    bins = np.round((along - along.min()) / width * BINS).astype(int)
    aside = np.zeros(len(along))
    for bin in np.unique(bins):
        members = np.flatnonzero(bins == bin)
        aside[members] = np.ceil(np.arange(len(members)) / 2) * np.where(np.arange(len(members)) % 2, 1, -1)
    most = np.abs(aside).max()
    return aside * min(0.07, 0.42 / most) if most else aside
