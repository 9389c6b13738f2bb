"""What a reader is told about each check of an audit: how it was tested, what to do about it, what it does not say."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["AUDIT_WORDS", "COMPARISON_WORDS", "CheckWords", "finding_title"]


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
    "bias": CheckWords(
        "Each group was compared with all other rows: how often it gets an answer, how often a row of a class is "
        "found, how often the answer is wrong. Slices are where the model errs more often than it admits; a tree found "
        "them on half of the rows, and they were measured on the other half.",
        "Ask first whether the difference is in the labels already. Then weigh the groups in training, set a threshold "
        "for each group, or take the columns out that stand for it (proxies).",
        "Which difference is unjust. Groups that differ in what they need may rightly get different answers.",
    ),
    "shortcuts": CheckWords(
        "Each part of an input (a column, a cell, a stretch, a word) was pasted from a row with another answer; marks "
        "were planted on all rows: bright and dark ones, ones that the network's gradient suggests, pieces of other "
        "images, extreme and repeated values of a column. Explanations were measured inside and outside, and a tree "
        "tried to tell the label from one part alone.",
        "Look at rows with and without the part. Take it out, or train with it on rows of every class.",
        "That there is no other shortcut: one that is spread over the input, or a mark of another kind, goes unseen.",
    ),
    "robustness": CheckWords(
        "Held-out rows were changed at random at four sizes, and moved against the gradient of the right answer in "
        "five steps. A few rows were explained before and after.",
        "Train with such changes (augmentation, noise), or refuse inputs that are as bad.",
        "How a better attacker, or a change that was not tried, would do.",
    ),
    "explanations": CheckWords(
        "Rows drawn at random were explained (integrated gradients of images and series, LIME of tables and texts), "
        "and every check of xai.verify tried to refute each explanation.",
        "Do not show explanations of the refuted kind to anyone who decides by them; try another method.",
        "A supported explanation says where the model looks, not that it looks there for a good reason.",
    ),
    "inside": CheckWords(
        "Held-out rows were sent through the network and its units recorded. A unit is dead when no answer has a "
        "gradient in it. Copies were pruned and quantized and scored on the same rows.",
        "Dead units call for a smaller learning rate, another initialization or a leaky activation; what can be left "
        "out, for a smaller network.",
        "A unit that is dead on these rows may wake up on others.",
    ),
    "data": CheckWords(
        "Rows of both parts were compared number by number. For labels, trees (a linear model for texts) learned "
        "crosswise, so that each row was judged by others alone. Distances are to the five nearest training rows.",
        "Look at the rows that are listed, by their number in the data. A row in both parts makes the score too good; "
        "take it out of one.",
        "A label that contradicts the inputs may be right: then the inputs do not hold the reason.",
    ),
}  # fmt: skip

NOISE = (
    "With replicas of A (the same recipe, other seeds), B must stand apart from all other versions further than they "
    "do: its p-value is its rank among them. Without replicas, rows alone are drawn anew, which says nothing of "
    "retraining."
)

COMPARISON_WORDS: dict[str, CheckWords] = {
    "predictions": CheckWords(
        f"All versions answered the same rows. {NOISE} Groups are tested together.",
        "Read the rows below: if B is right more often there, the change is the gain; if not, look at the group that "
        "changed most. Add replicas (--retrain, --replica) where there are none.",
        "That answers which stayed the same are right, or given for the same reasons.",
    ),
    "errors": CheckWords(
        "Right and wrong answers were compared row by row, in all rows, by protected column and right answer, and in "
        f"slices that a tree found on half of the rows and that the other half measured. {NOISE}",
        "An average that holds can hide a group that pays for it: weigh that group in training, or prune and quantize "
        "less where its rows depend on it.",
        "Errors in groups that no column names, or of fewer than 20 rows.",
    ),
    "confidence": CheckWords(
        "Answers were sorted by how sure each version is and compared with the share that is right, in 15 bins of "
        f"equally many rows. {NOISE}",
        "Fit a temperature for B on rows that are used for nothing else; a threshold chosen for A need not suit B.",
        "Which single answers can be relied on.",
    ),
    "explanations": CheckWords(
        "Rows drawn at random were explained for the answer of A, by every version and one method (integrated "
        "gradients of images and series, LIME of tables and texts, occlusion where a version has no gradient); what "
        f"was compared is the order in which the values rank. {NOISE}",
        "Where reasons moved and answers did not, look at both maps: B may have found a shortcut, or A had one.",
        "Which of two explanations is right; both can be wrong about their models: audit each.",
    ),
}

# Where the name behind the dot would not do by itself.
COMPARISON_TITLES = {
    "predictions.changed": "Answers changed",
    "predictions.shifted": "Probability moved",
    "predictions.by_group": "Answers by group",
    "errors.by_group": "Errors by group",
    "errors.by_slice": "Errors by slice",
    "explanations.moved": "Explanations moved",
}


def finding_title(name: str) -> str:
    """Return what a finding is called in a report.

    >>> finding_title("bias.equal_opportunity")
    'Equal opportunity'
    """
    return COMPARISON_TITLES.get(name) or name.partition(".")[2].replace("_", " ").capitalize() or name.capitalize()
