"""The family of Grad-CAM: other ways to weigh the feature maps of a layer, or of several layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from xai.attribution.map_layers import MapLayer, map_layer
from xai.base.errors import InputError, LayerError, describe, names_errors
from xai.model.model import Model
from xai.model.session import Session
from xai.network.hooks import recording, run_recorded
from xai.results.explanation import Explanation

__all__ = ["gradcam_plus_plus", "hirescam", "layercam", "of_layers", "scorecam"]

Layers = str | Sequence[str] | None
Weigh = Callable[[Session, Tensor, MapLayer], Tensor]  # (session, rows (n,), layer) -> coarse maps (n, h, w)


@names_errors("gradcam_plus_plus")
def gradcam_plus_plus(
    model: Model, inputs: object, target: object = None, *, layer: Layers = None, batch_size: int | None = None
) -> Explanation:
    """Return the feature maps of a layer weighted so that each place of an object counts alike, in input size.

    A map's weight is the sum of its positive gradients, each by how much its place matters to the exponential of the
    score; where several objects of a class are seen, Grad-CAM favors the largest.

    Args:
        model: What is explained.
        inputs: Images (N, C, H, W).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        layer: As for `gradcam`; of several, the mean of their maps, each divided by its largest value.
        batch_size: How many inputs at a time; None chooses it.

    Returns:
        values: (N, H, W), at least 0, resized bilinearly from the layer's grid.

    Raises:
        LayerError: The layer does not exist, puts out no maps, or which axes are rows and columns is not known.

    Source: Chattopadhay et al. 2018, arXiv:1710.11063.

    >>> network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 2))
    >>> gradcam_plus_plus(Model(network), torch.rand(3, 1, 8, 8)).values.shape
    torch.Size([3, 8, 8])
    """
    return _explained("gradcam_plus_plus", model, inputs, target, layer, batch_size, _plus_plus)


@names_errors("layercam")
def layercam(
    model: Model, inputs: object, target: object = None, *, layer: Layers = None, batch_size: int | None = None
) -> Explanation:
    """Return the feature maps of a layer, each place weighted by its own positive gradient, in input size.

    Finer than Grad-CAM in early layers, whose maps lie in many places at once.

    Args:
        model: What is explained.
        inputs: Images (N, C, H, W).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        layer: As for `gradcam`; of several, the mean of their maps, each divided by its largest value.
        batch_size: How many inputs at a time; None chooses it.

    Returns:
        values: (N, H, W), at least 0, resized bilinearly from the layer's grid.

    Raises:
        LayerError: The layer does not exist, puts out no maps, or which axes are rows and columns is not known.

    Source: Jiang et al. 2021, doi:10.1109/TIP.2021.3089943.

    >>> network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 2))
    >>> layercam(Model(network), torch.rand(3, 1, 8, 8)).values.shape
    torch.Size([3, 8, 8])
    """
    return _explained("layercam", model, inputs, target, layer, batch_size, _positive)


@names_errors("hirescam")
def hirescam(
    model: Model, inputs: object, target: object = None, *, layer: Layers = None, batch_size: int | None = None
) -> Explanation:
    """Return the feature maps of a layer times their gradient, summed, negative parts cut, in input size.

    Unlike Grad-CAM it marks only places that raise the score, where one linear layer follows the maps.

    Args:
        model: What is explained.
        inputs: Images (N, C, H, W).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        layer: As for `gradcam`; of several, the mean of their maps, each divided by its largest value.
        batch_size: How many inputs at a time; None chooses it.

    Returns:
        values: (N, H, W), at least 0, resized bilinearly from the layer's grid.

    Raises:
        LayerError: The layer does not exist, puts out no maps, or which axes are rows and columns is not known.

    Source: Draelos, Carin 2020, arXiv:2011.08891.

    >>> network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 2))
    >>> hirescam(Model(network), torch.rand(3, 1, 8, 8)).values.shape
    torch.Size([3, 8, 8])
    """
    return _explained("hirescam", model, inputs, target, layer, batch_size, _elementwise)


@names_errors("scorecam")
def scorecam(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    layer: Layers = None,
    baseline: object = "zero",
    batch_size: int | None = None,
) -> Explanation:
    """Return the feature maps of a layer weighted by the score of the input seen through each of them, in input size.

    It takes no gradient. Each channel's map, resized and brought to 0..1, is a mask on the input; the channels' weights
    are the softmax of the scores. It costs a pass for each channel.

    Args:
        model: What is explained.
        inputs: Images (N, C, H, W).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        layer: As for `gradcam`; of several, the mean of their maps, each divided by its largest value.
        baseline: What stands where a mask is 0: "zero", "mean", "noise", "blur", a number, or a tensor.
        batch_size: How many evaluations at a time; None chooses it.

    Returns:
        values: (N, H, W), at least 0, resized bilinearly from the layer's grid.

    Raises:
        LayerError: The layer does not exist, puts out no maps, or which axes are rows and columns is not known.

    Source: Wang et al. 2020, arXiv:1910.01279.

    >>> network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 2))
    >>> scorecam(Model(network), torch.rand(3, 1, 8, 8)).values.shape
    torch.Size([3, 8, 8])
    """
    with model.explaining("scorecam", inputs, target, batch_size=batch_size) as session:
        start, name = session.baseline(baseline)
        return of_layers(session, "scorecam", layer, lambda *asked: _scored(*asked, start), {"baseline": name})


def _explained(
    name: str, model: Model, inputs: object, target: object, layer: Layers, batch_size: int | None, weigh: Weigh
) -> Explanation:
    with model.explaining(name, inputs, target, batch_size=batch_size) as session:
        return of_layers(session, name, layer, weigh, {})


def of_layers(session: Session, method: str, layer: Layers, weigh: Weigh, options: dict[str, object]) -> Explanation:
    """Return the explanation by the maps of one layer, or by the mean of several layers' maps of one height.

    weigh: makes coarse maps (n, h, w) of rows (n,) from a layer; their negative parts are cut.
    """
    if len(session.kind.axes(session.inputs)) != 2:
        raise LayerError("layer", expected="a network with (C, H, W) feature maps", got="none")
    several = not isinstance(layer, str) and layer is not None
    names = list(layer) if isinstance(layer, Sequence) and several else [layer]
    if not names or (several and not all(isinstance(name, str) for name in names)):
        raise InputError("layer", expected="the name of a layer, or several", got=describe(layer))
    chosen = [map_layer(session, name) for name in names]
    size = session.kind.positions(session.inputs)
    made = []
    for one in chosen:
        parts = [weigh(session, rows, one).relu() for rows in session.chunks(len(session))]
        wide = interpolate(torch.cat(parts)[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]
        if several:
            wide = wide / wide.amax((1, 2), keepdim=True).clamp_min(torch.finfo(wide.dtype).tiny)
        made.append(wide)
    values = torch.stack(made).mean(0)
    run = {"grids": {one.name: list(one.grid) for one in chosen}} if several else chosen[0].run()
    recorded_options = {"layer": [one.name for one in chosen] if several else chosen[0].name, **options}
    return session.explanation(
        method, values, "layer", baseline=options.get("baseline"), options=recorded_options, run=run
    )


def _maps(session: Session, rows: Tensor, layer: MapLayer) -> tuple[Tensor, Tensor]:
    """Return a layer's maps and the gradient of the scores there, (n, C, h, w)."""
    maps, gradient = session.gradient_at(session.inputs[rows], rows, layer.name)
    return _float(layer.channels_first(maps)), _float(layer.channels_first(gradient))


def _float(maps: Tensor) -> Tensor:
    maps = maps.dequantize() if maps.is_quantized else maps
    return maps.to(torch.promote_types(maps.dtype, torch.float32))


def _plus_plus(session: Session, rows: Tensor, layer: MapLayer) -> Tensor:
    maps, gradient = _maps(session, rows, layer)
    # Of the exponential of a score whose second derivatives are 0, the derivatives are powers of the gradient.
    below = 2 * gradient**2 + maps.sum((2, 3), keepdim=True) * gradient**3
    share = torch.where(below == 0, 0, gradient**2 / below)
    weights = (share * gradient.relu()).sum((2, 3), keepdim=True)
    return (weights * maps).sum(1)


def _positive(session: Session, rows: Tensor, layer: MapLayer) -> Tensor:
    maps, gradient = _maps(session, rows, layer)
    return (gradient.relu() * maps).sum(1)


def _elementwise(session: Session, rows: Tensor, layer: MapLayer) -> Tensor:
    maps, gradient = _maps(session, rows, layer)
    return (gradient * maps).sum(1)


def _scored(session: Session, rows: Tensor, layer: MapLayer, start: Tensor) -> Tensor:
    maps = _put_out(session, rows, layer)
    low, high = maps.amin((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)
    shown = torch.where(high > low, (maps - low) / (high - low), 0)  # a map that is the same everywhere shows nothing
    size, channels = session.kind.positions(session.inputs), maps.shape[1]
    scores = torch.empty(len(rows) * channels, dtype=torch.float64, device=maps.device)
    for part in torch.arange(len(scores), device=maps.device).split(session.plan.batch_size):
        position, channel = part // channels, part % channels
        mask = interpolate(shown[position, channel][:, None], size=size, mode="bilinear", align_corners=False)
        own, reference = session.inputs[rows[position]], start[rows[position]]
        scores[part] = session.scores(reference + mask.to(own.dtype) * (own - reference), rows[position])
    weights = scores.view(-1, channels).softmax(1).to(maps.dtype)
    return torch.einsum("nc,nchw->nhw", weights, maps)


def _put_out(session: Session, rows: Tensor, layer: MapLayer) -> Tensor:
    """Return a layer's maps without a gradient, (n, C, h, w)."""
    network, batch = session.plan.network, session.inputs[rows]
    recorder = recording(network, [layer.name], stop=layer.calls == 1)
    with torch.no_grad(), recorder as recorded, session.model.memory.rows.padded(len(batch)) as ours:
        run_recorded(lambda: session.model.forward_on(network, batch), recorded, [layer.name])
    return _float(layer.channels_first(recorded[layer.name][ours]))
