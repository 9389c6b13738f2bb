"""What is counted of a classifier on labelled inputs: of one class, or of several labels of many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from xai.base.statistics import wilson

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LabelPerformance", "Performance", "Scored"]


@dataclass(frozen=True)
class _Counts:
    """Answers on n labelled inputs, and how often they are right."""

    classes: tuple[str, ...]
    labels: Tensor
    predicted: Tensor
    probability: Tensor

    @property
    def count(self) -> int:
        return len(self.labels)

    @property
    def right(self) -> Tensor:
        """Return where the answer is right, (N,)."""
        raise NotImplementedError

    @property
    def accuracy(self) -> float:
        return float(self.right.double().mean())

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % Wilson interval of the accuracy."""
        return wilson(int(self.right.sum()), self.count)


@dataclass(frozen=True)
class Performance(_Counts):
    """Counts of a classifier on n labelled inputs; `confusion[i, j]` of class i were called class j."""

    confusion: Tensor

    @property
    def right(self) -> Tensor:
        return self.labels == self.predicted

    @property
    def sure(self) -> Tensor:
        return self.probability.max(1).values

    def answer(self, row: int, *, true: bool = False) -> int:
        """Return the class that a row is called, or that it truly is."""
        return int((self.labels if true else self.predicted)[row])

    def mistakes(self, most: int) -> list[tuple[int, int, int]]:
        """Return (class, called, count) of the most frequent mistakes, at most so many; ties in order of class."""
        wrong = self.confusion.clone().fill_diagonal_(0)
        order = wrong.flatten().argsort(descending=True, stable=True)[:most]
        pairs = (divmod(index, len(wrong)) for index in order.tolist())
        return [(true, called, count) for true, called in pairs if (count := int(wrong[true, called]))]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per class that occurs: its name, count, recall with its 95 % interval, precision."""
        import pandas as pd

        rows = []
        for number, name in enumerate(self.classes):
            right, members = int(self.confusion[number, number]), int(self.confusion[number].sum())
            called = int(self.confusion[:, number].sum())
            if members or called:
                rows.append(_line(name, right, members, called))
        return pd.DataFrame(rows)


@dataclass(frozen=True)
class LabelPerformance(_Counts):
    """Answers (N, K) on n labelled inputs; a label is given where its probability is above 1 in 2."""

    @property
    def right(self) -> Tensor:
        """Return where every label is right and no other is given, (N,)."""
        return (self.labels == self.predicted).all(1)

    @property
    def sure(self) -> Tensor:
        """Return how sure each answer is, (N,): as its least sure label, given or not."""
        return torch.maximum(self.probability, 1 - self.probability).min(1).values

    def answer(self, row: int, *, true: bool = False) -> tuple[int, ...]:
        """Return the numbers of the labels that a row is given, or that it truly has."""
        return tuple((self.labels if true else self.predicted)[row].nonzero().flatten().tolist())

    def mistakes(self, most: int) -> list[tuple[int, int, int]]:
        """Return nothing: no label is taken for another."""
        return []

    def to_frame(self) -> pd.DataFrame:
        """Return one row per label: its name, count, recall with its 95 % interval, precision."""
        import pandas as pd

        rows = []
        for number, name in enumerate(self.classes):
            members, called = int(self.labels[:, number].sum()), int(self.predicted[:, number].sum())
            right = int((self.labels & self.predicted)[:, number].sum())
            rows.append(_line(name, right, members, called))
        return pd.DataFrame(rows)


def _line(name: str, right: int, members: int, called: int) -> dict[str, object]:
    """Return the line of a class or label: its count, recall with its 95 % interval, precision."""
    nothing = float("nan")
    low, high = wilson(right, members) if members else (nothing, nothing)
    return {
        "class": name,
        "count": members,
        "recall": right / members if members else nothing,
        "low": low,
        "high": high,
        "precision": right / called if called else nothing,
    }


Scored = Performance | LabelPerformance  # of one class, or of several labels
