"""Methods that read the feature maps of a convolutional layer."""

from __future__ import annotations

import torch
from torch.nn.functional import interpolate

from xai.core.errors import LayerError, expected
from xai.core.explanation import Explanation
from xai.core.model import Model

__all__ = ["gradcam"]


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
        chosen = layer or case.trace.last_spatial()
        if chosen is None or case.inputs.ndim != 4:
            raise LayerError(expected("gradcam", "layer", "a network with (C, H, W) feature maps", "none"))
        parts = []
        for rows in case.chunks(len(case)):
            maps, gradient = case.gradient_at(case.inputs[rows], rows, chosen)
            if maps.ndim != 4:
                raise LayerError(expected("gradcam", "layer", "one that puts out (C, H, W)", f"{chosen}: {maps.shape}"))
            weights = gradient.float().mean((2, 3), keepdim=True)
            cam = (weights * maps.float()).sum(1, keepdim=True).relu()
            parts.append(interpolate(cam, size=case.inputs.shape[2:], mode="bilinear", align_corners=False)[:, 0])
        grid = list(maps.shape[2:])
        return case.explanation("gradcam", torch.cat(parts), "layer", options={"layer": chosen}, run={"grid": grid})
