"""A decision tree as the surrogate: for a network whose behavior around the input is a few rules."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Tree", "fit_tree"]

DEPTH = 5
HELD_OUT = 0.2


@dataclass(frozen=True)
class Tree:
    """weights (d,): what the tree's answer for the input loses when one feature alone is switched off.

    intercept: chosen so that intercept and weights add up to the tree's answer. r2 and fidelity (on samples held
    out of a second tree) are None where the answers do not vary.
    """

    weights: Tensor
    intercept: float
    r2: float | None
    fidelity: float | None


def fit_tree(features: Tensor, answers: Tensor, leaves: int | None) -> Tree:
    """Grow a regression tree on features (n, d) and answers (n,), every sample alike.

    leaves: the most features that it may split on, as one leaf more; by default its depth is limited to 5.
    """
    from sklearn.tree import DecisionTreeRegressor

    x, y = features.to(torch.float32).numpy(), answers.numpy()
    size = features.shape[1]
    limits = {"max_depth": DEPTH} if leaves is None else {"max_leaf_nodes": leaves + 1}

    def grown(count: int) -> DecisionTreeRegressor:
        least = max(1, min(5, count // 20))
        return DecisionTreeRegressor(random_state=0, min_samples_leaf=least, **limits).fit(x[:count], y[:count])

    tree = grown(len(x))
    probes = torch.cat([torch.ones(1, size), 1 - torch.eye(size)]).numpy()
    predicted = torch.from_numpy(tree.predict(probes))
    weights = predicted[0] - predicted[1:]
    constant = float(y.std()) <= 5e-7 * float(abs(y).max())
    held = round((1 - HELD_OUT) * len(x))
    r2, fidelity = (None, None) if constant else (tree.score(x, y), grown(held).score(x[held:], y[held:]))
    return Tree(weights, float(predicted[0] - weights.sum()), r2, fidelity)
