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
    "complexity": CheckWords(
        "A linear model and a tree of depth 4 learned the same task, and answered the same held-out rows.",
        "Where the gain is small, consider the model that a person can read: it needs no explanation.",
        "Not that no better readable model exists; two were tried, with one setting each.",
    ),
    "calibration": CheckWords(
        "Held-out rows were sorted by how sure the model is, and each of 15 bins was compared with its share of right "
        "answers. The temperature of one half of the rows was tried on the other.",
        "Divide the logits by the temperature named above, fitted on rows that are used for nothing else.",
        "Confidence can be right on average and wrong for a group of rows; the chapter on bias looks at groups.",
    ),
    "data": CheckWords(
        "Rows of both parts were compared number by number. For labels, trees (a linear model for texts) learned "
        "crosswise, so that each row was judged by others alone. Distances are to the five nearest training rows.",
        "Look at the rows that are listed, by their number in the data. A row in both parts makes the score too good; "
        "take it out of one.",
        "A label that contradicts the inputs may be right: then the inputs do not hold the reason.",
    ),
}  # fmt: skip


def finding_title(name: str) -> str:
    """Return what a finding is called in a report.

    >>> finding_title("bias.equal_opportunity")
    'Equal opportunity'
    """
    return name.partition(".")[2].replace("_", " ").capitalize() or name.capitalize()
