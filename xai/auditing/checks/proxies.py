"""Proxies: how well the other columns tell a protected one, so that leaving it out would hide nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from xai.auditing.finding_figures import table
from xai.auditing.kinds import table_of
from xai.auditing.row_features import features
from xai.auditing.scores import balanced_skill
from xai.auditing.split import Prepared
from xai.auditing.verdicts import Measured, Untestable
from xai.base.statistics import bootstrap_confusion
from xai.model.model import Model

if TYPE_CHECKING:
    from sklearn.ensemble import ExtraTreesClassifier

__all__ = ["proxies"]

LEAST_SHARE = 0.02  # groups with a smaller share are put together
MOST_ROWS = 4000
FOLDS = 3


class Proxy(NamedTuple):
    """How well other columns predict a protected one, with an interval, by chance, and which of them matter most."""

    column: str
    skill: float
    interval: tuple[float, float]
    chance: float
    most: list[str]


def proxies(model: Model, data: Prepared, seed: int) -> Measured:
    """Return how well cross-validated trees predict each protected column from the model's other columns.

    The score is the mean recall over groups, scaled from guessing (0) to always right (1), of the column that is
    predicted best. The control is fitted to the same columns with shuffled groups.
    """
    if data.held_out.groups.shape[1] == 0:
        raise Untestable("no_groups")
    columns = table_of(model)
    if columns is None:
        raise Untestable("only_tables")
    found = _found(model, list(columns.names), data, seed)
    if not found:
        raise Untestable("small_protected")
    best = max(found, key=lambda proxy: proxy.skill)
    lines = [
        {
            "protected column": proxy.column, "skill": proxy.skill, "low": proxy.interval[0],
            "high": proxy.interval[1], "control": proxy.chance, "most by": ", ".join(proxy.most),
        }
        for proxy in found
    ]  # fmt: skip
    details = {"tables": [table("How well the other columns tell a protected one", lines)]}
    return Measured(best.skill, best.interval, best._asdict(), details, at_most="warn")


def _found(model: Model, names: list[str], data: Prepared, seed: int) -> list[Proxy]:
    split = (data.train or data.held_out).sample(MOST_ROWS, seed)
    if len(split.groups.columns) == 0:
        split = data.held_out.sample(MOST_ROWS, seed)
    made = features(model, split.inputs)
    generator = np.random.default_rng(seed)
    found = []
    for column in split.groups.columns:
        words = _merged(split.groups[column])
        protected = names.index(column) if column in names else -1
        others = np.array([owner != protected for owner in made.owner])
        if len(set(words)) < 2 or min(words.value_counts()) < FOLDS or not others.any():
            continue
        values = made.parts[0][:, others]
        skill, interval, learner = _learned(values, words, seed)
        chance, _, _ = _learned(values, pd.Series(generator.permutation(words.to_numpy())), seed)
        owners = np.array(made.owner)[others]
        weights = [learner.feature_importances_[owners == number].sum() for number in range(len(names))]
        most = [names[number] for number in np.argsort(weights)[::-1][:3]]
        found.append(Proxy(column, skill, interval, chance, most))
    return found


def _merged(column: pd.Series) -> pd.Series:
    shares = column.value_counts(normalize=True)
    return column.where(column.map(shares) >= LEAST_SHARE, "others")


def _learned(
    values: np.ndarray, words: pd.Series, seed: int
) -> tuple[float, tuple[float, float], ExtraTreesClassifier]:
    """Return how well trees tell words (N,) from values (N, D), with an interval, and trees that learned from all."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.metrics import confusion_matrix
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    learner = ExtraTreesClassifier(60, min_samples_leaf=5, class_weight="balanced", random_state=seed)
    split = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    codes = np.unique(words.to_numpy(str), return_inverse=True)[1]  # scikit-learn cannot weigh words such as "0"
    confusion = confusion_matrix(codes, cross_val_predict(learner, values, codes, cv=split))
    interval = bootstrap_confusion(confusion, balanced_skill, seed)
    return float(balanced_skill(confusion[None])[0]), interval, learner.fit(values, codes)
