"""What a small change of each value of a row is measured in."""

from __future__ import annotations

from torch import Tensor

from xai.lime.summary import TrainingSummary
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["noise_scale_of"]

ENOUGH = 20  # more rows than so many say how far a column spreads


def noise_scale_of(session: Session, explanation: Explanation) -> tuple[Tensor, str]:
    """Return what the noise of each value is measured in, of the inputs' shape, and its name."""
    inputs, training, rows_of_data = session.inputs, explanation.options.get("background"), explanation.background
    if isinstance(training, dict):
        spread = inputs.new_tensor(TrainingSummary.load(training).spread(session.kind.names))
        return spread.expand_as(inputs), "a column's standard deviation in training"
    rows, whose = None, ""
    if rows_of_data is not None and len(rows_of_data) > 1:  # rows of data; of one baseline nothing spreads
        rows, whose = rows_of_data.to(inputs).flatten(0, 1), "its background"
    elif len(inputs) > ENOUGH:
        rows, whose = inputs, "the explained rows"
    return session.kind.noise_scale(inputs, rows, whose)
