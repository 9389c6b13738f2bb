"""Where wrong labels are: in one direction, from a class to another, or in a slice of the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xai.auditing.audit_data import Split
from xai.auditing.checks.label_errors import Suspects
from xai.auditing.checks.slices import coded, paths_of
from xai.auditing.finding_figures import table
from xai.auditing.kinds import class_names
from xai.auditing.rates import LEAST
from xai.auditing.row_features import Features, attributes
from xai.auditing.scores import ONE_CLASS
from xai.auditing.verdicts import Measured, Untestable
from xai.base.statistics import ALPHA, newcombe
from xai.model.model import Model

if TYPE_CHECKING:
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.linear_model import LogisticRegression

__all__ = ["label_direction", "label_slices"]

DEPTH, SHARE, TREES, FOLDS, MOST_ROWS = 3, 0.05, 60, 3, 3000
SHOWN = 10


class Direction(NamedTuple):
    """The share of rows of one label that look like another class, in both parts; the interval is of the difference."""

    label: str
    like: str
    train: float
    held_out: float
    low: float
    high: float

    @property
    def more(self) -> float:
        """Return by how much the share is larger where the model learned."""
        return self.train - self.held_out


def label_direction(model: Model, suspects: Suspects) -> Measured:
    """Return how many rows that have one label look like another class, more in the training than the held-out part."""
    if suspects.control is None:
        raise Untestable("no_second_part")
    names = class_names(model, suspects.outputs)
    pairs = [(i, j) for i in range(len(names)) for j in range(len(names)) if i != j]
    found = []
    for label, like in pairs:
        counts = []
        for part in (suspects.own, suspects.control):
            having = part.labels == label
            counts += [int((part.suspect & having & (part.predicted == like)).sum()), int(having.sum())]
        if min(counts[1], counts[3]) < LEAST:
            continue
        low, high = newcombe(*counts, 1 - ALPHA / len(pairs))
        found.append(Direction(names[label], names[like], counts[0] / counts[1], counts[2] / counts[3], low, high))
    if not found:
        raise Untestable("small_groups", least=LEAST, unit="rows of a label")
    found.sort(key=lambda one: (-one.low, -one.more))
    worst = found[0]
    facts = {"label": worst.label, "like": worst.like, "train": worst.train, "held_out": worst.held_out}
    lines = [
        {
            "labelled": one.label, "looks like": one.like, "learned from": one.train, "held out": one.held_out,
            "more": one.more, "low": one.low, "high": one.high,
        }
        for one in found[:SHOWN]
    ]  # fmt: skip
    details = {"tables": [table("Labels that look like another class, by direction", lines)]}
    return Measured(worst.more, (worst.low, worst.high), facts, details)


def label_slices(model: Model, split: Split, suspects: Suspects, made: Features, seed: int) -> Measured:
    """Return in which slice of the rows labels contradict what all others say, beyond what is hard to tell.

    A tree on one half of the rows finds slices with surprising labels; on the other half two things must hold.
    Simple models that learned outside the slice err in it more than their own confidence admits, so that it is not just
    hard; and models that learn inside the slice err more than elsewhere, so that it does not follow a rule of its own.
    The score is the smaller one of the two.
    """
    from sklearn.tree import DecisionTreeRegressor

    if split.task not in ONE_CLASS:
        raise Untestable("one_label_per_row")
    if len(split) < 8 * LEAST:
        raise Untestable("few_rows_for_slices", rows=len(split))
    suspect, surprise = suspects.own.suspect, suspects.own.surprise
    if suspect.min() == suspect.max():
        return Measured(0.0, (0.0, 0.0), {}, {}, "none")
    numbers, words = coded(attributes(model, split.inputs))
    half, other = np.array_split(np.random.default_rng(seed).permutation(len(split)), 2)
    tree = DecisionTreeRegressor(
        max_depth=DEPTH, min_samples_leaf=max(LEAST, round(SHARE * len(half))), random_state=seed
    ).fit(numbers[half], surprise[half])
    leaves, names = tree.apply(numbers), paths_of(tree, words)
    chosen = sorted(names, key=lambda leaf: -surprise[half][leaves[half] == leaf].mean())[:2]
    found = []
    for leaf in chosen:
        inside, measured = np.flatnonzero(leaves == leaf), other[leaves[other] == leaf]
        if min(len(measured), len(split) - len(inside)) >= LEAST:
            found.append((names[leaf], _contradicted(split, made, inside, measured, len(chosen), seed)))
    if not found:
        raise Untestable("errors_follow_nothing")
    name, worst = max(found, key=lambda item: item[1]["low"])
    lines = [{"slice": called, **numbers} for called, numbers in found]
    details = {"tables": [table("Slices whose labels contradict the others", lines)]}
    facts = {"slice": name, **worst, "slices": len(found)}
    return Measured(worst["score"], (worst["low"], worst["high"]), facts, details)


def _contradicted(
    split: Split, made: Features, inside: np.ndarray, measured: np.ndarray, slices: int, seed: int
) -> dict[str, float]:
    """Return how far the labels of measured rows contradict models from outside, and how far models inside fail."""
    from scipy.stats import ttest_1samp
    from sklearn.model_selection import KFold, cross_val_predict

    values, labels = made.parts[0], split.labels.numpy()
    draw = np.random.default_rng(seed)
    outside = draw.permutation(np.setdiff1d(np.arange(len(labels)), inside))[:MOST_ROWS]
    learner = _learner(made, seed).fit(values[outside], labels[outside])
    found = learner.predict_proba(values[measured])
    wrong = learner.classes_[found.argmax(1)] != labels[measured]
    beyond = wrong - (1 - found.max(1))
    folds = KFold(FOLDS, shuffle=True, random_state=seed)
    own = cross_val_predict(_learner(made, seed), values[inside], labels[inside], cv=folds) != labels[inside]
    usual = cross_val_predict(_learner(made, seed), values[outside], labels[outside], cv=folds) != labels[outside]
    more = np.concatenate([own - usual.mean(), [0.0, 0.0]])  # never without variation
    ends = [ttest_1samp(item, 0).confidence_interval(1 - ALPHA / slices) for item in (np.append(beyond, 0.0), more)]
    scores = float(beyond.mean()), float(own.mean() - usual.mean())
    return {
        "rows": len(inside), "wrong": float(wrong.mean()), "admitted": float(1 - found.max(1).mean()),
        "inside": float(own.mean()), "elsewhere": float(usual.mean()), "score": min(scores),
        "low": float(min(end.low for end in ends)), "high": float(min(end.high for end in ends)),
    }  # fmt: skip


def _learner(made: Features, seed: int) -> LogisticRegression | ExtraTreesClassifier:
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.linear_model import LogisticRegression

    if made.words:
        return LogisticRegression(max_iter=300, tol=1e-3)
    return ExtraTreesClassifier(TREES, random_state=seed)
