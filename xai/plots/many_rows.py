"""The values of many rows at once: a beeswarm of columns, and a heat map of rows by columns."""

from __future__ import annotations

import torch
from matplotlib.axes import Axes

from xai.base.errors import InputError, describe, names_errors
from xai.plots.on_axes import axes_for, parts_of
from xai.plots.style import plain_text
from xai.plots.swarms import draw_rows, draw_swarm, rows_like_beside_like
from xai.plots.translation import translate
from xai.results.explanation import Explanation

__all__ = ["beeswarm", "heatmap"]


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
    return values, order, [str(names[index]) for index in order]


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
    numbers = inputs[:, order].numpy() if inputs.shape == values.shape else None
    draw_swarm(axes, names, values[:, order].numpy(), numbers)
    axes.set_xlabel(plain_text(_method_and_target(explanation)))
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
    rows = rows_like_beside_like(values.numpy())
    draw_rows(axes, names, values[rows][:, order].numpy())
    label = translate("{count} rows, {method}", count=len(rows), method=_method_and_target(explanation))
    axes.set_xlabel(plain_text(label))
    return axes


def _method_and_target(explanation: Explanation) -> str:
    names = {explanation.target_name(row) for row in range(len(explanation))}
    target = names.pop() if len(names) == 1 else translate("each row's prediction")
    return translate("{method} for {target}", method=explanation.method.replace("_", " "), target=target)
