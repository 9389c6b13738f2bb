"""What is right: how much each row adds to the score."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "ONE_CLASS", "SCORES", "balanced_skill", "confusion_cells", "confusion_matrix", "mean_recall", "quality",
]  # fmt: skip

ONE_CLASS = ("classification", "binary")  # tasks in which a row has one class

# How the mean of `quality` is called.
SCORES = {
    "classification": "accuracy",
    "binary": "accuracy",
    "multilabel": "share with every label right",
    "regression": "R²",
}


def quality(prediction: Tensor, labels: Tensor, task: str, weights: Tensor | None = None) -> Tensor:
    """Return what each row adds to the score (N,), float64: 1 or 0 for right and wrong, or its part of R².

    weights (N,): by which the variance of the labels is meant that a part of R² is a share of.

    >>> quality(torch.tensor([[0.2, 0.8], [0.9, 0.1]]), torch.tensor([1, 1]), "binary").tolist()
    [1.0, 0.0]
    """
    if task in ONE_CLASS:
        return (prediction.argmax(1) == labels).double()
    if task == "multilabel":
        return ((prediction > 0.5) == (labels > 0.5)).all(1).double()
    errors, variance = (prediction - labels).pow(2), _variance(labels, weights)
    # Labels that never vary leave nothing to explain: as in scikit-learn, 1 where they are met and 0 elsewhere.
    return torch.where(variance > 0, 1 - errors / variance.where(variance > 0, 1.0), (errors == 0).double()).mean(1)


def _variance(labels: Tensor, weights: Tensor | None) -> Tensor:
    if weights is None:
        return (labels - labels.mean(0)).pow(2).mean(0)
    share = (weights / weights.sum())[:, None]
    return (share * (labels - (share * labels).sum(0)).pow(2)).sum(0)


def confusion_matrix(predicted: Tensor, labels: Tensor, classes: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Return counts (K, K): [i, j] of the rows of class i that are called j, or how many rows those stand for."""
    pairs = confusion_cells(predicted, labels, classes)
    if weights is not None:
        return np.bincount(pairs.numpy(), weights, classes**2).reshape(classes, classes)
    return torch.bincount(pairs, minlength=classes**2).view(classes, classes).numpy()


def confusion_cells(predicted: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Return for each row (N,) its place in the flattened confusion matrix."""
    return labels.long() * classes + predicted.long()


def mean_recall(confusions: np.ndarray) -> np.ndarray:
    """Return the mean recall (R,) over the classes that occur, of confusion matrices (R, K, K)."""
    members = confusions.sum(2)
    right = np.diagonal(confusions, axis1=1, axis2=2)
    shares = np.where(members > 0, right / np.where(members > 0, members, 1), 0.0)
    return shares.sum(1) / np.maximum((members > 0).sum(1), 1)


def balanced_skill(confusions: np.ndarray) -> np.ndarray:
    """Return how far the mean recall (R,) of confusion matrices (R, K, K) is from guessing (0) to perfect (1).

    >>> balanced_skill(np.array([[[40, 10], [10, 40]]])).round(6).tolist()
    [0.6]
    """
    guess = 1 / np.maximum((confusions.sum(2) > 0).sum(1), 2)
    return (mean_recall(confusions) - guess) / (1 - guess)
