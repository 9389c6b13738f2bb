"""The family of Grad-CAM: other ways to weigh the feature maps of a layer, or of several layers."""

from __future__ import annotations

import torch
from torch import Tensor

from xai.attribution.coarse_maps import (
    Layers,
    Weigh,
    chosen_layers,
    maps_and_gradient,
    of_layers,
)
from xai.base.errors import names_errors
from xai.model.layer_maps import in_input_size, over_inputs, put_out
from xai.model.map_layers import MapLayer, Reshape
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["gradcam_plus_plus", "hirescam", "layercam", "scorecam"]


@names_errors("gradcam_plus_plus")
def gradcam_plus_plus(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    layer: Layers = None,
    reshape: Reshape | None = None,
    batch_size: int | None = None,
) -> Explanation:
    """Return the feature maps of a layer weighted so that each position of an object counts alike, in input size.

    A map's weight is the sum of its positive gradients, each by how much its position matters to the exponential of the
    score; where several objects of a class are seen, Grad-CAM favors the largest.

    Args:
        model: What is explained.
        inputs: Images (N, C, H, W), series or volumes, as for `gradcam`.
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        layer: As for `gradcam`; of several, the mean of their maps, each divided by its largest value.
        reshape: Where the patches are among tokens, as for `gradcam`.
        batch_size: How many inputs at a time; None chooses it.

    Returns:
        values: (N, H, W), or as of `gradcam`, at least 0, resized linearly from the layer's grid.

    Raises:
        LayerError: The layer does not exist, puts out no maps, or which axes are rows and columns is not known.
        InputError: Where the patches are among tokens is not known, or `reshape` does not fit.

    Source: Chattopadhay et al. 2018, arXiv:1710.11063.

    >>> network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 2))
    >>> gradcam_plus_plus(Model(network), torch.rand(3, 1, 8, 8)).values.shape
    torch.Size([3, 8, 8])
    """
    return _explained("gradcam_plus_plus", model, inputs, target, layer, reshape, batch_size, _plus_plus)


@names_errors("layercam")
def layercam(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    layer: Layers = None,
    reshape: Reshape | None = None,
    batch_size: int | None = None,
) -> Explanation:
    """Return the feature maps of a layer, each position weighted by its own positive gradient, in input size.

    Finer than Grad-CAM in early layers, whose maps lie in many places at once.

    Args:
        model: What is explained.
        inputs: Images (N, C, H, W), series or volumes, as for `gradcam`.
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        layer: As for `gradcam`; of several, the mean of their maps, each divided by its largest value.
        reshape: Where the patches are among tokens, as for `gradcam`.
        batch_size: How many inputs at a time; None chooses it.

    Returns:
        values: (N, H, W), or as of `gradcam`, at least 0, resized linearly from the layer's grid.

    Raises:
        LayerError: The layer does not exist, puts out no maps, or which axes are rows and columns is not known.
        InputError: Where the patches are among tokens is not known, or `reshape` does not fit.

    Source: Jiang et al. 2021, doi:10.1109/TIP.2021.3089943.

    >>> network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 2))
    >>> layercam(Model(network), torch.rand(3, 1, 8, 8)).values.shape
    torch.Size([3, 8, 8])
    """
    return _explained("layercam", model, inputs, target, layer, reshape, batch_size, _positive)


@names_errors("hirescam")
def hirescam(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    layer: Layers = None,
    reshape: Reshape | None = None,
    batch_size: int | None = None,
) -> Explanation:
    """Return the feature maps of a layer times their gradient, summed, negative parts cut, in input size.

    Unlike Grad-CAM it marks only places that raise the score, where one linear layer follows the maps.

    Args:
        model: What is explained.
        inputs: Images (N, C, H, W), series or volumes, as for `gradcam`.
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        layer: As for `gradcam`; of several, the mean of their maps, each divided by its largest value.
        reshape: Where the patches are among tokens, as for `gradcam`.
        batch_size: How many inputs at a time; None chooses it.

    Returns:
        values: (N, H, W), or as of `gradcam`, at least 0, resized linearly from the layer's grid.

    Raises:
        LayerError: The layer does not exist, puts out no maps, or which axes are rows and columns is not known.
        InputError: Where the patches are among tokens is not known, or `reshape` does not fit.

    Source: Draelos, Carin 2020, arXiv:2011.08891.

    >>> network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 2))
    >>> hirescam(Model(network), torch.rand(3, 1, 8, 8)).values.shape
    torch.Size([3, 8, 8])
    """
    return _explained("hirescam", model, inputs, target, layer, reshape, batch_size, _elementwise)


@names_errors("scorecam")
def scorecam(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    layer: Layers = None,
    reshape: Reshape | None = None,
    baseline: object = "zero",
    batch_size: int | None = None,
) -> Explanation:
    """Return the feature maps of a layer weighted by the score of the input seen through each of them, in input size.

    It takes no gradient. Each channel's map, resized and brought to 0..1, is a mask on the input; the channels' weights
    are the softmax of the scores. It costs a pass for each channel.

    Args:
        model: What is explained.
        inputs: Images (N, C, H, W), series or volumes, as for `gradcam`.
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        layer: As for `gradcam`; of several, the mean of their maps, each divided by its largest value.
        reshape: Where the patches are among tokens, as for `gradcam`.
        baseline: What stands where a mask is 0: "zero", "mean", "noise", "blur", a number, or a tensor.
        batch_size: How many evaluations at a time; None chooses it.

    Returns:
        values: (N, H, W), or as of `gradcam`, at least 0, resized linearly from the layer's grid.

    Raises:
        LayerError: The layer does not exist, puts out no maps, or which axes are rows and columns is not known.
        InputError: Where the patches are among tokens is not known, or `reshape` does not fit.

    Source: Wang et al. 2020, arXiv:1910.01279.

    >>> network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 2))
    >>> scorecam(Model(network), torch.rand(3, 1, 8, 8)).values.shape
    torch.Size([3, 8, 8])
    """
    with model.explaining("scorecam", inputs, target, batch_size=batch_size) as session:
        start, name = session.baseline(baseline)
        chosen = chosen_layers(session, layer, reshape)
        return of_layers(session, "scorecam", chosen, lambda *asked: _scored(*asked, start), {"baseline": name})


def _explained(
    name: str,
    model: Model,
    inputs: object,
    target: object,
    layer: Layers,
    reshape: Reshape | None,
    batch_size: int | None,
    weigh: Weigh,
) -> Explanation:
    with model.explaining(name, inputs, target, batch_size=batch_size) as session:
        return of_layers(session, name, chosen_layers(session, layer, reshape), weigh)


def _plus_plus(session: Session, rows: Tensor, layer: MapLayer) -> Tensor:
    maps, gradient = maps_and_gradient(session, rows, layer)
    sides = tuple(range(2, maps.ndim))
    # Of the exponential of a score whose second derivatives are 0, the derivatives are powers of the gradient.
    below = 2 * gradient**2 + maps.sum(sides, keepdim=True) * gradient**3
    share = torch.where(below == 0, 0, gradient**2 / below)
    weights = (share * gradient.relu()).sum(sides, keepdim=True)
    return (weights * maps).sum(1)


def _positive(session: Session, rows: Tensor, layer: MapLayer) -> Tensor:
    maps, gradient = maps_and_gradient(session, rows, layer)
    return (gradient.relu() * maps).sum(1)


def _elementwise(session: Session, rows: Tensor, layer: MapLayer) -> Tensor:
    maps, gradient = maps_and_gradient(session, rows, layer)
    return (gradient * maps).sum(1)


def _scored(session: Session, rows: Tensor, layer: MapLayer, start: Tensor) -> Tensor:
    maps = put_out(session, rows, layer)
    sides, channels = tuple(range(2, maps.ndim)), maps.shape[1]
    low, high = maps.amin(sides, keepdim=True), maps.amax(sides, keepdim=True)
    shown = torch.where(high > low, (maps - low) / (high - low), 0)  # a map that is the same everywhere shows nothing
    scores = torch.empty(len(rows) * channels, dtype=torch.float64, device=maps.device)
    for part in torch.arange(len(scores), device=maps.device).split(session.plan.batch_size):
        position, channel = part // channels, part % channels
        seen, reference = session.inputs[rows[position]], start[rows[position]]
        mask = over_inputs(session, in_input_size(session, shown[position, channel], layer), seen)
        scores[part] = session.scores(reference + mask.to(seen.dtype) * (seen - reference), rows[position])
    weights = scores.view(-1, channels).softmax(1).to(maps.dtype)
    return torch.einsum("nc,nc...->n...", weights, maps)
