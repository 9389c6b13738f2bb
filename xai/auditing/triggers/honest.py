"""What an honest model relies on: simple models fitted to held-out labels are put to the same test."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from xai.auditing.row_features import features
from xai.auditing.scores import ONE_CLASS
from xai.auditing.split import Split
from xai.model.model import Model

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    Classifier = LogisticRegression | ExtraTreesClassifier | DecisionTreeClassifier
    Regressor = Ridge | ExtraTreesRegressor | DecisionTreeRegressor

__all__ = ["Answer", "honest_models"]

TREES, LEAF, DEPTH = 60, 5, 4
Answer = Callable[[Tensor | list[str]], Tensor]  # from inputs (N, ...) to what a model predicts (N, K)


def honest_models(model: Model, known: Split, seed: int) -> list[Answer]:
    """Return simple models that have learned the labels of these rows, and nothing from the model.

    A linear model spreads its weights, many random trees too; one tree takes the best column first, as greedy ones do.
    """
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    values = features(model, known.inputs).parts[0]
    if known.task in ONE_CLASS:
        labels = known.labels.numpy()
        if len(np.unique(labels)) < 2:
            return []
        classifiers = [
            LogisticRegression(max_iter=1000), ExtraTreesClassifier(TREES, min_samples_leaf=LEAF, random_state=seed),
            DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=LEAF, random_state=seed),
        ]  # fmt: skip
        return [_in_classes(model, known, learner.fit(values, labels)) for learner in classifiers]
    regressors = [
        Ridge(), ExtraTreesRegressor(TREES, min_samples_leaf=LEAF, random_state=seed),
        DecisionTreeRegressor(max_depth=DEPTH, min_samples_leaf=LEAF, random_state=seed),
    ]  # fmt: skip
    labels = known.labels[:, 0].numpy()
    return [_in_numbers(model, known, learner.fit(values, labels)) for learner in regressors]


def _in_classes(model: Model, known: Split, learner: Classifier) -> Answer:
    def answer(inputs: Tensor | list[str]) -> Tensor:
        found = torch.zeros(len(inputs), known.outputs, dtype=torch.float64)
        found[:, np.asarray(learner.classes_)] = torch.from_numpy(learner.predict_proba(_values(model, known, inputs)))
        return found

    return answer


def _in_numbers(model: Model, known: Split, learner: Regressor) -> Answer:
    def answer(inputs: Tensor | list[str]) -> Tensor:
        return torch.from_numpy(learner.predict(_values(model, known, inputs)))[:, None]

    return answer


def _values(model: Model, known: Split, inputs: Tensor | list[str]) -> np.ndarray | csr_matrix:
    return features(model, known.inputs, model.prepare(inputs).cpu()).parts[1]
