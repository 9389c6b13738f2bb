"""What is right: how much each row adds to the score."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["SCORES", "quality"]

# How the mean of `quality` is called.
SCORES = {
    "classification": "accuracy",
    "binary": "accuracy",
    "multilabel": "share with every label right",
    "regression": "R²",
}


def quality(prediction: Tensor, labels: Tensor, task: str) -> Tensor:
    """Return what each row adds to the score (N,), float64: 1 or 0 for right and wrong, or its part of R².

    >>> quality(torch.tensor([[0.2, 0.8], [0.9, 0.1]]), torch.tensor([1, 1]), "binary").tolist()
    [1.0, 0.0]
    """
    if task in ("classification", "binary"):
        return (prediction.argmax(1) == labels).double()
    if task == "multilabel":
        return ((prediction > 0.5) == (labels > 0.5)).all(1).double()
    errors, spread = (prediction - labels).pow(2), (labels - labels.mean(0)).pow(2).mean(0)
    # Goals that never vary leave nothing to explain: as in scikit-learn, 1 where they are met and 0 elsewhere.
    return torch.where(spread > 0, 1 - errors / spread.where(spread > 0, 1.0), (errors == 0).double()).mean(1)
