"""What a layer sees at each position of one image: the image that fits its activations there."""

from __future__ import annotations

from typing import Unpack

import torch
from torch.nn.functional import adaptive_avg_pool2d

from xai.base.arguments import whole_number
from xai.base.errors import names_errors
from xai.model.model import Model
from xai.results.visualization import Visualization
from xai.visualization.ascent import visualize
from xai.visualization.feature_maps import feature_maps
from xai.visualization.objectives import direction
from xai.visualization.settings import VisualizeSettings

__all__ = ["activation_grid", "grid_shape"]

LEAST = 1e-6  # a position where nothing is active has no direction


@names_errors("activation_grid")
def activation_grid(
    model: Model, image: object, layer: str, *, cells: int = 7, **settings: Unpack[VisualizeSettings]
) -> tuple[Visualization, torch.Tensor]:
    """Return one visualization per position, row by row, and how active each position is, (rows, columns) from 0 to 1.

    A position's activations are a direction in the layer; what is shown excites the layer in that direction. Maps with
    more than `cells` positions a side are averaged down. settings are those of `visualize`. Source: Olah et al. 2018,
    doi:10.23915/distill.00010.
    """
    whole_number("cells", cells, 1)
    maps = feature_maps(model, image, [layer])[layer]
    rows, columns = _shape(maps, cells)
    positions = adaptive_avg_pool2d(maps, (rows, columns)).flatten(1).T  # (positions, C)
    strength = positions.norm(dim=1)
    vectors = [vector if float(vector.norm()) > LEAST else torch.ones_like(vector) for vector in positions]
    made = visualize(model, [direction(layer, vector) for vector in vectors], **settings)
    return made, (strength / strength.max().clamp_min(LEAST)).view(rows, columns)


def grid_shape(model: Model, image: object, layer: str, cells: int = 7) -> tuple[int, int]:
    """Return how many rows and columns a grid of a layer has; raises LayerError for a layer without maps."""
    return _shape(feature_maps(model, image, [layer])[layer], whole_number("cells", cells, 1))


def _shape(maps: torch.Tensor, cells: int) -> tuple[int, int]:
    height, width = maps.shape[1:]
    return min(cells, height), min(cells, width)
