"""Whether the values of an explanation have signs, so that bars, shaded words and sentences agree on it."""

from __future__ import annotations

from xai.evidence.claims import claim_of
from xai.results.explanation import Explanation

__all__ = ["is_signed"]


def is_signed(explanation: Explanation) -> bool:
    """Say whether a value below 0 of the first row would mean that a part lowers the answer."""
    return bool((explanation.values[0] < 0).any()) or claim_of(explanation) != "sensitivity"
