"""How the units of a row are hidden when a map's ranking is put to the test: what stands in their place."""

from __future__ import annotations

import torch
from torch import Tensor

from xai.inputs.hiding import Hiding
from xai.inputs.parts import Parts
from xai.lime.summary import TrainingSummary
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["unit_hiding"]


def unit_hiding(session: Session, explanation: Explanation, fill: object) -> tuple[Hiding, str] | None:
    """Return how units are hidden and what stands in their place, or None where that is not known for such inputs.

    fill: a name, number or tensor as for baselines. None is the blurred image; of all others what the explanation
    itself took for absent (the middle of its background, where that is several), else 0 in a table or a layer, and the
    mean over a series' time. Words of a text are taken out.
    """
    kind, inputs = session.kind, session.inputs
    labels = None if explanation.segments is None else explanation.segments.long()
    if not inputs.is_floating_point():
        instead = "" if labels is None else explanation.options.get("hide") or ""
        return kind.hiding(inputs, Parts(labels, "tokens"), instead), kind.called(instead, inputs)
    if not kind.axes(inputs):
        return None
    values, place = _background(session, explanation, fill)
    # A map's units are positions, also where it is one of segments; of steps they are the map's own windows.
    parts = Parts(labels if explanation.over == "steps" else None, explanation.over)
    return kind.hiding(inputs, parts, values[None]), place


def _background(session: Session, explanation: Explanation, fill: object) -> tuple[Tensor, str]:
    """Return what stands where a unit is hidden, (N, ...), and its name."""
    kind, inputs, training = session.kind, session.inputs, explanation.options.get("background")
    if fill is None and isinstance(training, dict):
        return _typical(TrainingSummary.load(training), inputs), "its mean or most frequent category in training"
    fill = kind.hides_by(inputs) if fill is None else fill
    if fill is None:
        if explanation.background is not None:
            given = torch.stack([session.baseline(part)[0] for part in explanation.background.to(inputs)])
            return kind.middle(given), "its baseline" if len(given) == 1 else f"the middle of {len(given)} rows of data"
        if isinstance(training, list | tuple):  # names of several baselines
            return kind.middle(session.background(training)[0]), f"the middle of {explanation.baseline}"
        fill = None if explanation.baseline in ("given", "data") else explanation.baseline
    values, name = session.baseline(kind.absent(inputs) if fill is None else fill)
    return values, kind.called(name, inputs)


def _typical(training: TrainingSummary, inputs: Tensor) -> Tensor:
    row = [
        column.mean if column.words is None else float(max(range(len(column.share)), key=column.share.__getitem__))
        for column in training.columns
    ]
    return inputs.new_tensor(row).expand_as(inputs)
