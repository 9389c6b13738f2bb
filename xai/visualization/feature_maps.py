"""What one image does inside a network: its feature maps, layer by layer, and the kernels it meets first."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from xai.base.errors import InputError, LayerError, describe, names_errors
from xai.model.model import Model
from xai.model.tracing import numbers_on
from xai.network.guard import untouched
from xai.network.hooks import find_layer, recording, run_recorded

__all__ = ["feature_maps", "first_kernels"]


@names_errors("feature_maps")
def feature_maps(model: Model, image: object, layers: Sequence[str] | None = None) -> dict[str, Tensor]:
    """Return the maps (C, H, W) of one image in each layer, by name in order of depth, before the nonlinearity.

    layers: by default each convolution (or the batch norm behind it). Raises InputError for more than one image,
    LayerError for a layer that has no maps.
    """
    batch = model.prepare(image, "image")
    if len(getattr(model.input, "shape", ())) != 3 or len(batch) != 1:
        raise InputError("image", expected="one image for a model of images", got=describe(batch))
    with untouched(model.network):
        found = model.trace_of(batch)  # with a graph: it is kept for later callers
        units = [layer.name for layer in found.units() if len(layer.shape) == 3]
        names = list(layers) if layers is not None else units
        for name in names:
            find_layer(model.network, name)
        with torch.no_grad(), recording(model.network, names, before=True) as recorded:
            run_recorded(lambda: numbers_on(model, model.network, batch), recorded, names)
    flat = [name for name in names if recorded[name].ndim != 4]
    if flat:
        shape = tuple(recorded[flat[0]].shape[1:])
        raise LayerError(flat[0], expected="a layer with maps (C, H, W)", got=f"an output {shape}")
    return {name: recorded[name][0].float().cpu() for name in names}


@names_errors("first_kernels")
def first_kernels(model: Model) -> tuple[str, Tensor]:
    """Return the name and the weights (out, in, height, width) of the first convolution that an image meets.

    Raises LayerError where there is none.
    """
    for layer in model.trace().layers:
        module = model.network.get_submodule(layer.name)
        if isinstance(module, nn.Conv2d):
            return layer.name, module.weight.detach().float().cpu()
    raise LayerError("model", expected="one with a two-dimensional convolution", got=model.name)
