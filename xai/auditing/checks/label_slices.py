"""Wrong labels in a slice of the rows, such as those of one city or above a limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from xai.auditing.checks.slices import coded, paths_of
from xai.auditing.finding_figures import table
from xai.auditing.rates import LEAST
from xai.auditing.row_features import Features, attributes, dense
from xai.auditing.scores import ONE_CLASS
from xai.auditing.sentences import plain_number
from xai.auditing.split import Split
from xai.auditing.verdicts import Measured, Untestable
from xai.base.statistics import ALPHA
from xai.model.model import Model

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.linear_model import LogisticRegression

__all__ = ["label_slices"]

DEPTH, SHARE, TREES, FOLDS, MOST_ROWS = 3, 0.05, 30, 5, 4000
TAILS = (0.05, 0.1, 0.15, 0.2, 0.3)  # shares of the rows in the lower and upper end of a column


class Slice(NamedTuple):
    """Which rows are in it (N,), and its conditions in words."""

    inside: np.ndarray
    name: str


def label_slices(model: Model, parts: Sequence[Split], made: Features, seed: int) -> Measured:
    """Return the slice of all rows in which labels contradict predictions more than hard rows explain.

    In each of five folds, the other four choose the slice with the most surprising labels by a linear model, which is
    too simple to fit the noise of a slice. On the rows of the fifth two things must hold. Simple models that learned
    outside the slice err in it beyond what their own confidence admits, by more than they do elsewhere, so that it is
    not just hard, nor the models too sure everywhere; and models that learned inside err more than models of as many
    rows of elsewhere do there, so that it does not follow a rule of its own. The score is the smaller of the two.
    """
    if parts[0].task not in ONE_CLASS:
        raise Untestable("one_label_per_row")
    labels = np.concatenate([part.labels.numpy() for part in parts])
    if len(labels) < 8 * LEAST:
        raise Untestable("few_rows_for_slices", rows=len(labels))
    order = np.random.default_rng(seed).permutation(len(labels))[:MOST_ROWS]
    labels = labels[order]
    if min(np.bincount(labels)[np.unique(labels)]) < FOLDS or len(np.unique(labels)) < 2:
        raise Untestable("rare_class", folds=FOLDS)
    columns = pd.concat([attributes(model, part.inputs) for part in parts], ignore_index=True)
    numbers, words = coded(columns.iloc[order])
    rows = Rows(_stacked(made)[order], labels, numbers, words, made.words)
    surprise = _surprise(rows, seed)
    if not (surprise > 0).any():
        return Measured(0.0, (0.0, 0.0), {}, {}, "none")
    simple = _simple_slices(numbers, words)
    found = [_in_fold(rows, simple, surprise, fold, seed) for fold in range(FOLDS)]
    return _measured([item for item in found if item is not None])


class Rows(NamedTuple):
    """Rows in random order: what simple models learn from (N, D), their labels (N,), and columns to cut slices from."""

    values: np.ndarray | csr_matrix
    labels: np.ndarray
    numbers: np.ndarray
    words: list[tuple[str, str | None]]
    texts: bool

    @property
    def fold(self) -> np.ndarray:
        return np.arange(len(self.labels)) % FOLDS


def _stacked(made: Features) -> np.ndarray | csr_matrix:
    """Return the columns of all parts, one below the other."""
    from scipy.sparse import vstack

    if made.words:
        return vstack(made.parts).tocsr()
    return np.concatenate([dense(part) for part in made.parts])


def _surprise(rows: Rows, seed: int) -> np.ndarray:
    """Return for each row 1 where a cross-validated linear model is wrong, minus its stated probability of an error."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    learner = LogisticRegression(max_iter=100, tol=1e-3)
    found = cross_val_predict(learner, rows.values, rows.labels, cv=folds, method="predict_proba")
    return (np.unique(rows.labels)[found.argmax(1)] != rows.labels) - (1 - found.max(1))


class Contradicted(NamedTuple):
    """One fold: what the slice is called, how its rows and those of elsewhere fare, by which model.

    Of the model from outside: whether it errs (`wrong`) and how likely it said that was (`admitted`), in the slice and
    elsewhere (`usual_wrong`, `usual_admitted`). `inside`: errors of the model from inside on the slice; `elsewhere`:
    those of one from as many rows of elsewhere, there.
    """

    name: str
    wrong: np.ndarray
    admitted: np.ndarray
    usual_wrong: np.ndarray
    usual_admitted: np.ndarray
    inside: np.ndarray
    elsewhere: np.ndarray


def _in_fold(rows: Rows, simple: list[Slice], surprise: np.ndarray, fold: int, seed: int) -> Contradicted | None:
    """Return the errors of a fold's rows in the slice that the other folds choose; None where it has too few rows."""
    known, new = rows.fold != fold, rows.fold == fold
    chosen = _most_surprising([*simple, *_leaves(rows, surprise, known, seed)], surprise, known)
    if chosen is None or not (chosen.inside & new).any() or not (~chosen.inside & new).any():
        return None
    inside, outside = chosen.inside & known, ~chosen.inside & known
    # Who learns from more errs less: at home and elsewhere as many rows are learned from.
    size = int(min(inside.sum(), outside.sum()))
    parts = outside, _drawn(inside, size, seed), _drawn(outside, size, seed)
    without, within, alike = (_learned(rows, part, seed) for part in parts)
    if without is None or within is None or alike is None:
        return None
    here, there = chosen.inside & new, ~chosen.inside & new
    wrong, admitted = _errors(without, rows, here)
    usual_wrong, usual_admitted = _errors(without, rows, there)
    at_home, elsewhere = _errors(within, rows, here)[0], _errors(alike, rows, there)[0]
    return Contradicted(chosen.name, wrong, admitted, usual_wrong, usual_admitted, at_home, elsewhere)


def _drawn(part: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Return so many of the rows of a part (N,), drawn at random."""
    drawn = np.random.default_rng(seed).permutation(np.flatnonzero(part))[:size]
    return np.isin(np.arange(len(part)), drawn)


def _learned(rows: Rows, part: np.ndarray, seed: int) -> LogisticRegression | ExtraTreesClassifier | None:
    if rows.texts and len(np.unique(rows.labels[part])) < 2:
        return None  # a linear model needs two classes
    return _learner(rows, seed).fit(rows.values[part], rows.labels[part])


def _errors(
    learner: LogisticRegression | ExtraTreesClassifier, rows: Rows, part: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return where a learner errs on some rows (n,), and how likely it says that is (n,)."""
    probabilities = learner.predict_proba(rows.values[part])
    return learner.classes_[probabilities.argmax(1)] != rows.labels[part], 1 - probabilities.max(1)


def _measured(found: list[Contradicted]) -> Measured:
    """Return what the folds say together."""
    from scipy.stats import ttest_1samp

    if not found:
        raise Untestable("errors_follow_nothing")
    wrong, admitted, usual_wrong, usual_admitted, inside, elsewhere = (
        np.concatenate([getattr(item, name) for item in found]).astype(np.float64) for name in Contradicted._fields[1:]
    )
    if min(len(wrong), len(elsewhere)) < LEAST:
        raise Untestable("errors_follow_nothing")
    usual, too_sure = float(elsewhere.mean()), float((usual_wrong - usual_admitted).mean())
    # A right and a wrong answer more, so that there is never no variation.
    ends = [
        ttest_1samp(np.append(item, ends), 0).confidence_interval(1 - ALPHA)
        for item, ends in ((wrong - admitted - too_sure, [-1.0, 1.0]), (inside - usual, [-usual, 1 - usual]))
    ]
    scores = float((wrong - admitted).mean()) - too_sure, float(inside.mean() - usual)
    low, high = min(float(end.low) for end in ends), min(float(end.high) for end in ends)
    names = Counter(item.name for item in found)
    facts = {
        "slice": names.most_common(1)[0][0], "rows": len(wrong), "wrong": wrong.mean(), "admitted": admitted.mean(),
        "inside": inside.mean(), "elsewhere": usual, "folds": FOLDS,
    }  # fmt: skip
    lines = [
        {
            "chosen slice": item.name, "rows": len(item.wrong), "wrong": float(item.wrong.mean()),
            "admitted": float(item.admitted.mean()), "wrong within": float(item.inside.mean()),
            "wrong elsewhere": float(item.elsewhere.mean()),
        }
        for item in found
    ]  # fmt: skip
    details = {"tables": [table("Slices whose labels contradict the others, by fold", lines)]}
    return Measured(min(scores), (low, high), facts, details)


def _simple_slices(numbers: np.ndarray, words: list[tuple[str, str | None]]) -> list[Slice]:
    """Return the ends of each column, and the rows of each word."""
    found = []
    for index, (name, word) in enumerate(words):
        column = numbers[:, index]
        if word is not None:
            found.append(Slice(column > 0, f"{name} is {word}"))
            continue
        for share in TAILS:
            low, high = np.quantile(column, [share, 1 - share])
            found += [
                Slice(column <= low, f"{name} ≤ {plain_number(low, 4)}"),
                Slice(column > high, f"{name} > {plain_number(high, 4)}"),
            ]
    return found


def _leaves(rows: Rows, surprise: np.ndarray, known: np.ndarray, seed: int) -> list[Slice]:
    """Return the leaves of a tree that learns where known labels are surprising: slices of several conditions."""
    from sklearn.tree import DecisionTreeRegressor

    smallest = max(LEAST, round(SHARE * int(known.sum())))
    tree = DecisionTreeRegressor(max_depth=DEPTH, min_samples_leaf=smallest, random_state=seed)
    leaves = tree.fit(rows.numbers[known], surprise[known]).apply(rows.numbers)
    return [Slice(leaves == leaf, name) for leaf, name in paths_of(tree, rows.words).items()]


def _most_surprising(candidates: list[Slice], surprise: np.ndarray, known: np.ndarray) -> Slice | None:
    """Return the slice whose known labels are most certainly more surprising than the others."""
    best, largest = None, -np.inf
    least = max(LEAST, round(SHARE * int(known.sum())))
    for candidate in candidates:
        inside, outside = surprise[candidate.inside & known], surprise[~candidate.inside & known]
        if min(len(inside), len(outside)) < least:
            continue
        standard_error = np.sqrt(inside.var() / len(inside) + outside.var() / len(outside))
        certain = (inside.mean() - outside.mean()) / max(float(standard_error), 1e-12)
        if certain > largest:
            best, largest = candidate, certain
    return best


def _learner(rows: Rows, seed: int) -> LogisticRegression | ExtraTreesClassifier:
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.linear_model import LogisticRegression

    if rows.texts:
        return LogisticRegression(max_iter=300, tol=1e-3)
    return ExtraTreesClassifier(TREES, random_state=seed)
