"""Leakage: one part of the input that alone gives the label away."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from xai.auditing.finding_figures import table
from xai.auditing.kinds import class_names, kind_of, texts_of
from xai.auditing.scores import balanced_skill
from xai.auditing.split import Split
from xai.auditing.triggers.regions import regions_of
from xai.auditing.verdicts import Measured, Untestable
from xai.base.statistics import bootstrap_confusion, bootstrap_mean
from xai.model.model import Model

__all__ = ["SkillEstimate", "leakage", "skill_of"]

MOST_ROWS, DEPTH, FOLDS, WORDS, TREES = 3000, 6, 3, 300, 40
LISTED, TRIED_WORDS, MOST_LABELS = 12, 20, 8


def leakage(model: Model, split: Split, seed: int) -> Measured:
    """Return how well one part alone predicts the label: a column, a word, a cell at the border, a window.

    A tree is cross-validated; the score is 0 for guessing and 1 for always right, R² for a regression. The control is
    fitted to the same part with shuffled labels.
    """
    split = split.sample(MOST_ROWS, seed)
    one_class = split.task != "regression"
    if len(split) < FOLDS:
        raise Untestable("few_rows_to_learn", folds=FOLDS)
    asked = _asked(model, split)
    quoted = kind_of(model, split.inputs) == "text"
    columns = _words(model, split) if quoted else _regions(model, split)
    if not columns or not asked:
        raise Untestable("nothing_to_tell")
    predicted = {
        (what, part): _predicted(values, labels, one_class, seed)
        for what, labels in asked.items()
        for part, values in columns.items()
    }
    skills = {pair: _skill(answers, asked[pair[0]], one_class) for pair, answers in predicted.items()}
    ordered = sorted(skills, key=lambda pair: -skills[pair])
    (what, part), skill = ordered[0], skills[ordered[0]]
    shuffled = np.random.default_rng(seed).permutation(asked[what])
    chance = _skill(_predicted(columns[part], shuffled, one_class, seed), shuffled, one_class)
    lines = [{**({"label": pair[0]} if pair[0] else {}), "part": pair[1], "skill": skills[pair]}
             for pair in ordered[:LISTED]]  # fmt: skip
    details = {"tables": [table("How far one part alone tells the label", lines)], "part": part, "label": what}
    facts = {"part": part, "skill": skill, "chance": chance, "label": f' "{what}"' if what else ""}
    interval = _interval(predicted[what, part], asked[what], one_class, seed)
    return Measured(skill, interval, facts, {"raw": details} if quoted else details, "word" if quoted else "text")


def _asked(model: Model, split: Split) -> dict[str, np.ndarray]:
    """Return the labels (N,) to tell by name; of several labels, each one that some rows have and some lack."""
    if split.task != "multilabel":
        labels = split.labels.numpy() if split.task != "regression" else split.labels[:, 0].numpy()
        if split.task != "regression" and min(np.bincount(labels)[np.unique(labels)]) < FOLDS:
            raise Untestable("rare_class", folds=FOLDS)
        return {"": labels} if len(np.unique(labels)) > 1 else {}
    found = {}
    for name, labels in zip(class_names(model, split.outputs), (split.labels > 0.5).long().numpy().T, strict=True):
        if min(labels.sum(), len(labels) - labels.sum()) >= FOLDS and len(found) < MOST_LABELS:
            found[name] = labels
    return found


class SkillEstimate(NamedTuple):
    """How well some numbers predict a label: 0 is guessing, 1 is always right; with an interval."""

    skill: float
    interval: tuple[float, float]


def skill_of(values: np.ndarray, split: Split, seed: int, *, jointly: bool = False) -> SkillEstimate:
    """Return how well a cross-validated tree predicts labels from values (N, d); Untestable for a rare class.

    jointly: by many random trees, since a single one sees nothing in columns that say something only together.
    """
    one_class = split.task != "regression"
    labels = split.labels.numpy() if one_class else split.labels[:, 0].numpy()
    if len(np.unique(labels)) < 2 or (one_class and min(np.bincount(labels)[np.unique(labels)]) < FOLDS):
        raise Untestable("rare_class", folds=FOLDS)
    if len(labels) < FOLDS:
        raise Untestable("few_rows_to_learn", folds=FOLDS)
    predicted = _predicted(values, labels, one_class, seed, jointly)
    return SkillEstimate(_skill(predicted, labels, one_class), _interval(predicted, labels, one_class, seed))


def _regions(model: Model, split: Split) -> dict[str, np.ndarray]:
    """Return the numbers (N, d) of each region that lies where no object should be."""
    return {
        region.name: region.values(split.inputs).double().numpy()
        for region in regions_of(model, split.inputs)
        if region.edge and region.values is not None
    }


def _words(model: Model, split: Split) -> dict[str, np.ndarray]:
    """Return for each of the most telling words whether a text has it."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.feature_selection import chi2

    counter = CountVectorizer(binary=True, token_pattern=None, tokenizer=str.split, lowercase=False, max_features=WORDS)
    texts = texts_of(model, split.inputs)
    if not any(map(str.split, texts)):
        return {}
    counts = counter.fit_transform(texts)
    names = counter.get_feature_names_out()
    labels = split.labels if split.task != "multilabel" else split.labels > 0.5
    if split.task == "regression":
        labels = labels[:, 0] > labels[:, 0].median()
    if len(labels.unique()) < 2:
        return {}
    first = np.argsort(-np.nan_to_num(chi2(counts, labels.numpy())[0]), kind="stable")[:TRIED_WORDS]
    return {str(names[word]): counts[:, [word]].toarray().astype(np.float64) for word in first}


def _predicted(values: np.ndarray, labels: np.ndarray, one_class: bool, seed: int, jointly: bool = False) -> np.ndarray:
    """Return labels (N,) as a cross-validated tree predicts them from values (N, d)."""
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
    from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if one_class:
        learner = DecisionTreeClassifier(
            max_depth=DEPTH, min_samples_leaf=3, class_weight="balanced", random_state=seed
        )
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    else:
        learner = DecisionTreeRegressor(max_depth=DEPTH, min_samples_leaf=10, random_state=seed)
        folds = KFold(FOLDS, shuffle=True, random_state=seed)
    if jointly:
        forest = ExtraTreesClassifier if one_class else ExtraTreesRegressor
        learner = forest(TREES, min_samples_leaf=3, random_state=seed)
    return cross_val_predict(learner, values, labels, cv=folds)


def _skill(predicted: np.ndarray, labels: np.ndarray, one_class: bool) -> float:
    if one_class:
        return float(balanced_skill(_confusion(predicted, labels)[None])[0])
    return float(1 - ((predicted - labels) ** 2).mean() / max(labels.var(), 1e-12))


def _interval(predicted: np.ndarray, labels: np.ndarray, one_class: bool, seed: int) -> tuple[float, float]:
    if one_class:
        return bootstrap_confusion(_confusion(predicted, labels), balanced_skill, seed)
    return bootstrap_mean(1 - (predicted - labels) ** 2 / max(labels.var(), 1e-12), seed)


def _confusion(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    from sklearn.metrics import confusion_matrix

    return confusion_matrix(labels, predicted, labels=np.unique(labels))
