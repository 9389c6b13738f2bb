"""Methods that read the feature maps of a convolutional layer."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from xai.attribution.gradient_rules import guided_gradient
from xai.base.errors import LayerError
from xai.model.model import Model
from xai.model.session import Case
from xai.results.explanation import Explanation

__all__ = ["gradcam", "guided_gradcam"]


def gradcam(
    model: Model, inputs: object, target: object = None, *, layer: str | None = None, batch_size: int | None = None
) -> Explanation:
    """Return the feature maps of a layer weighted by their mean gradient, negative parts cut, in input size.

    inputs: images (N, C, H, W). layer: the last convolution by default. values: (N, H, W), at least 0, resized
    bilinearly from the layer's grid, whose size is in the options: a map cannot be finer than that.
    Raises LayerError where the layer does not exist or puts out no maps.
    Source: Selvaraju et al. 2017, arXiv:1610.02391.

    >>> network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 2))
    >>> gradcam(Model(network), torch.rand(3, 1, 8, 8)).values.shape
    torch.Size([3, 8, 8])
    """
    with model.explaining("gradcam", inputs, target, batch_size=batch_size) as case:
        chosen = _layer(case, layer)
        maps = [_map(case, rows, chosen) for rows in case.chunks(len(case))]
        run = {"grid": maps[-1][1]}
        values = torch.cat([part for part, _ in maps])
        return case.explanation("gradcam", values, "layer", options={"layer": chosen}, run=run)


def guided_gradcam(
    model: Model, inputs: object, target: object = None, *, layer: str | None = None, batch_size: int | None = None
) -> Explanation:
    """Return the guided gradient of each pixel times the Grad-CAM map there: its detail, where the class is.

    inputs: images (N, C, H, W). layer: whose maps to read, the last convolution by default. values: (N, C, H, W),
    signed. Raises LayerError where the layer does not exist or puts out no maps, and what `guided_backprop` raises.
    Source: Selvaraju et al. 2017, arXiv:1610.02391.

    >>> network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 2))
    >>> guided_gradcam(Model(network), torch.rand(3, 1, 8, 8)).values.shape
    torch.Size([3, 1, 8, 8])
    """
    with model.explaining("guided_gradcam", inputs, target, batch_size=batch_size) as case:
        chosen = _layer(case, layer)
        parts = []
        for rows in case.chunks(len(case)):
            where, grid = _map(case, rows, chosen)
            gradient, rectifiers = guided_gradient(case, rows)
            parts.append(gradient * case.kind.spread(where, gradient).to(gradient.dtype))
        run = {"grid": grid, "rectifiers": rectifiers}
        return case.explanation("guided_gradcam", torch.cat(parts), "input", options={"layer": chosen}, run=run)


def _layer(case: Case, layer: str | None) -> str:
    chosen = layer or case.trace.last_spatial()
    if chosen is None or len(case.kind.axes(case.inputs)) != 2:
        raise LayerError("layer", expected="a network with (C, H, W) feature maps", got="none")
    return chosen


def _map(case: Case, rows: Tensor, layer: str) -> tuple[Tensor, list[int]]:
    """Return the Grad-CAM map of some rows in input size, (n, H, W), and the size of the layer's grid."""
    maps, gradient = case.gradient_at(case.inputs[rows], rows, layer)
    if maps.ndim != 4:
        raise LayerError("layer", expected="one that puts out (C, H, W)", got=f"{layer}: {maps.shape}")
    weights = gradient.float().mean((2, 3), keepdim=True)
    cam = (weights * maps.float()).sum(1, keepdim=True).relu()
    cam = interpolate(cam, size=case.kind.positions(case.inputs), mode="bilinear", align_corners=False)[:, 0]
    return cam, list(maps.shape[2:])
