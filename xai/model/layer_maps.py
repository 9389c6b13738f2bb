"""The maps of a layer: what it puts out, the part that is put back, and their size in the inputs."""

from __future__ import annotations

import torch
from torch import Tensor

from xai.base.resizing import resized
from xai.inputs.tensor import TensorInput
from xai.model.map_layers import MapLayer
from xai.model.session import Session
from xai.network.hooks import recording, run_recorded

__all__ = ["floats", "in_input_size", "input_size", "over_inputs", "placed", "put_out"]


def put_out(session: Session, rows: Tensor, layer: MapLayer) -> Tensor:
    """Return a layer's maps without a gradient, (n, C, ...)."""
    network, batch = session.plan.network, session.inputs[rows]
    recorder = recording(network, [layer.name], stop=layer.calls == 1)
    with torch.no_grad(), recorder as recorded, session.model.memory.rows.padded(len(batch)) as ours:
        run_recorded(lambda: session.model.forward_on(network, batch), recorded, [layer.name])
    return floats(layer.channels_first(recorded[layer.name][ours]))


def placed(maps: Tensor, layer: MapLayer, like: Tensor) -> Tensor:
    """Return maps (n, C, ...) where the layer has them, shaped as what it puts out; what is no position gets 0."""
    # Positions are picked out, each once: the transpose of that linear map puts them back.
    with torch.enable_grad():
        whole = torch.zeros_like(like, requires_grad=True)
        (found,) = torch.autograd.grad(layer.channels_first(whole), whole, maps.to(like))
    return found


def floats(maps: Tensor) -> Tensor:
    """Return maps in a precision that sums can be taken in."""
    maps = maps.dequantize() if maps.is_quantized else maps
    return maps.to(torch.promote_types(maps.dtype, torch.float32))


def input_size(session: Session, layer: MapLayer) -> tuple[int, ...]:
    """Return how many positions the inputs have along each side of a layer's grid."""
    whole = len(layer.grid) == 3 or _steps_last(session, layer)
    return tuple(session.inputs.shape[2:] if whole else session.kind.positions(session.inputs))


def in_input_size(session: Session, coarse: Tensor, layer: MapLayer) -> Tensor:
    """Return maps (n, ...) of a layer's grid resized linearly: (n, H, W), (n, T), (n, C, T) or (n, D, H, W)."""
    size = input_size(session, layer)
    wide = resized(coarse[:, None], size)
    # Of a series (N, C, T), whose positions the kind of input takes for its first axis, every channel gets the map.
    steps_last = _steps_last(session, layer)
    return wide.expand(-1, session.inputs.shape[1], -1).contiguous() if steps_last else wide[:, 0]


def over_inputs(session: Session, wide: Tensor, batch: Tensor) -> Tensor:
    """Return maps in input size, shaped to broadcast with a batch of inputs."""
    return session.kind.spread(wide, batch) if session.kind.axes(batch) else wide[:, None]


def _steps_last(session: Session, layer: MapLayer) -> bool:
    """Say whether series are (N, C, T): where the kind does not know, convolutions run along the last axis."""
    return len(layer.grid) == 1 and type(session.kind) is TensorInput and layer.steps_last
