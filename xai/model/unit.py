"""A unit inside a network as the output to explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from xai.base.errors import LayerError, describe
from xai.network.hooks import find_layer, recording, run_recorded

if TYPE_CHECKING:
    from xai.model.model import Model

__all__ = ["unit_model"]


def unit_model(model: Model, layer: str, index: int | tuple[int, ...], *, before: bool = True) -> Model:
    """Return a model whose one output is a unit of a layer, for any method.

    index: a channel, whose mean over positions it is, or a tuple (channel, row, column). before: read a layer that is
    an activation function before it; else what it puts out. Raises LayerError where there is no such unit, at once or
    in the first pass.

    >>> import torch
    >>> from xai.model.model import Model
    >>> hidden = Model(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))).unit("0", 1)
    >>> hidden.predict(torch.zeros(5, 3)).shape
    torch.Size([5, 1])
    """
    find_layer(model.network, layer)
    place = index if isinstance(index, tuple) else (index,)
    if not place or any(isinstance(item, bool) or not isinstance(item, int) for item in place):
        raise LayerError(
            "index", expected="a channel, or a tuple of a channel and a position", got=describe(index), operation="unit"
        )

    def forward(network: nn.Module, batch: Tensor) -> Tensor:
        with recording(network, [layer], before=before, stop=True) as recorded:
            inner = model.forward or (lambda module, seen: module(seen))
            run_recorded(lambda: inner(network, batch), recorded, [layer])
        values = recorded[layer]
        sizes = values.shape[1 : len(place) + 1]  # a channel alone stands for all its positions
        fits = len(sizes) == len(place) and all(-size <= at < size for at, size in zip(place, sizes, strict=True))
        if not fits:
            wanted = f"a place within {tuple(values.shape[1:])} of {layer}"
            raise LayerError("index", expected=wanted, got=index, operation="unit")
        found = values[(slice(None), *place)]
        return found.flatten(1).mean(1) if found.ndim > 1 else found

    return type(model)(
        model.network, task="regression", input=model.input, forward=forward, name=f"{model.name} {layer} {index}"
    )
