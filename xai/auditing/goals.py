"""What is right: labels as every kind of task has them, and how much each row adds to the score."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xai.core.arrays import as_tensor
from xai.core.errors import InputError, describe, expected
from xai.core.model import Model

__all__ = ["SCORES", "as_labels", "quality"]

# How the mean of `quality` is called.
SCORES = {
    "classification": "accuracy",
    "binary": "accuracy",
    "multilabel": "share with every label right",
    "regression": "R²",
}


def as_labels(model: Model, labels: object, count: int, operation: str) -> Tensor:
    """Return class numbers (N,) in int64, or for several of many and regressions numbers (N, K) in float64.

    Class names are taken as well as numbers. Raises InputError for labels that do not fit the task.
    """
    if hasattr(labels, "to_numpy"):
        labels = labels.to_numpy()
    single = model.task in ("classification", "binary")
    if single and not isinstance(labels, Tensor):
        labels = _numbers(model, np.asarray(labels).reshape(-1), operation)
    goals = as_tensor(labels, operation, "labels").cpu()
    if len(goals) != count:
        raise InputError(expected(operation, "labels", f"one per row ({count})", describe(goals)))
    if single:
        whole = goals.ndim == 1 and bool((goals == goals.round()).all()) and int(goals.min()) >= 0
        if not whole:
            raise InputError(expected(operation, "labels", "whole numbers from 0, one per row", describe(goals)))
        return goals.long()
    goals = (goals if goals.ndim == 2 else goals[:, None]).double()
    if not bool(torch.isfinite(goals).all()):
        raise InputError(expected(operation, "labels", "finite numbers", "NaN or infinity"))
    if model.task == "multilabel" and not bool(((goals == 0) | (goals == 1)).all()):
        raise InputError(expected(operation, "labels", "0 and 1, one per class", describe(goals)))
    return goals


def quality(prediction: Tensor, labels: Tensor, task: str) -> Tensor:
    """Return what each row adds to the score (N,), float64: 1 or 0 for right and wrong, or its part of R².

    >>> quality(torch.tensor([[0.2, 0.8], [0.9, 0.1]]), torch.tensor([1, 1]), "binary").tolist()
    [1.0, 0.0]
    """
    if task in ("classification", "binary"):
        return (prediction.argmax(1) == labels).double()
    if task == "multilabel":
        return ((prediction > 0.5) == (labels > 0.5)).all(1).double()
    spread = (labels - labels.mean(0)).pow(2).mean(0).clamp_min(torch.finfo(torch.float64).tiny)
    return 1 - ((prediction - labels).pow(2) / spread).mean(1)


def _numbers(model: Model, labels: np.ndarray, operation: str) -> Tensor:
    """Return class numbers from names or numbers."""
    if np.issubdtype(labels.dtype, np.number) or labels.dtype == bool:
        return torch.from_numpy(labels.astype(np.float64))
    codes = {name: number for number, name in enumerate(model.classes or [])}
    unknown = sorted({str(item) for item in labels if str(item) not in codes})
    if not unknown:
        return torch.tensor([codes[str(item)] for item in labels])
    try:
        return torch.tensor([float(item) for item in labels])
    except (TypeError, ValueError) as error:
        known = ", ".join(list(codes)[:8]) or "numbers"
        raise InputError(expected(operation, "labels", f"classes of the model ({known})", repr(unknown[0]))) from error
