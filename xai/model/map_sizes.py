"""Maps on the coarse grid of a layer in the size of the inputs."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import interpolate

from xai.inputs.tensor import TensorInput
from xai.model.map_layers import MapLayer
from xai.model.session import Session

__all__ = ["MODES", "in_input_size", "over_inputs"]

MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}  # by the sides of a grid


def in_input_size(session: Session, coarse: Tensor, layer: MapLayer) -> Tensor:
    """Return maps (n, ...) of a layer's grid resized linearly: (n, H, W), (n, T), (n, C, T) or (n, D, H, W)."""
    sides = coarse.ndim - 1
    # Where the kind does not know how series lie, convolutions run along the last axis.
    steps_last = sides == 1 and type(session.kind) is TensorInput and layer.steps_last
    shape = session.inputs.shape
    size = shape[2:] if sides == 3 or steps_last else session.kind.positions(session.inputs)
    wide = interpolate(coarse[:, None], size=tuple(size), mode=MODES[sides], align_corners=False)
    # Of a series (N, C, T), whose positions the kind of input takes for its first axis, every channel gets the map.
    return wide.expand(-1, shape[1], -1).contiguous() if steps_last else wide[:, 0]


def over_inputs(session: Session, wide: Tensor, batch: Tensor) -> Tensor:
    """Return maps in input size, shaped to broadcast with a batch of inputs."""
    return session.kind.spread(wide, batch) if session.kind.axes(batch) else wide[:, None]
