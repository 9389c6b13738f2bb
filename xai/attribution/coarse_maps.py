"""Maps on the coarse grid of one layer, or of several, brought to the size of the input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from xai.attribution.map_layers import MapLayer, Reshape, map_layer, noted
from xai.base.errors import InputError, LayerError, describe
from xai.inputs.tensor import TensorInput
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = [
    "ChosenLayers",
    "Layers",
    "Weigh",
    "chosen_layers",
    "floats",
    "in_input_size",
    "maps_and_gradient",
    "of_layers",
    "over_inputs",
]

Layers = str | Sequence[str] | None
Weigh = Callable[[Session, Tensor, MapLayer], Tensor]  # (session, rows (n,), layer) -> coarse maps (n, ...)

MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}  # by the sides of a grid


class ChosenLayers(NamedTuple):
    """The layers whose maps are read, whether several were asked for, and how their patches are found."""

    each: tuple[MapLayer, ...]
    several: bool
    reshape: Reshape | None

    def options(self) -> dict[str, object]:
        """Return what the options of an explanation say of them."""
        return {"layer": [one.name for one in self.each] if self.several else self.each[0].name, **noted(self.reshape)}

    def run(self) -> dict[str, object]:
        """Return what an explanation says of how they were read."""
        if not self.several:
            return self.each[0].run()
        return {"grids": {one.name: list(one.grid) for one in self.each}}

    def map(self, session: Session, rows: Tensor, weigh: Weigh) -> Tensor:
        """Return the map of rows (n,) in input size; of several layers the mean of maps, each of height 1.

        weigh: makes coarse maps (n, ...) of rows from a layer; their negative parts are cut.
        """
        made = [in_input_size(session, weigh(session, rows, one).relu(), one) for one in self.each]
        if not self.several:
            return made[0]
        heights = [one.flatten(1).amax(1).view(-1, *(1,) * (one.ndim - 1)) for one in made]
        least = torch.finfo(made[0].dtype).tiny  # a map of zeros stays one
        return torch.stack([one / high.clamp_min(least) for one, high in zip(made, heights, strict=True)]).mean(0)


def chosen_layers(session: Session, layer: Layers, reshape: Reshape | None = None) -> ChosenLayers:
    """Return the layer of that name, those of several names, or the one that is read by default.

    Raises InputError for what is no name, and LayerError where the network has no maps on as many sides as the inputs.
    """
    several = not isinstance(layer, str) and layer is not None
    names = list(layer) if isinstance(layer, Sequence) and several else [layer]
    if not names or (several and not all(isinstance(name, str) for name in names)):
        raise InputError("layer", expected="the name of a layer, or several", got=describe(layer))
    inputs = session.inputs
    sides = len(inputs.shape[2:])
    if not inputs.is_floating_point() or sides not in MODES:
        raise LayerError("layer", expected="a network with (C, H, W) feature maps", got="none")
    found = tuple(map_layer(session, name, reshape) for name in names)
    for one in found:
        if len(one.grid) != sides:
            wanted = f"a grid with as many sides as the inputs have, {sides}"
            raise InputError("reshape", expected=wanted, got=f"{one.grid}")
    return ChosenLayers(found, several, reshape)


def of_layers(
    session: Session, method: str, layers: ChosenLayers, weigh: Weigh, options: dict[str, object] | None = None
) -> Explanation:
    """Return the explanation by the maps of these layers."""
    options = options or {}
    values = torch.cat([layers.map(session, rows, weigh) for rows in session.chunks(len(session))])
    noted_options = {**layers.options(), **options}
    return session.explanation(
        method, values, "layer", baseline=options.get("baseline"), options=noted_options, run=layers.run()
    )


def maps_and_gradient(session: Session, rows: Tensor, layer: MapLayer) -> tuple[Tensor, Tensor]:
    """Return a layer's maps and the gradient of the scores there, (n, C, ...)."""
    maps, gradient = session.gradient_at(session.inputs[rows], rows, layer.name)
    return floats(layer.channels_first(maps)), floats(layer.channels_first(gradient))


def floats(maps: Tensor) -> Tensor:
    """Return maps in a precision that sums can be taken in."""
    maps = maps.dequantize() if maps.is_quantized else maps
    return maps.to(torch.promote_types(maps.dtype, torch.float32))


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
