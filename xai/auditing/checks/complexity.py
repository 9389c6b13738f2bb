"""Complexity: what the model gains over models that a person can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from xai.auditing.finding_figures import bars, table
from xai.auditing.kinds import class_names
from xai.auditing.row_features import Features, features
from xai.auditing.scores import SCORES, quality
from xai.auditing.split import Prepared, Split
from xai.auditing.verdicts import Measured, Untestable, tested
from xai.base.statistics import bootstrap_mean
from xai.model.model import Model
from xai.results.finding import Finding

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    Linear = LogisticRegression | Ridge
    Tree = DecisionTreeClassifier | DecisionTreeRegressor

__all__ = ["complexity"]

FOLDS = 5
DEPTH = 4  # of the tree: at most 16 answers, each behind 4 questions
LISTED = 12


def complexity(model: Model, data: Prepared, *, seed: int = 0) -> list[Finding]:
    """Return what the model gains on held-out rows over a linear model and a tree of depth 4 on the same task.

    Both are fitted to the training rows or, where there are none, cross-validated on the held-out ones. The score is
    the model's score minus that of the better of the two, row by row.
    """
    return [tested("complexity.gain", _gain, model, data.held_out, data.train, seed)]


def _gain(model: Model, held_out: Split, train: Split | None, seed: int) -> Measured:
    if held_out.task == "multilabel":
        raise Untestable("several_labels")
    if any(part.labels.unique(dim=0).shape[0] < 2 for part in (held_out, train) if part is not None):
        raise Untestable("one_answer")
    made = features(model, (train or held_out).inputs, held_out.inputs)
    linear, tree = _simple_models(held_out.task != "regression", seed)
    scores = _scores_of({"linear model": linear, "small tree": tree}, made, held_out, train, seed)
    scored = held_out.quality.numpy()
    best = max(scores, key=lambda kind: scores[kind].mean())
    gain = float((scored - scores[best]).mean())
    label = SCORES[held_out.task]
    means = {"the model": float(scored.mean()), **{kind: float(values.mean()) for kind, values in scores.items()}}
    details: dict[str, object] = {
        "scores": means, "best": best, "features": made.made,
        "panels": [bars(f"{label} on held-out rows", "", label, {"score": list(means.values())}, list(means))],
    }  # fmt: skip
    readable = _readable(linear, tree, made, class_names(model, held_out.outputs))
    details |= {"raw": readable} if made.words else readable
    facts = {
        "score": label, "quality": means["the model"], "gain": abs(gain), "best": best, "simple": means[best],
        "depth": DEPTH, "features": made.made,
    }  # fmt: skip
    return Measured(gain, bootstrap_mean(scored - scores[best], seed), facts, details, "text" if gain >= 0 else "less")


def _simple_models(one_class: bool, seed: int) -> tuple[Linear, Tree]:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if one_class:
        linear = LogisticRegression(max_iter=300, tol=1e-3)
        return linear, DecisionTreeClassifier(max_depth=DEPTH, random_state=seed)
    return Ridge(), DecisionTreeRegressor(max_depth=DEPTH, random_state=seed)


def _scores_of(
    simple: dict[str, Linear | Tree], made: Features, held_out: Split, train: Split | None, seed: int
) -> dict[str, np.ndarray]:
    """Fit each simple model, and return what each held-out row adds to its score."""
    from sklearn.model_selection import cross_val_predict

    labels = (train or held_out).labels.numpy()
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    folds = _folds(labels, held_out.task, seed) if train is None else None
    scores = {}
    for kind, learner in simple.items():
        if train is None:
            predicted = cross_val_predict(learner, made.parts[1], labels, cv=folds)
            learner.fit(made.parts[1], labels)
        else:
            predicted = learner.fit(made.parts[0], labels).predict(made.parts[1])
        if held_out.task == "regression":
            numbers = torch.as_tensor(np.asarray(predicted, dtype=np.float64).reshape(len(held_out), -1))
            scores[kind] = quality(numbers, held_out.labels, "regression").numpy()
        else:
            scores[kind] = (predicted == held_out.labels.numpy()).astype(np.float64)
    return scores


def _folds(labels: np.ndarray, task: str, seed: int) -> object:
    from sklearn.model_selection import KFold, StratifiedKFold

    if task == "regression":
        return KFold(FOLDS)
    members = np.sort(np.bincount(labels))[::-1]
    if members[1] < FOLDS:
        raise Untestable("few_to_learn", folds=FOLDS)
    # A class with fewer rows is in some folds only, which scikit-learn warns of.
    rare = members[members > 0].min() < FOLDS
    return KFold(FOLDS, shuffle=True, random_state=seed) if rare else StratifiedKFold(FOLDS)


def _readable(linear: Linear, tree: Tree, made: Features, classes: list[str]) -> dict[str, object]:
    from sklearn.tree import export_text

    text = export_text(tree, feature_names=list(made.names), max_depth=DEPTH)
    weights = _weights(linear, made.names, classes)
    return {
        "tables": [table("Largest weights of the linear model", weights)],
        "texts": [{"title": "The small tree, to be followed by hand", "text": text}],
    }


def _weights(linear: Linear, names: tuple[str, ...], classes: list[str]) -> list[dict[str, object]]:
    """Return the largest weights, of a classifier with the class that each speaks for."""
    weights = np.atleast_2d(linear.coef_)
    known = getattr(linear, "classes_", None)
    order = np.argsort(-np.abs(weights), axis=None, kind="stable")[:LISTED]
    lines = []
    for flat in order:
        row, column = divmod(int(flat), weights.shape[1])
        line: dict[str, object] = {"column": names[column], "weight": float(weights[row, column])}
        if known is not None:
            line["speaks for"] = classes[int(known[1] if len(known) == 2 else known[row])]
        lines.append(line)
    return lines
