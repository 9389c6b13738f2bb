"""What a check says of maps that it cannot tell anything about."""

from __future__ import annotations

from torch import Tensor

from xai.evidence.similarity import LEAST_VALUES
from xai.results.explanation import Explanation
from xai.results.finding import Finding

__all__ = ["same_everywhere", "too_few_values", "untestable_rows"]


def untestable_rows(check: str, explanation: Explanation, threshold: float, reason: object) -> list[Finding]:
    """Return the same finding for every row: the check could not be made, for this reason."""
    return [Finding(check, "untestable", None, threshold, "none", f"Untestable: {reason}") for _ in explanation.target]


def too_few_values(check: str, values: Tensor, threshold: float, control: str) -> Finding | None:
    """Return why a map of so few values cannot be compared by their order, or None where it can."""
    if values.numel() >= LEAST_VALUES:
        return None
    text = f"Untestable: the order of {values.numel()} values is too often alike by chance."
    return Finding(check, "untestable", None, threshold, control, text)


def same_everywhere(check: str, values: Tensor, threshold: float, control: str) -> Finding | None:
    """Return that a map marks nothing, or None where it does."""
    if not bool((values == values.flatten()[0]).all()):
        return None
    text = "The map is the same everywhere: it marks nothing that weights could change."
    return Finding(check, "fail", 1.0, threshold, control, text)
