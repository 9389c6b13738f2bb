"""The units of a row that a map ranks: pixels of an image, columns of a table, steps of a series, words of a text."""

from __future__ import annotations

from torch import Tensor

from xai.core.explanation import Explanation

__all__ = ["unit_scores"]


def unit_scores(explanation: Explanation, row: int) -> Tensor:
    """Return what the explanation gives to each unit of a row, in float32.

    Shape (H, W) for an image, whose units are pixels (channels summed); (units,) for the columns of a table, the
    words of a text, and the steps or stretches of a series, whose channels are summed.
    """
    if explanation.inputs.ndim == 4:
        return explanation[row].heatmap()[0]
    values = explanation.values[row].detach().float()
    return values if values.ndim == 1 else values.reshape(len(values), -1).sum(1)
