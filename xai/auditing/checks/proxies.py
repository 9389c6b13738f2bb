"""Proxies: how well the other columns tell a protected one, so that leaving it out would hide nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from xai.auditing.audit_data import Prepared
from xai.auditing.finding_figures import table
from xai.auditing.limits import judge, untestable
from xai.auditing.row_features import features
from xai.base.statistics import bootstrap_confusion
from xai.inputs.kinds import TabularInput
from xai.model.model import Model
from xai.results.finding import Finding

__all__ = ["proxies"]

LEAST_SHARE = 0.02  # groups with a smaller share are put together
MOST_ROWS = 4000
FOLDS = 3


def proxies(model: Model, data: Prepared, seed: int) -> Finding:
    """Return how well each protected column can be told from the model's other columns, crosswise by trees.

    The score is the way from guessing (0) to always right (1) of the mean recall over groups, of the column that is
    told best. The control learns from the same columns with the groups dealt at random.
    """
    name = "bias.proxies"
    if not isinstance(model.input, TabularInput):
        return untestable(name, "only the columns of a table can be looked through for proxies.")
    rows = (data.train or data.held_out).sample(MOST_ROWS, seed)
    if len(rows.groups.columns) == 0:
        rows = data.held_out.sample(MOST_ROWS, seed)
    made = features(model, rows.inputs)
    generator = np.random.default_rng(seed)
    lines, best = [], None
    for column in rows.groups.columns:
        words = _merged(rows.groups[column])
        place = model.input.names.index(column) if column in model.input.names else -1
        others = np.array([owner != place for owner in made.owner])
        if len(set(words)) < 2 or min(words.value_counts()) < FOLDS or not others.any():
            continue
        values = made.parts[0][:, others]
        told, interval, learner = _told(values, words, seed)
        control, _, _ = _told(values, pd.Series(generator.permutation(words.to_numpy())), seed)
        owners = np.array(made.owner)[others]
        weights = [learner.feature_importances_[owners == number].sum() for number in range(len(model.input.names))]
        first = [model.input.names[number] for number in np.argsort(weights)[::-1][:3]]
        lines.append({"protected column": column, "told": told, "low": interval[0], "high": interval[1],
                      "control": control, "most by": ", ".join(first)})  # fmt: skip
        if best is None or told > best[0]:
            best = (told, interval, column, first, control)
    if best is None:
        return untestable(name, "no protected column has two groups that are large enough.")
    told, interval, column, first, control = best
    way = f"{100 * told:.0f} % of the way from guessing to certain"
    text = f"The other columns tell {column} {way}, most by {', '.join(first)}."
    says = f"the same with the groups dealt at random reaches {100 * control:.0f} %"
    details = {"tables": [table("How well the other columns tell a protected one", lines)]}
    return judge(name, told, interval, says, text, details, at_most="warn")


def _merged(column: pd.Series) -> pd.Series:
    shares = column.value_counts(normalize=True)
    return column.where(column.map(shares) >= LEAST_SHARE, "others")


def _told(values: np.ndarray, words: pd.Series, seed: int) -> tuple[float, tuple[float, float], object]:
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.metrics import confusion_matrix
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    from xai.auditing.checks.performance import balanced_skill

    learner = ExtraTreesClassifier(60, min_samples_leaf=5, class_weight="balanced", random_state=seed)
    split = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    codes = np.unique(words.to_numpy(str), return_inverse=True)[1]  # scikit-learn cannot weigh words such as "0"
    said = cross_val_predict(learner, values, codes, cv=split)
    confusion = confusion_matrix(codes, said)
    return (
        float(balanced_skill(confusion[None])[0]),
        bootstrap_confusion(confusion, balanced_skill, seed),
        learner.fit(values, codes),
    )
