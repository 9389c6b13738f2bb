"""What carries an optimized row, series or text: how much is lost when one part of it is put back to the usual."""

from __future__ import annotations

import torch
from torch import Tensor

from xai.inputs.text import UNKNOWN
from xai.model.model import Model
from xai.network.guard import untouched
from xai.visualization.objectives import Objective
from xai.visualization.reading import Reader

__all__ = ["losses", "usual"]

BATCH = 256


def usual(real: Tensor | None, kind: str) -> Tensor:
    """Return what each part is without a cause: the median of real rows (n, D) or of the steps of series (n, T, D) that
    are no padding, (D,) each; of texts the sign for an unknown word, ().
    """
    if kind == "text":
        return torch.tensor(UNKNOWN)
    rows = real.flatten(0, -2)
    if kind == "sequence":
        rows = rows[(rows != 0).any(1)]
    return rows.median(0).values


def losses(model: Model, objective: Objective, values: Tensor, usual: Tensor) -> Tensor:
    """Return how far the objective falls when one part of an input (..., P) alone is put back, (P,).

    A part is a column of a row, a channel of a series (all its steps) or a word. Of two parts that say the same, either
    can be put back without a loss: it is a part's share given all the others.
    """
    parts = values.shape[-1]
    changed = values.expand(parts, *values.shape).clone()
    places = torch.arange(parts)
    changed[places, ..., places] = usual.to(values).expand(parts).view(parts, *[1] * (values.ndim - 1))
    reader = Reader(model, model.network)
    with untouched(model.network):
        reached = reader.measure_all([objective], torch.cat([values[None], changed]), BATCH)[0]
    return reached[0] - reached[1:]
