"""Shifts between the parts: of the labels, and of the inputs, by a classifier that tries to tell the parts apart."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.stats import ks_2samp

from xai.auditing.checks.column_shortcuts import permuted
from xai.auditing.finding_figures import table
from xai.auditing.kinds import class_names
from xai.auditing.row_features import Features, dense
from xai.auditing.split import Split
from xai.auditing.verdicts import Measured, Untestable
from xai.base.statistics import ALPHA, holm, newcombe
from xai.model.model import Model

__all__ = ["covariates", "shifted_labels", "unused"]

MOST_ROWS, TREES, FOLDS, LEAST = 3000, 100, 3, 40
PERMUTED = 300  # rows on which a column is tried
SHOWN, LISTED = 12, 20


def covariates(held_out: Split, train: Split | None, made: Features, seed: int) -> Measured:
    """Return how well a classifier tells held-out rows from training rows, from guessing (0) to always right (1).

    The score is twice the area under its cross-validated ROC curve, minus one. Columns are named by Kolmogorov-Smirnov
    tests (Holm). Source: Lopez-Paz and Oquab 2017, arXiv:1610.06545.
    """
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    if train is None:
        raise Untestable("no_training_rows")
    if min(len(train), len(held_out)) < LEAST:
        raise Untestable("few_training_rows", rows=min(len(train), len(held_out)))
    draw = np.random.default_rng(seed)
    known, new = (part[np.sort(draw.permutation(part.shape[0])[:MOST_ROWS])] for part in made.parts)
    if made.words:
        from scipy.sparse import vstack

        values, learner = vstack([known, new]).tocsr(), LogisticRegression(max_iter=300, tol=1e-3)
    else:
        values = np.concatenate([known, new])
        learner = ExtraTreesClassifier(TREES, min_samples_leaf=5, class_weight="balanced", random_state=seed)
    part = np.repeat([0, 1], [known.shape[0], new.shape[0]])
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    probability = cross_val_predict(learner, values, part, cv=folds, method="predict_proba")[:, 1]
    area = float(roc_auc_score(part, probability))
    shifts = _columns(made, dense(known), dense(new))
    facts = {
        "skill": 2 * area - 1, "area": area,
        "columns": [shift.column for shift in shifts if shift.p_value <= ALPHA][:3] or ["no single column"],
    }  # fmt: skip
    half = 2 * 1.96 * _area_error(area, int((part == 0).sum()), int((part == 1).sum()))
    lines = [
        {"column": shift.column, "distance": shift.distance, "p (Holm)": shift.p_value} for shift in shifts[:SHOWN]
    ]
    details = {"tables": [table("Columns that differ between the parts", lines)]}
    return Measured(2 * area - 1, (2 * area - 1 - half, 2 * area - 1 + half), facts, details)


def _area_error(area: float, first: int, second: int) -> float:
    """Return the standard error of an area under a ROC curve. Source: Hanley and McNeil 1982, Radiology 143.

    >>> round(_area_error(0.5, 100, 100), 4)
    0.0409
    """
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (first - 1) * (one - area**2) + (second - 1) * (two - area**2)
    return float(np.sqrt(max(variance, 0.0) / (first * second)))


def _distance(known: np.ndarray, new: np.ndarray) -> Any:
    """Return SciPy's test of two columns; of two values alone, which tie everywhere, not the exact one, which fails."""
    two = ((known == known.min()) | (known == known.max())).all() and np.isin(new, [known.min(), known.max()]).all()
    return ks_2samp(known, new, method="asymp" if two else "auto")


class Shift(NamedTuple):
    """How far the distribution of a column differs between two parts, with Holm's p-value over all columns."""

    column: str
    distance: float
    p_value: float


def _columns(made: Features, known: np.ndarray, new: np.ndarray) -> list[Shift]:
    """Return how far the distribution of each column differs between the parts, the farthest first."""
    tests = [_distance(known[:, index], new[:, index]) for index in range(known.shape[1])]
    p_values = holm([float(test.pvalue) for test in tests])
    shifts = [
        Shift(name, float(test.statistic), p_value)
        for name, test, p_value in zip(made.names, tests, p_values, strict=True)
    ]
    return sorted(shifts, key=lambda shift: -shift.distance)


def shifted_labels(model: Model, held_out: Split, train: Split, seed: int) -> Measured:
    """Return how far labels of a regression, or of several labels, differ between the parts.

    Of a regression the Kolmogorov-Smirnov distance, beyond what chance makes; else of the label that differs most the
    difference of its shares, with an interval that holds for all labels together.
    """
    if held_out.task == "multilabel":
        names, lines = class_names(model, held_out.outputs), []
        for number, name in enumerate(names):
            counts = [c for p in (held_out, train) for c in (int((p.labels[:, number] > 0.5).sum()), len(p))]
            low, high = newcombe(*counts, 1 - ALPHA / len(names))
            gap = counts[0] / counts[1] - counts[2] / counts[3]
            sign = 1 if gap >= 0 else -1
            low, high = sorted((sign * low, sign * high))
            lines.append({"label": name, "differ": abs(gap), "low": low, "high": high})
        worst = max(lines, key=lambda line: line["low"])
        details = {"tables": [table("Shares of the labels", lines)]}
        return Measured(worst["differ"], (worst["low"], worst["high"]), worst, details, "label")
    first, second = (part.labels[:, 0].double().numpy() for part in (train, held_out))
    distance = float(ks_2samp(first, second).statistic)
    generator, both = np.random.default_rng(seed), np.concatenate([first, second])
    by_chance = []
    for _ in range(99):
        generator.shuffle(both)
        by_chance.append(float(ks_2samp(both[: len(first)], both[len(first) :]).statistic))
    chance = float(np.mean(by_chance))
    half = 1.36 * np.sqrt(1 / len(first) + 1 / len(second))  # Kolmogorov's limit at 95 %, for any distribution
    facts = {"distance": distance, "chance": chance}
    return Measured(distance - chance, (distance - half, min(1.0, distance + half)), facts, {}, "regression")


def unused(model: Model, split: Split, seed: int) -> Measured:
    """Return the share of a table's columns that vary and yet change no answer at all when they are permuted."""
    names = model.input.names
    few = split.sample(PERMUTED, seed)
    varied = [index for index in range(len(names)) if len(few.inputs[:, index].unique()) > 1]
    found = []
    for index in varied:
        change = model.predict(permuted(few, [index], seed)).double().cpu() - few.prediction
        if float(change.abs().max()) <= 1e-6 * max(1.0, float(few.prediction.abs().max())):
            found.append(names[index])
    share = len(found) / max(1, len(varied))
    facts = {"found": len(found), "columns": len(varied), "list": found[:LISTED] or ["none"]}
    return Measured(share, (share, share), facts, {"unused": found[:LISTED]}, at_most="warn")
