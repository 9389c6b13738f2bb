"""Completeness: where a method promises that its values add up to the change of the output, do they?"""

from __future__ import annotations

from xai.evidence.similarity import status_of
from xai.model.model import Model
from xai.results.explanation import Explanation
from xai.results.finding import Finding

__all__ = ["FAILS_ABOVE", "PASSES_BELOW", "completeness"]

PASSES_BELOW, FAILS_ABOVE = 0.01, 0.05
SAYS = {"pass": "Adds up", "warn": "Adds up only roughly", "fail": "Does not add up"}


def completeness(model: Model, explanation: Explanation, *, seed: int = 0) -> list[Finding]:
    """Return one finding per row: by what share do the values miss the sum that their method promises?

    Read from `completeness_error` in the diagnostics, where methods such as integrated gradients write it; untestable
    for methods that promise no sum. It costs nothing, and says nothing about where the values lie: a map with the same
    values at other places adds up as well. An error over 1 % warns, one over 5 % fails.
    """
    more = (
        ' More steps come nearer; steps="auto" takes as many as are needed.' if "steps" in explanation.options else ""
    )
    return [_finding(diagnosis.get("completeness_error"), more) for diagnosis in explanation.diagnostics]


def _finding(error: float | None, more: str) -> Finding:
    control = "a map of zeros, which misses the whole change: 100 %"
    if error is None:
        text = "Untestable: the method does not promise that its values add up."
        return Finding("completeness", "untestable", None, PASSES_BELOW, "none", text)
    status = status_of(error, PASSES_BELOW, FAILS_ABOVE)
    text = f"{SAYS[status]}: the values miss the change of the output from the baseline by {100 * error:.2g} %."
    if status != "pass":
        text += more
    return Finding("completeness", status, error, PASSES_BELOW, control, text)
