"""Methods that read the feature maps of a convolutional layer."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from xai.attribution.gradient_rules import guided_gradient
from xai.attribution.map_layers import MapLayer, map_layer
from xai.base.errors import LayerError, names_errors
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["gradcam", "guided_gradcam"]


@names_errors("gradcam")
def gradcam(
    model: Model, inputs: object, target: object = None, *, layer: str | None = None, batch_size: int | None = None
) -> Explanation:
    """Return the feature maps of a layer weighted by their mean gradient, negative parts cut, in input size.

    Args:
        model: What is explained.
        inputs: Images (N, C, H, W).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        layer: One that puts out (C, H, W) or (H, W, C); by default the last maps that the scores depend on, behind norm
            and activation, before a pool.
        batch_size: How many inputs at a time; None chooses it.

    Returns:
        values: (N, H, W), at least 0, resized bilinearly from the layer's grid. The options name the layer, its grid (a
        map cannot be finer) and, where it runs several times, the call that was read, the last one.

    Raises:
        LayerError: The layer does not exist, puts out no maps, or which axes are rows and columns is not known.

    Source: Selvaraju et al. 2017, arXiv:1610.02391.

    >>> network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 2))
    >>> gradcam(Model(network), torch.rand(3, 1, 8, 8)).values.shape
    torch.Size([3, 8, 8])
    """
    with model.explaining("gradcam", inputs, target, batch_size=batch_size) as session:
        chosen = _layer(session, layer)
        values = torch.cat([_map(session, rows, chosen) for rows in session.chunks(len(session))])
        return session.explanation("gradcam", values, "layer", options={"layer": chosen.name}, run=chosen.run())


@names_errors("guided_gradcam")
def guided_gradcam(
    model: Model, inputs: object, target: object = None, *, layer: str | None = None, batch_size: int | None = None
) -> Explanation:
    """Return the guided gradient of each pixel times the Grad-CAM map there: its detail, where the class is.

    Args:
        model: What is explained.
        inputs: Images (N, C, H, W).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        layer: Whose maps to read, by default as `gradcam`.
        batch_size: How many inputs at a time; None chooses it.

    Returns:
        values: (N, C, H, W), signed.

    Raises:
        LayerError: The layer does not exist or puts out no maps.
        NetworkError: A rectifier runs inside a scripted module, as for `guided_backprop`.

    Source: Selvaraju et al. 2017, arXiv:1610.02391.

    >>> network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 2))
    >>> guided_gradcam(Model(network), torch.rand(3, 1, 8, 8)).values.shape
    torch.Size([3, 1, 8, 8])
    """
    with model.explaining("guided_gradcam", inputs, target, batch_size=batch_size) as session:
        chosen = _layer(session, layer)
        parts = []
        for rows in session.chunks(len(session)):
            gradient, rectifiers = guided_gradient(session, rows)
            parts.append(gradient * session.kind.spread(_map(session, rows, chosen), gradient).to(gradient.dtype))
        run = {**chosen.run(), "rectifiers": rectifiers}
        return session.explanation("guided_gradcam", torch.cat(parts), "input", options={"layer": chosen.name}, run=run)


def _map(session: Session, rows: Tensor, layer: MapLayer) -> Tensor:
    """Return the Grad-CAM map of some rows in input size, (n, H, W)."""
    maps, gradient = (
        layer.channels_first(part).float() for part in session.gradient_at(session.inputs[rows], rows, layer.name)
    )
    cam = (gradient.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True).relu()
    return interpolate(cam, size=session.kind.positions(session.inputs), mode="bilinear", align_corners=False)[:, 0]


def _layer(session: Session, layer: str | None) -> MapLayer:
    if len(session.kind.axes(session.inputs)) != 2:
        raise LayerError("layer", expected="a network with (C, H, W) feature maps", got="none")
    return map_layer(session, layer)
