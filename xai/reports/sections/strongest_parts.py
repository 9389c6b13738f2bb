"""Which parts of one row speak most for an answer and against it, in a few names for a sentence."""

from __future__ import annotations

from typing import NamedTuple

from xai.plots.explanations import drawn_as
from xai.plots.series import present_steps
from xai.plots.signs import is_signed
from xai.plots.style import shortened
from xai.plots.translation import translate
from xai.reports.cards import part_names
from xai.results.explanation import Explanation

__all__ = ["StrongestParts", "strongest_parts"]

MOST_FOR, MOST_AGAINST = 3, 2
ENOUGH = 0.2  # of the largest value: less is not worth a name


class StrongestParts(NamedTuple):
    """Names of parts that raise and that lower; without signs all stand in `raise_`."""

    raise_: list[str]
    lower: list[str]
    signed: bool


def strongest_parts(explanation: Explanation) -> StrongestParts:
    """Return the parts of the first row that matter most; none whose sign is not sure, or that hardly count."""
    names, values = _named_values(explanation)
    top = max((abs(value) for value in values), default=0.0)
    sure = [True] * len(values)
    if explanation.standard_error is not None:
        low, high = explanation.interval()[0].flatten(1)
        sure = ((low > 0) | (high < 0)).tolist()
    order = sorted(range(len(values)), key=lambda index: -abs(values[index]))
    order = [index for index in order if sure[index] and abs(values[index]) >= ENOUGH * top > 0]
    raise_ = [shortened(names[index]) for index in order if values[index] > 0]
    lower = [shortened(names[index]) for index in order if values[index] < 0]
    return StrongestParts(raise_[:MOST_FOR], lower[:MOST_AGAINST], is_signed(explanation))


def _named_values(explanation: Explanation) -> tuple[list[str], list[float]]:
    """Return the name and value of every part; of a series, of each channel at each step that is no padding."""
    if drawn_as(explanation) != "series":
        names = part_names(explanation)
        if explanation.over == "tokens":
            names = [f"\u201c{name}\u201d" for name in names]
        return names, explanation.values[0].flatten().tolist()
    values = explanation.values[0][: present_steps(explanation.inputs[0])]
    channels = values.shape[1]
    names = explanation.names if len(explanation.names) == channels else [str(number) for number in range(channels)]
    named = [
        translate("{channel} at step {number}", channel=name, number=step)
        for step in range(len(values))
        for name in names
    ]
    return named, values.flatten().tolist()
