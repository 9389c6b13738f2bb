"""What carries an optimized row, series or text: how much is lost when one part of it is put back to the usual."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from xai.base.errors import InputError
from xai.inputs.text import UNKNOWN
from xai.model.model import Model
from xai.network.guard import untouched
from xai.visualization.layer_reader import Reader
from xai.visualization.objectives import Objective

__all__ = ["losses", "usual"]

BATCH = 256


def _rows(real: Tensor | None) -> Tensor:
    if real is None:
        raise InputError("reference", expected="real inputs to take the usual values from", got="none")
    return real.flatten(0, -2)


def _unknown_word(real: Tensor | None) -> Tensor:
    return torch.tensor(UNKNOWN)


def _median(real: Tensor | None) -> Tensor:
    return _rows(real).median(0).values


def _median_step(real: Tensor | None) -> Tensor:
    steps = _rows(real)
    return steps[(steps != 0).any(1)].median(0).values


USUAL: dict[str, Callable[[Tensor | None], Tensor]] = {"text": _unknown_word, "sequence": _median_step}


def usual(real: Tensor | None, kind: str) -> Tensor:
    """Return the usual value of each part.

    Args:
        real: rows (n, D) or series (n, T, D) to take the median of; texts need none.
        kind: the kind of input.

    Returns:
        The median of the rows, or of the steps of series that are no padding, (D,); of texts the sign for an unknown
        word, ().
    """
    return USUAL.get(kind, _median)(real)


def losses(model: Model, objective: Objective, values: Tensor, usual: Tensor) -> Tensor:
    """Return how far the objective falls when one part of an input (..., P) alone is put back, (P,).

    A part is a column of a row, a channel of a series (all its steps) or a word. Of two redundant parts, either can be
    put back without a loss: a loss is conditional on all other parts.
    """
    parts = values.shape[-1]
    changed = values.expand(parts, *values.shape).clone()
    columns = torch.arange(parts)
    changed[columns, ..., columns] = usual.to(values).expand(parts).view(parts, *[1] * (values.ndim - 1))
    reader = Reader(model, model.network)
    with untouched(model.network):
        reached = reader.measure_all([objective], torch.cat([values[None], changed]), BATCH)[0]
    return reached[0] - reached[1:]
