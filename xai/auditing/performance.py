"""How well a classifier does on labelled inputs: accuracy with intervals, per class, and the confusion matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from scipy.stats import binomtest
from torch import Tensor

from xai.core.errors import InputError, describe, expected
from xai.core.model import Model

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Performance", "measure_performance", "wilson"]


@dataclass(frozen=True)
class Performance:
    """Counts of a classifier on n labelled inputs; `confusion[i, j]` of class i were called class j."""

    classes: tuple[str, ...]
    labels: Tensor
    predicted: Tensor
    probability: Tensor
    confusion: Tensor

    @property
    def count(self) -> int:
        return len(self.labels)

    @property
    def accuracy(self) -> float:
        return float((self.labels == self.predicted).double().mean())

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % Wilson interval of the accuracy."""
        return wilson(int((self.labels == self.predicted).sum()), self.count)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per class that occurs: its name, count, recall with its 95 % interval, precision."""
        import pandas as pd

        rows = []
        for number, name in enumerate(self.classes):
            right, members = int(self.confusion[number, number]), int(self.confusion[number].sum())
            called = int(self.confusion[:, number].sum())
            if members or called:
                low, high = wilson(right, members) if members else (float("nan"), float("nan"))
                rows.append(
                    {
                        "class": name,
                        "count": members,
                        "recall": right / members if members else float("nan"),
                        "low": low,
                        "high": high,
                        "precision": right / called if called else float("nan"),
                    }
                )
        return pd.DataFrame(rows)


def measure_performance(model: Model, inputs: object, labels: object) -> Performance:
    """Return how a classifier does on labelled inputs.

    inputs: (N, ...) as the model takes them. labels: class numbers (N,). Raises InputError where they do not fit.
    """
    if model.task not in ("classification", "binary"):
        raise InputError(expected("measure_performance", "model", "a classifier", f"task {model.task!r}"))
    probabilities = model.predict(inputs).cpu()
    labels = torch.as_tensor(labels).cpu()
    outputs = probabilities.shape[1]
    if labels.is_floating_point() or tuple(labels.shape) != (len(probabilities),):
        wanted = f"{len(probabilities)} whole numbers, one per input"
        raise InputError(expected("measure_performance", "labels", wanted, describe(labels)))
    if int(labels.min()) < 0 or int(labels.max()) >= outputs:
        got = f"{int(labels.min())} to {int(labels.max())}"
        raise InputError(expected("measure_performance", "labels", f"classes from 0 to {outputs - 1}", got))
    predicted = probabilities.argmax(1)
    confusion = torch.zeros(outputs, outputs, dtype=torch.long)
    confusion.index_put_((labels.long(), predicted), torch.ones_like(predicted), accumulate=True)
    names = tuple(model.classes or (str(number) for number in range(outputs)))
    return Performance(names, labels.long(), predicted, probabilities, confusion)


def wilson(right: int, count: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share.

    >>> tuple(round(limit, 3) for limit in wilson(98, 100))
    (0.93, 0.994)
    """
    interval = binomtest(right, count).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)
