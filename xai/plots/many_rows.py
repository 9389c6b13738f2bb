"""The values of many rows at once: a beeswarm of columns, and a heat map of rows by columns."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes

from xai.base.errors import InputError, describe, names_errors
from xai.plots.on_axes import axes_for, parts_of
from xai.plots.style import NUMBERS, draw_heat, plain_text, shortened
from xai.results.explanation import Explanation

__all__ = ["beeswarm", "heatmap"]

BINS = 80  # places along an axis at which points are stacked


def _table(explanation: object, count: int) -> tuple[torch.Tensor, list[int], list[str]]:
    """Return values (N, D), the columns of the largest mean magnitude, and their names."""
    if not isinstance(explanation, Explanation):
        raise InputError("explanation", expected="an Explanation", got=describe(explanation))
    parts_of(explanation)
    if explanation.over not in ("features", "input", "layer") or len({len(row) for row in explanation.values}) > 1:
        raise InputError("explanation", expected="one of a table", got=f"values over {explanation.over}")
    values = torch.stack([row.float() for row in explanation.values]).cpu()
    order = values.abs().mean(0).argsort(descending=True)[:count].tolist()
    names = list(explanation.names) if len(explanation.names) == values.shape[1] else explanation.value_names()
    return values, order, [shortened(names[place]) for place in order]


@names_errors("beeswarm")
def beeswarm(explanation: Explanation, *, count: int = 10, ax: Axes | None = None) -> Axes:
    """Draw a point per row and column: how far it moves the answer, colored by the column's own number.

    Points at the same place are stacked, so that the width shows how many there are. Source: Lundberg, Lee 2017,
    arXiv:1705.07874.

    Args:
        explanation: Of many rows of a table.
        count: How many columns, those of the largest mean magnitude.
        ax: Axes to draw on, by default of a new figure.

    Returns:
        The axes.

    Raises:
        InputError: The explanation is not of a table.

    >>> import torch, xai
    >>> model = xai.Model(torch.nn.Linear(3, 2), input=xai.TabularInput(["age", "height", "weight"]))
    >>> axes = beeswarm(xai.integrated_gradients(model, torch.rand(20, 3), 1))
    >>> [len(points.get_offsets()) for points in axes.collections]
    [20, 20, 20]
    """
    values, order, names = _table(explanation, count)
    axes = axes_for(ax, 5.6, 0.9 + 0.36 * len(order))
    inputs = explanation.inputs.float().cpu()
    aligned = inputs.shape == values.shape
    width = float(values.max() - values.min()) or 1.0
    points = None
    for place, column in enumerate(order):
        along = values[:, column].numpy()
        shade = _share(inputs[:, column].numpy()) if aligned else np.full(len(along), 0.5)
        points = axes.scatter(
            along, -place + _stacked(along, width), c=shade, cmap=NUMBERS, vmin=0, vmax=1, s=12, linewidths=0
        )
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks([-place for place in range(len(order))], [plain_text(name) for name in names])
    axes.set_ylim(-len(order) + 0.5, 0.5)
    axes.set_xlabel(plain_text(f"{explanation.method.replace('_', ' ')} for {_target(explanation)}"))
    axes.tick_params(length=2)
    if aligned and points is not None:
        bar = axes.figure.colorbar(points, ax=axes, ticks=[0, 1], fraction=0.03)
        bar.set_ticklabels(["low", "high"])
        bar.set_label("number in the column", fontsize=8)
    return axes


@names_errors("heatmap")
def heatmap(explanation: Explanation, *, count: int = 15, ax: Axes | None = None) -> Axes:
    """Draw the values of many rows as a matrix, rows of alike values beside each other: columns down, rows along.

    Args:
        explanation: Of many rows of a table.
        count: How many columns, those of the largest mean magnitude.
        ax: Axes to draw on, by default of a new figure.

    Returns:
        The axes.

    Raises:
        InputError: The explanation is not of a table.

    >>> import torch, xai
    >>> model = xai.Model(torch.nn.Linear(3, 2), input=xai.TabularInput(["age", "height", "weight"]))
    >>> heatmap(xai.integrated_gradients(model, torch.rand(20, 3), 1)).images[0].get_array().shape
    (3, 20)
    """
    values, order, names = _table(explanation, count)
    axes = axes_for(ax, 6.0, 1.0 + 0.26 * len(order))
    rows = _alike(values.numpy())
    drawn = draw_heat(axes, values[rows][:, order].T, aspect="auto", interpolation="nearest")
    axes.set_yticks(range(len(order)), [plain_text(name) for name in names])
    axes.set_xlabel(plain_text(f"{len(rows)} rows, {explanation.method.replace('_', ' ')} for {_target(explanation)}"))
    axes.tick_params(length=0)
    axes.figure.colorbar(drawn, ax=axes, fraction=0.03)
    return axes


def _target(explanation: Explanation) -> str:
    names = {explanation.target_name(row) for row in range(len(explanation))}
    return names.pop() if len(names) == 1 else "each row's prediction"


def _share(numbers: np.ndarray) -> np.ndarray:
    """Return where each number lies among the 5th and 95th percentile, 0 to 1."""
    low, high = np.percentile(numbers, [5, 95])
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


def _alike(values: np.ndarray) -> list[int]:
    """Return the rows so that alike ones stand beside each other (average linkage)."""
    from scipy.cluster.hierarchy import leaves_list, linkage

    return leaves_list(linkage(values, "average")).tolist() if len(values) > 2 else list(range(len(values)))
