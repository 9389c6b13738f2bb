"""The units of a row that a map ranks: pixels of an image, columns of a table, steps of a series, words of a text."""

from __future__ import annotations

from torch import Tensor

from xai.base.resizing import resized
from xai.evidence.against_controls import rival_maps
from xai.inputs.base import Input
from xai.inputs.tensor import Activations, TensorInput
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["explained_layer", "rivals_of", "unit_scores"]


def explained_layer(explanation: Explanation) -> str | None:
    """Return the layer whose output was explained in place of the input, None where it was the input.

    Grad-CAM reads a layer, and still is a map of the input.
    """
    return explanation.options.get("run", {}).get("explains")


def unit_scores(explanation: Explanation, row: int, input: Input | None = None) -> Tensor:
    """Return what the explanation gives to each unit of a row, in float32.

    Shape (H, W) for an image, whose units are pixels (channels summed), (D, H, W) for a volume; (units,) for the
    columns of a table, the words of a text, and the steps or windows of a series, whose channels are summed. Of a
    layer, places of feature maps are like pixels, units like columns. input: the kind of what the model reads; None
    takes it for tensors.
    """
    values, layer = explanation.values[row].detach().float(), explained_layer(explanation)
    kind, seen = (input or TensorInput(), explanation.inputs) if layer is None else (Activations(), values[None])
    axes = kind.axes(seen)
    if explanation.over == "segments" or (len(axes) == 2 and layer is None):
        return explanation[row].heatmap()[0]
    if values.ndim == 1:
        return values
    if len(axes) < 2:
        return values.reshape(len(values), -1).sum(1)
    return values if values.ndim == len(axes) else values.sum(0)


def rivals_of(session: Session, row: int, scores: Tensor) -> dict[str, Tensor]:
    """Return maps of the size of a row's scores that never saw the network, by name; see `rival_maps`.

    Of feature maps they are made from the image that the layer saw; none where it saw something else.
    """
    seen = session.raw_inputs[row : row + 1]
    if scores.ndim == 1 or session.model.input.axes(seen) != tuple(range(2, 2 + scores.ndim)):
        return {}
    same = seen.shape[2:] == scores.shape
    return rival_maps(scores, (seen if same else resized(seen, scores.shape))[0])
