"""What an honest model would rest on: simple models of the labels of held-out rows, asked the same question."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from xai.auditing.audit_data import Split
from xai.auditing.row_features import features
from xai.auditing.scores import ONE_CLASS
from xai.model.model import Model

__all__ = ["Answer", "honest_models"]

TREES, LEAF, DEPTH = 60, 5, 4
Answer = Callable[[Tensor], Tensor]  # from inputs (N, ...) to what a model predicts (N, K)


def honest_models(model: Model, known: Split, seed: int) -> list[Answer]:
    """Return simple models that have learned the labels of these rows, and nothing from the model.

    A linear model spreads its weights, many random trees too; one tree takes the best column first, as greedy ones do.
    """
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    values = features(model, known.inputs).parts[0]
    if known.task in ONE_CLASS:
        learners = [
            LogisticRegression(max_iter=1000), ExtraTreesClassifier(TREES, min_samples_leaf=LEAF, random_state=seed),
            DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=LEAF, random_state=seed),
        ]  # fmt: skip
        labels = known.labels.numpy()
        if len(np.unique(labels)) < 2:
            return []
    else:
        learners = [
            Ridge(), ExtraTreesRegressor(TREES, min_samples_leaf=LEAF, random_state=seed),
            DecisionTreeRegressor(max_depth=DEPTH, min_samples_leaf=LEAF, random_state=seed),
        ]  # fmt: skip
        labels = known.labels[:, 0].numpy()
    return [_answering(model, known, learner.fit(values, labels)) for learner in learners]


def _answering(model: Model, known: Split, learner: object) -> Answer:
    def answer(inputs: Tensor) -> Tensor:
        values = features(model, known.inputs, inputs).parts[1]
        if known.task not in ONE_CLASS:
            return torch.from_numpy(learner.predict(values))[:, None]
        found = torch.zeros(len(values), known.outputs, dtype=torch.float64)
        found[:, learner.classes_] = torch.from_numpy(learner.predict_proba(values))
        return found

    return answer
