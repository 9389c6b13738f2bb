"""The units of a row that a map ranks: pixels of an image, columns of a table, steps of a series, words of a text."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import interpolate

from xai.evidence.against_controls import rival_maps
from xai.model.session import Case
from xai.results.explanation import Explanation

__all__ = ["explained_layer", "rivals_of", "unit_scores"]


def explained_layer(explanation: Explanation) -> str | None:
    """Return the layer whose output was explained in place of the input, None where it was the input.

    Grad-CAM reads a layer, and still is a map of the input.
    """
    return explanation.options.get("run", {}).get("explains")


def unit_scores(explanation: Explanation, row: int) -> Tensor:
    """Return what the explanation gives to each unit of a row, in float32.

    Shape (H, W) for an image, whose units are pixels (channels summed); (units,) for the columns of a table, the
    words of a text, and the steps or stretches of a series, whose channels are summed. Of a layer, places of feature
    maps are like pixels, units like columns.
    """
    values = explanation.values[row].detach().float()
    if explanation.over == "segments" or (explanation.inputs.ndim == 4 and explained_layer(explanation) is None):
        return explanation[row].heatmap()[0]
    if values.ndim == 3:
        return values.sum(0)
    return values if values.ndim == 1 else values.reshape(len(values), -1).sum(1)


def rivals_of(case: Case, row: int, scores: Tensor) -> dict[str, Tensor]:
    """Return maps of the size of a row's scores that never saw the network, by name; see `rival_maps`.

    Of feature maps (H, W) they are made from the image that the layer saw; none where it saw something else.
    """
    seen = (case.inputs if case.given is None else case.given)[row : row + 1]
    if scores.ndim != 2 or seen.ndim != 4:
        return {}
    if seen.shape[2:] != scores.shape:
        seen = interpolate(seen, size=scores.shape, mode="bilinear", align_corners=False)
    return rival_maps(scores, seen[0])
