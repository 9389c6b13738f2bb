"""Maps on the coarse grid of one layer, or of several, brought to the size of the input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from xai.base.errors import InputError, LayerError, describe
from xai.model.layer_maps import floats, in_input_size
from xai.model.map_layers import MapLayer, Reshape, map_layer, noted
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = [
    "ChosenLayers",
    "Layers",
    "Weigh",
    "chosen_layers",
    "maps_and_gradient",
    "of_layers",
]

Layers = str | Sequence[str] | None
Weigh = Callable[[Session, Tensor, MapLayer], Tensor]  # (session, rows (n,), layer) -> coarse maps (n, ...)


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
    if not inputs.is_floating_point() or sides not in (1, 2, 3):
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
