"""Complexity: what the model gains over models that a person can read."""

from __future__ import annotations

import numpy as np

from xai.auditing.audit_data import Prepared
from xai.auditing.correctness import SCORES, quality
from xai.auditing.finding_figures import bars, table
from xai.auditing.limits import judge, untestable
from xai.auditing.row_features import features
from xai.base.statistics import bootstrap_mean
from xai.model.model import Model
from xai.results.finding import Finding

__all__ = ["complexity"]

FOLDS = 5
DEPTH = 4  # of the tree: at most 16 answers, each behind 4 questions
LISTED = 12


def complexity(model: Model, data: Prepared, *, seed: int = 0) -> list[Finding]:
    """Return what the model gains on held-out rows over a linear model and a tree of depth 4 on the same task.

    Both learn from the training rows, or where there are none, crosswise from the held-out ones. The score is the
    model's score minus that of the better of the two, row by row.
    """
    import torch
    from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
    from sklearn.tree import export_text

    name = "complexity.gain"
    rows, train = data.held_out, data.train
    if rows.task == "multilabel":
        return [untestable(name, "rows with several labels each would need a simple model per label.")]
    if rows.labels.unique(dim=0).shape[0] < 2 or (train is not None and train.labels.unique(dim=0).shape[0] < 2):
        return [untestable(name, "there is only one answer to learn.")]
    learn = rows if train is None else train
    made = features(model, learn.inputs, rows.inputs)
    goals, answers, scores, text = learn.labels.numpy(), rows.labels, {}, {}
    single = rows.task != "regression"
    goals = goals if single or goals.shape[1] > 1 else goals[:, 0]
    simple = _simple_models(single, seed)
    split = KFold(FOLDS)
    if single and train is None:
        members = np.sort(np.bincount(goals))[::-1]
        if members[1] < FOLDS:
            return [untestable(name, f"without training rows, two classes need {FOLDS} rows to learn crosswise.")]
        # A class with fewer rows is in some folds only, which scikit-learn warns of.
        split = (
            StratifiedKFold(FOLDS)
            if members[members > 0].min() >= FOLDS
            else KFold(FOLDS, shuffle=True, random_state=seed)
        )
    for kind, learner in simple.items():
        if train is None:
            said = cross_val_predict(learner, made.parts[1], goals, cv=split)
            learner.fit(made.parts[1], goals)
        else:
            said = learner.fit(made.parts[0], goals).predict(made.parts[1])
        if single:
            scores[kind] = (said == answers.numpy()).astype(np.float64)
        else:
            said = torch.as_tensor(np.asarray(said, dtype=np.float64).reshape(len(rows), -1))
            scores[kind] = quality(said, answers, "regression").numpy()
    text["tree"] = export_text(simple["small tree"], feature_names=list(made.names), max_depth=DEPTH)
    own = rows.quality.numpy()
    best = max(scores, key=lambda kind: scores[kind].mean())
    gain = float((own - scores[best]).mean())
    interval = bootstrap_mean(own - scores[best], seed)
    label = SCORES[rows.task]
    means = {"the model": float(own.mean()), **{kind: float(values.mean()) for kind, values in scores.items()}}
    readable = {
        "tables": [table("Largest weights of the linear model", _weights(model, simple["linear model"], made.names))],
        "texts": [{"title": "The small tree, to be followed by hand", "text": text["tree"]}],
    }
    details: dict[str, object] = {
        "scores": means, "best": best, "features": made.made,
        "panels": [bars(f"{label} on held-out rows", "", label, {"score": list(means.values())}, list(means))],
        **({"raw": readable} if made.words else readable),
    }  # fmt: skip
    control = f"a linear model and a tree of depth {DEPTH} on {made.made}"
    verdict = f"{abs(gain):.3f} {'more' if gain >= 0 else 'less'} than the {best} that a person can read"
    sentence = f"The model's {label} is {means['the model']:.3f}, {verdict} ({means[best]:.3f})."
    return [judge(name, gain, interval, control, sentence, details)]


def _simple_models(single: bool, seed: int) -> dict[str, object]:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if single:
        linear = LogisticRegression(max_iter=300, tol=1e-3)
        return {"linear model": linear, "small tree": DecisionTreeClassifier(max_depth=DEPTH, random_state=seed)}
    return {"linear model": Ridge(), "small tree": DecisionTreeRegressor(max_depth=DEPTH, random_state=seed)}


def _weights(model: Model, linear: object, names: tuple[str, ...]) -> list[dict[str, object]]:
    """Return the largest weights, of a classifier with the class that each speaks for."""
    weights = np.atleast_2d(linear.coef_)
    known = getattr(linear, "classes_", None)
    order = np.argsort(-np.abs(weights), axis=None, kind="stable")[:LISTED]
    lines = []
    for place in order:
        row, column = divmod(int(place), weights.shape[1])
        line: dict[str, object] = {"column": names[column], "weight": float(weights[row, column])}
        if known is not None:
            number = int(known[1] if len(known) == 2 else known[row])
            line["speaks for"] = model.classes[number] if model.classes else str(number)
        lines.append(line)
    return lines
