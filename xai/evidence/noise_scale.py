"""What a small change of each value of a row, and its distance from what is absent, are measured in.

Both ask the data behind an explanation first, then the model's input. Where neither says how far values spread, there
are two rules, since no third one serves both:

- Noise must be small beside what it is added to. So each value is its own measure, unless many rows are explained
  together: their spread is a better one, above all of columns far from 0. A row's noise is drawn at random in any case,
  so that it may depend on the rows beside it.
- A distance becomes a rival map, which a verdict rests on. Measured by the value itself, all values that 0 stands for
  would be equally far away, and the rival would say nothing: each column counts in its own units. Measured by the rows
  beside it, the verdict on a row would depend on which others were explained in the same call.
"""

from __future__ import annotations

import torch
from torch import Tensor

from xai.evidence.map_scores import explained_layer
from xai.lime.training_summary import TrainingSummary
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["difference_scale", "noise_scale_of"]

ENOUGH = 20  # more rows than so many say how far a column spreads


def noise_scale_of(session: Session, explanation: Explanation) -> tuple[Tensor, str]:
    """Return what the noise of each value is measured in, of the inputs' shape, and its name.

    Where no data say it: more than `ENOUGH` rows that are explained together, else each value itself.
    """
    std = _in_training(session, explanation)
    if std is not None:
        return std, "a column's standard deviation in training"
    rows, whose = _data(session, explanation), "its background"
    if rows is None and len(session) > ENOUGH:
        rows, whose = session.inputs, "the explained rows"
    return session.kind.noise_scale(session.inputs, rows, whose)


def difference_scale(session: Session, explanation: Explanation) -> Tensor | None:
    """Return what differences of each value are measured in, (N, ...), None for words and for what a layer puts out.

    Where no data say it: a column's own units, never the rows that happen to be explained together.
    """
    inputs = session.inputs
    if not inputs.is_floating_point() or explained_layer(explanation) is not None:
        return None
    std, rows = _in_training(session, explanation), _data(session, explanation)
    if std is not None:
        return std
    if rows is None:
        rows = torch.stack([torch.zeros_like(inputs[0]), torch.full_like(inputs[0], 2**0.5)])  # a deviation of 1
    return session.kind.noise_scale(inputs, rows)[0]


def _in_training(session: Session, explanation: Explanation) -> Tensor | None:
    """Return the standard deviations of the columns that an explanation's training data had; None where it has none."""
    training = explanation.options.get("background")
    if not isinstance(training, dict):
        return None
    std = session.inputs.new_tensor(TrainingSummary.load(training).spread(session.kind.names))
    return std.expand_as(session.inputs)


def _data(session: Session, explanation: Explanation) -> Tensor | None:
    """Return the rows of data behind an explanation, (B, ...); None for a single baseline, which has no spread."""
    rows = explanation.background
    return None if rows is None or len(rows) < 2 else rows.to(session.inputs).flatten(0, 1)
