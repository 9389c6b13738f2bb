"""Leakage: one part of the input that alone gives the label away."""

from __future__ import annotations

import numpy as np

from xai.auditing.audit_data import Rows
from xai.auditing.checks.performance import balanced_skill
from xai.auditing.finding_figures import table
from xai.auditing.limits import judge, untestable
from xai.auditing.row_features import texts_of
from xai.auditing.triggers.regions import parts_of
from xai.base.statistics import bootstrap_confusion, bootstrap_mean
from xai.model.model import Model
from xai.results.finding import Finding

__all__ = ["leakage"]

MOST_ROWS, DEPTH, FOLDS, WORDS = 3000, 6, 3, 300


def leakage(model: Model, rows: Rows, seed: int) -> Finding:
    """Return how well the label can be told from one part alone: a column, a word, a cell at the border, a stretch.

    A tree learns crosswise; the score is the way from guessing (0) to always right (1), R² for a regression. The
    control learns from the same part with the labels dealt at random.
    """
    name = "shortcuts.leakage"
    if rows.task == "multilabel":
        return untestable(name, "it tells one label per row from one part.")
    rows = rows.sample(MOST_ROWS, seed)
    labels = rows.labels.numpy() if rows.task != "regression" else rows.labels[:, 0].numpy()
    if rows.task != "regression" and min(np.bincount(labels)[np.unique(labels)]) < FOLDS:
        return untestable(name, f"a class has fewer than {FOLDS} rows.")
    if len(rows) < FOLDS:
        return untestable(name, f"there are fewer than {FOLDS} rows.")
    if not rows.inputs.is_floating_point():
        columns, quoted = _words(model, rows), True
    else:
        parts = [part for part in parts_of(model, rows.inputs) if part.edge and part.values is not None]
        columns, quoted = {part.name: part.values(rows.inputs).double().numpy() for part in parts}, False
    if not columns or len(np.unique(labels)) < 2:
        return untestable(name, "there is nothing to tell, or no part to tell it from.")
    single = rows.task != "regression"
    told = {part: _told(values, labels, single, seed) for part, values in columns.items()}
    lines = [{"part": part, "told": _skill(said, labels, single)} for part, said in told.items()]
    lines.sort(key=lambda line: -line["told"])
    best = lines[0]["part"]
    dealt = np.random.default_rng(seed).permutation(labels)
    control = _skill(_told(columns[best], dealt, single, seed), dealt, single)
    interval = _interval(told[best], labels, single, seed)
    listed = table("How far one part alone tells the label", lines[:12])
    details = {"raw": {"tables": [listed], "part": best}} if quoted else {"tables": [listed], "part": best}
    what = "A single word" if quoted else f"Alone, {best}"
    text = f"{what} goes {100 * lines[0]['told']:.0f} % of the way from guessing the label to certainty."
    says = f"the same part with the labels dealt at random reaches {100 * control:.0f} %"
    return judge(name, lines[0]["told"], interval, says, text, details)


def _told(values: np.ndarray, labels: np.ndarray, single: bool, seed: int) -> np.ndarray:
    from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if single:
        learner = DecisionTreeClassifier(
            max_depth=DEPTH, min_samples_leaf=3, class_weight="balanced", random_state=seed
        )
        split = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    else:
        learner = DecisionTreeRegressor(max_depth=DEPTH, min_samples_leaf=10, random_state=seed)
        split = KFold(FOLDS, shuffle=True, random_state=seed)
    return cross_val_predict(learner, values, labels, cv=split)


def _confusion(said: np.ndarray, labels: np.ndarray) -> np.ndarray:
    from sklearn.metrics import confusion_matrix

    return confusion_matrix(labels, said, labels=np.unique(labels))


def _skill(said: np.ndarray, labels: np.ndarray, single: bool) -> float:
    if single:
        return float(balanced_skill(_confusion(said, labels)[None])[0])
    return float(1 - ((said - labels) ** 2).mean() / max(labels.var(), 1e-12))


def _interval(said: np.ndarray, labels: np.ndarray, single: bool, seed: int) -> tuple[float, float]:
    if single:
        return bootstrap_confusion(_confusion(said, labels), balanced_skill, seed)
    return bootstrap_mean(1 - (said - labels) ** 2 / max(labels.var(), 1e-12), seed)


def _words(model: Model, rows: Rows) -> dict[str, np.ndarray]:
    """Return for each of the most telling words whether a text has it."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.feature_selection import chi2

    counter = CountVectorizer(binary=True, token_pattern=None, tokenizer=str.split, lowercase=False, max_features=WORDS)
    texts = texts_of(model, rows.inputs)
    if not any(map(str.split, texts)):
        return {}
    counts = counter.fit_transform(texts)
    names = counter.get_feature_names_out()
    goals = (
        rows.labels.numpy() if rows.task != "regression" else (rows.labels[:, 0] > rows.labels[:, 0].median()).numpy()
    )
    if len(np.unique(goals)) < 2:
        return {}
    first = np.argsort(-np.nan_to_num(chi2(counts, goals)[0]), kind="stable")[:20]
    return {str(names[place]): counts[:, [place]].toarray().astype(np.float64) for place in first}
