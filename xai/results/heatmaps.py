"""The maps of an explanation, one number for each pixel of an image or voxel of a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from xai.base.errors import InputError
from xai.base.resizing import resized

if TYPE_CHECKING:
    from xai.results.explanation import Explanation

__all__ = ["heatmaps_of"]


def heatmaps_of(explanation: Explanation) -> Tensor:
    """Return one signed map per row, (N, H, W), of volumes (N, D, H, W), in float32.

    Channels are summed, segments painted in. Of a layer, its feature maps, spread over the image.

    Raises:
        InputError: for values of features or words, and for units of a layer that are no feature maps.
    """
    if explanation.over == "segments" and explanation.segments is not None:
        painted = zip(explanation.values, explanation.segments, strict=True)
        return torch.stack([weights[area.long()] for weights, area in painted]).float()
    values, sides = explanation.values, explanation.inputs.shape[2:]  # of the picture that a map lies over
    run = explanation.options.get("run", {})
    if isinstance(values, Tensor) and len(sides) == 3 and "explains" not in run and values.ndim in (4, 5):
        heat = (values.sum(1) if values.ndim == 5 else values).float()
        return heat if heat.shape[1:] == sides else resized(heat[:, None], sides)[:, 0]
    if not isinstance(values, Tensor) or values.ndim not in (3, 4):
        got = f"values over {explanation.over}"
        raise InputError("explanation", expected="one of images", got=got, operation="heatmap")
    if explanation.over == "layer" and "tokens_before" in run and "explains" in run and len(sides) == 2:
        return _over_tokens(values, run["tokens_before"], run["grid"], sides)
    if "explains" in run and (values.ndim != 4 or len(sides) != 2):
        wanted = "feature maps (N, C, H, W) of a network of images; plot() draws other units as bars"
        got = f"a layer's values {tuple(values.shape)} for inputs {tuple(explanation.inputs.shape)}"
        raise InputError("explanation", expected=wanted, got=got, operation="heatmap")
    # Channels are summed: of a layer, the axis that is neither that of its rows nor of its columns.
    axes = run.get("axes", (2, 3)) if explanation.over == "layer" and len(sides) == 2 else (2, 3)
    (channels,) = {1, 2, 3} - set(axes)
    heat = (values.sum(channels) if values.ndim == 4 else values).float()
    return heat if len(sides) != 2 or heat.shape[1:] == sides else resized(heat[:, None], sides)[:, 0]


def _over_tokens(tokens: Tensor, before: int, grid: list[int], sides: tuple[int, ...]) -> Tensor:
    """Return the values of a layer's tokens (N, T, C) spread over the image, without those that are no patches."""
    patches = tokens[:, before : before + grid[0] * grid[1]].sum(2).float().unflatten(1, tuple(grid))
    return resized(patches[:, None], sides)[:, 0]
