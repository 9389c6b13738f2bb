"""Methods that read the feature maps of a layer: of a convolution, or of tokens that are patches of the input."""

from __future__ import annotations

import torch
from torch import Tensor

from xai.attribution.coarse_maps import Layers, chosen_layers, maps_and_gradient, of_layers
from xai.attribution.gradient_rules import guided_gradient
from xai.base.errors import names_errors
from xai.model.layer_maps import over_inputs
from xai.model.map_layers import MapLayer, Reshape
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["gradcam", "guided_gradcam"]


@names_errors("gradcam")
def gradcam(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    layer: Layers = None,
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
            before the last attention: behind it the patches have no gradient. Of several layers it is the mean of their
            maps, each divided by its largest value.
        reshape: Where the patches are among the layer's tokens, where that is not found: (tokens before them, H, W), or
            a function from what the layer puts out to (N, C, H, W).
        batch_size: How many inputs at a time; None chooses it.

    Returns:
        values: (N, H, W), (N, T), (N, C, T) or (N, D, H, W), at least 0, resized linearly from the layer's grid. The
        options name the layer, its grid (a map cannot be finer; of several `grids`, by name), the tokens that stand
        before it and, where it runs several times, the call that was read, the last one.

    Raises:
        LayerError: The layer does not exist, puts out no maps, or which axes are rows and columns is not known.
        InputError: Where the patches are among tokens is not known, or `reshape` does not fit.

    Source: Selvaraju et al. 2017, arXiv:1610.02391.

    >>> network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 2))
    >>> gradcam(Model(network), torch.rand(3, 1, 8, 8)).values.shape
    torch.Size([3, 8, 8])
    """
    with model.explaining("gradcam", inputs, target, batch_size=batch_size) as session:
        return of_layers(session, "gradcam", chosen_layers(session, layer, reshape), _mean_weighted)


@names_errors("guided_gradcam")
def guided_gradcam(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    layer: Layers = None,
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
        chosen = chosen_layers(session, layer, reshape)
        parts = []
        for rows in session.chunks(len(session)):
            gradient, relus = guided_gradient(session, rows)
            cam = chosen.map(session, rows, _mean_weighted)
            parts.append(gradient * over_inputs(session, cam, gradient).to(gradient.dtype))
        run = {**chosen.run(), "relus": relus}
        return session.explanation("guided_gradcam", torch.cat(parts), "input", options=chosen.options(), run=run)


def _mean_weighted(session: Session, rows: Tensor, layer: MapLayer) -> Tensor:
    maps, gradient = maps_and_gradient(session, rows, layer)
    return torch.einsum("nc,nc...->n...", gradient.flatten(2).mean(2), maps)
