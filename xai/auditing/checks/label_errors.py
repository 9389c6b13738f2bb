"""Labels that contradict those of similar rows: they are wrong, or the inputs do not determine the label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from xai.auditing.row_features import Features
from xai.auditing.scores import ONE_CLASS
from xai.auditing.split import Split
from xai.auditing.verdicts import Measured, Untestable
from xai.base.statistics import ALPHA, wilson

if TYPE_CHECKING:
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.linear_model import LogisticRegression

__all__ = ["LISTED", "ContradictedLabels", "Suspects", "confident_errors", "find_suspects", "label_errors"]

FOLDS, TREES = 5, 100
LISTED = 20
REDRAWN = 199  # samples
FEWEST_BESIDE = 20  # held-out rows that are no training rows


def confident_errors(probability: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return for each row (N,) whether its label is likely to be wrong, by confident learning; probabilities (N, K).

    It is where the probability of another class reaches its mean over the rows labelled so, and that of the row's own
    label does not reach its mean. The probabilities must come from a model that had not seen the row.
    Source: Northcutt, Jiang and Chuang 2021, arXiv:1911.00068.

    >>> confident_errors(np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.95, 0.05]]), np.array([0, 0, 1, 1]))
    array([False, False, False,  True])
    """
    means = [probability[labels == k, k].mean() if (labels == k).any() else np.inf for k in range(probability.shape[1])]
    above = np.where(probability >= np.array(means), probability, -1.0)
    best = above.argmax(1)
    return (above.max(1) >= 0) & (best != labels) & (above[np.arange(len(labels)), labels] < 0)


@dataclass(frozen=True)
class ContradictedLabels:
    """Labels of a part (N,), which of them contradict similar rows, what is predicted for them, and by what margin.

    probability (N, K): of simple models that were not fitted to the row.
    """

    labels: np.ndarray
    suspect: np.ndarray
    predicted: np.ndarray
    margin: np.ndarray
    probability: np.ndarray

    def redrawn(self, draw: np.random.Generator) -> np.ndarray:
        """Return the share of suspects in bootstrap samples (R,); each sample has class means of its own."""
        count = len(self.labels)
        chosen = draw.integers(count, size=(REDRAWN, count))
        return np.array([confident_errors(self.probability[rows], self.labels[rows]).mean() for rows in chosen])


@dataclass(frozen=True)
class Suspects:
    """What simple models say of the labels: of the training part (else the held-out one), and of the held-out part."""

    tested: ContradictedLabels
    control: ContradictedLabels | None
    outputs: int


def find_suspects(
    held_out: Split, train: Split | None, made: Features, seed: int, duplicates: np.ndarray | None = None
) -> Suspects:
    """Return which labels contradict the cross-validated predictions of simple models.

    duplicates (N,): held-out rows that are, almost, training rows: models may have memorized their labels, so they are
    no control and are left out.
    """
    if held_out.task not in ONE_CLASS:
        raise Untestable("one_label_per_row")
    split = train or held_out
    labels = split.labels.numpy()
    members = [count for count in np.bincount(labels) if count]
    if len(members) < 2:
        raise Untestable("labels_all_equal")
    if min(members) < 2:
        raise Untestable("single_row")
    probability, learner = _cross_validated(made, labels, int(min(FOLDS, *members)), held_out.outputs, seed)
    tested = _contradictions(probability, labels)
    if train is None:
        return Suspects(tested, None, held_out.outputs)
    # The control is the held-out part, compared with models fitted to the training part. Where the inputs do not
    # determine the label, they do not do so there either.
    other = _all_classes(learner.predict_proba(made.parts[1]), np.asarray(learner.classes_), held_out.outputs)
    unseen = np.ones(len(held_out), dtype=bool) if duplicates is None else ~duplicates
    return Suspects(tested, _contradictions(other[unseen], held_out.labels.numpy()[unseen]), held_out.outputs)


def _contradictions(probability: np.ndarray, labels: np.ndarray) -> ContradictedLabels:
    margin = probability.max(1) - probability[np.arange(len(labels)), labels] if len(labels) else np.zeros(0)
    suspect = confident_errors(probability, labels) if len(labels) else np.zeros(0, dtype=bool)
    return ContradictedLabels(labels, suspect, probability.argmax(1), margin, probability)


def label_errors(
    held_out: Split, train: Split | None, suspects: Suspects, seed: int
) -> dict[str, Measured | Untestable]:
    """Return the share of labels that contradict others, and how many more those are than in the held-out part."""
    split, tested = train or held_out, suspects.tested
    suspect = tested.suspect
    count, share = int(suspect.sum()), float(suspect.mean())
    order = np.argsort(-np.where(suspect, tested.margin, -1.0), kind="stable")[: min(LISTED, count)]
    listed = split.index[torch.from_numpy(order)].tolist()
    details = {
        "rows": listed, "labelled": tested.labels[order].tolist(), "predicted": tested.predicted[order].tolist(),
        "count": count, "part": "held_out" if train is None else "train",
    }  # fmt: skip
    facts = {"found": count, "rows": len(suspect), "share": share}
    all_of_them = Measured(share, wilson(count, len(suspect)), facts, details, at_most="warn")
    if suspects.control is None:
        return {"data.contradictions": all_of_them, "data.mislabeled": Untestable("no_second_part")}
    control = suspects.control.suspect
    if len(control) < FEWEST_BESIDE:
        return {
            "data.contradictions": all_of_them,
            "data.mislabeled": Untestable("only_duplicates", least=FEWEST_BESIDE),
        }
    usual = float(control.mean())
    draw = np.random.default_rng(seed)
    boots = tested.redrawn(draw) - suspects.control.redrawn(draw)
    low, high = np.quantile(boots, [ALPHA / 2, 1 - ALPHA / 2]) - (boots.mean() - (share - usual))
    facts = {"train": share, "held_out": usual}
    excess_share = Measured(share - usual, (float(low), float(high)), facts, {**facts, "rows": listed})
    return {"data.contradictions": all_of_them, "data.mislabeled": excess_share}


def _cross_validated(
    made: Features, labels: np.ndarray, folds: int, outputs: int, seed: int
) -> tuple[np.ndarray, LogisticRegression | ExtraTreesClassifier]:
    """Return cross-validated probabilities (N, K), and a model fitted to all rows."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    if made.words:
        learner = LogisticRegression(C=0.3, max_iter=300, tol=1e-3)
    else:
        learner = ExtraTreesClassifier(TREES, min_samples_leaf=2, max_features="sqrt", random_state=seed)
    split = StratifiedKFold(folds, shuffle=True, random_state=seed)
    found = cross_val_predict(learner, made.parts[0], labels, cv=split, method="predict_proba")
    learner.fit(made.parts[0], labels)
    return _all_classes(np.asarray(found), np.asarray(learner.classes_), outputs), learner


def _all_classes(found: np.ndarray, classes: np.ndarray, outputs: int) -> np.ndarray:
    whole = np.zeros((len(found), outputs))
    whole[:, classes] = found
    return whole
