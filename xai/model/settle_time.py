"""Which axis of undeclared series is time: asked once of each model, before the first of them is explained."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from torch import Tensor

from xai.inputs.tensor import TensorInput
from xai.network.guard import untouched
from xai.network.time_axis import time_axis

if TYPE_CHECKING:
    from xai.model.model import Model

__all__ = ["settle_time"]

SERIES = 3  # axes


def settle_time(model: Model, batch: Tensor) -> Tensor:
    """Return the batch; a model that declared no input gets one of (N, D, T) where its network reads the batch so."""
    if model.memory.time_known or batch.ndim != SERIES:
        return batch
    model.memory.time_known = True
    with untouched(model.network):
        row = batch[:1].contiguous()
        row = row.to(model.dtype) if row.is_floating_point() else row
        model.input = TensorInput(time=time_axis(model.network, partial(model.answer, model.network), row))
    return batch
