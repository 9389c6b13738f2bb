"""Methods that read the feature maps of a layer: of a convolution, or of tokens that are patches of the input."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from xai.attribution.gradient_rules import guided_gradient
from xai.attribution.map_layers import MapLayer, Reshape, map_layer, noted
from xai.base.errors import InputError, LayerError, names_errors
from xai.inputs.tensor import TensorInput
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["gradcam", "guided_gradcam"]

MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}  # by the sides of a grid


@names_errors("gradcam")
def gradcam(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    layer: str | None = None,
    reshape: Reshape | None = None,
    batch_size: int | None = None,
) -> Explanation:
    """Return the feature maps of a layer weighted by their mean gradient, negative parts cut, in input size.

    Args:
        model: What is explained.
        inputs: Images (N, C, H, W), series (N, T, C) or (N, C, T), or volumes (N, C, D, H, W).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        layer: One that puts out (C, H, W), (H, W, C) or tokens (T, C); by default the last maps that the scores depend
            on, behind norm and activation, before a pool. Of a transformer that reads a class token this is the norm
            before the last attention: behind it the patches have no gradient.
        reshape: Where the patches are among the layer's tokens, where that is not found: (tokens before them, H, W), or
            a function from what the layer puts out to (N, C, H, W).
        batch_size: How many inputs at a time; None chooses it.

    Returns:
        values: (N, H, W), (N, T), (N, C, T) or (N, D, H, W), at least 0, resized linearly from the layer's grid. The
        options name the layer, its grid (a map cannot be finer), the tokens that stand before it and, where it runs
        several times, the call that was read, the last one.

    Raises:
        LayerError: The layer does not exist, puts out no maps, or which axes are rows and columns is not known.
        InputError: Where the patches are among tokens is not known, or `reshape` does not fit.

    Source: Selvaraju et al. 2017, arXiv:1610.02391.

    >>> network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 2))
    >>> gradcam(Model(network), torch.rand(3, 1, 8, 8)).values.shape
    torch.Size([3, 8, 8])
    """
    with model.explaining("gradcam", inputs, target, batch_size=batch_size) as session:
        chosen = _layer(session, layer, reshape)
        values = torch.cat([_map(session, rows, chosen) for rows in session.chunks(len(session))])
        options = {"layer": chosen.name, **noted(reshape)}
        return session.explanation("gradcam", values, "layer", options=options, run=chosen.run())


@names_errors("guided_gradcam")
def guided_gradcam(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    layer: str | None = None,
    reshape: Reshape | None = None,
    batch_size: int | None = None,
) -> Explanation:
    """Return the guided gradient of each pixel times the Grad-CAM map there: its detail, where the class is.

    Args:
        model: What is explained.
        inputs: Images (N, C, H, W), series or volumes, as for `gradcam`.
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        layer: Whose maps to read, by default as `gradcam`.
        reshape: Where the patches are among tokens, as for `gradcam`.
        batch_size: How many inputs at a time; None chooses it.

    Returns:
        values: (N, ...) like the inputs, signed.

    Raises:
        LayerError: The layer does not exist or puts out no maps.
        InputError: Where the patches are among tokens is not known, or `reshape` does not fit.
        NetworkError: A rectifier runs inside a scripted module, as for `guided_backprop`.

    Source: Selvaraju et al. 2017, arXiv:1610.02391.

    >>> network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 2))
    >>> guided_gradcam(Model(network), torch.rand(3, 1, 8, 8)).values.shape
    torch.Size([3, 1, 8, 8])
    """
    with model.explaining("guided_gradcam", inputs, target, batch_size=batch_size) as session:
        chosen = _layer(session, layer, reshape)
        parts = []
        for rows in session.chunks(len(session)):
            gradient, relus = guided_gradient(session, rows)
            cam = _map(session, rows, chosen)
            cam = session.kind.spread(cam, gradient) if session.kind.axes(gradient) else cam[:, None]
            parts.append(gradient * cam.to(gradient.dtype))
        run = {**chosen.run(), "rectifiers": relus}
        options = {"layer": chosen.name, **noted(reshape)}
        return session.explanation("guided_gradcam", torch.cat(parts), "input", options=options, run=run)


def _map(session: Session, rows: Tensor, layer: MapLayer) -> Tensor:
    """Return the Grad-CAM map of some rows in input size: (n, H, W), (n, T), (n, C, T) or (n, D, H, W)."""
    maps, gradient = (
        layer.channels_first(part).float() for part in session.gradient_at(session.inputs[rows], rows, layer.name)
    )
    cam = (gradient.flatten(2).mean(2).view(*maps.shape[:2], *(1,) * (maps.ndim - 2)) * maps).sum(1, keepdim=True)
    sides = maps.ndim - 2
    shape = session.inputs.shape
    steps_last = sides == 1 and _steps_last(session, layer)
    size = shape[2:] if sides == 3 or steps_last else session.kind.positions(session.inputs)
    wide = interpolate(cam.relu(), size=tuple(size), mode=MODES[sides], align_corners=False)
    # Of a series (N, C, T), whose positions the kind of input takes for its first axis, every channel gets the map.
    return wide.expand(-1, shape[1], -1).contiguous() if steps_last else wide[:, 0]


def _layer(session: Session, layer: str | None, reshape: Reshape | None) -> MapLayer:
    inputs = session.inputs
    if not inputs.is_floating_point() or len(inputs.shape[2:]) not in MODES:
        raise LayerError("layer", expected="a network with (C, H, W) feature maps", got="none")
    chosen = map_layer(session, layer, reshape)
    if len(chosen.grid) != len(inputs.shape[2:]):
        wanted = f"a grid with as many sides as the inputs have, {len(inputs.shape[2:])}"
        raise InputError("reshape", expected=wanted, got=f"{chosen.grid}")
    return chosen


def _steps_last(session: Session, layer: MapLayer) -> bool:
    """Say whether series are (N, C, T): where the kind does not know, convolutions run along the last axis."""
    return type(session.kind) is TensorInput and layer.steps_last
