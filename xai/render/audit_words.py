"""What a reader is told about each check of an audit: how it was tested, what to do about it, what it does not say."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["AUDIT_WORDS", "CheckWords", "finding_title"]


class CheckWords(NamedTuple):
    """how: what was done. act: what to do where it does not hold. limits: what it cannot say."""

    how: str
    act: str
    limits: str


AUDIT_WORDS: dict[str, CheckWords] = {
    "performance": CheckWords(
        "The model answered held-out rows and, where they are at hand, rows that it learned from. Intervals come from "
        "drawing the rows anew, 999 times.",
        "A gap to the training rows calls for more data, a stronger regularizer or an earlier stop; a class that is "
        "hardly found, for more rows of it or another weight in the loss.",
        "Held-out rows speak for new ones only where those come from the same source.",
    ),
}  # fmt: skip


def finding_title(name: str) -> str:
    """Return what a finding is called in a report.

    >>> finding_title("bias.equal_opportunity")
    'Equal opportunity'
    """
    return name.partition(".")[2].replace("_", " ").capitalize() or name.capitalize()
