"""One part of the data of an audit, as the model takes it, and all parts of one audit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from xai.auditing.row_metadata import weights_of
from xai.auditing.scores import quality
from xai.inputs.streams import draw_numbers

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Prepared", "Split"]


@dataclass(frozen=True, eq=False)
class Split:
    """One part of the data as the model takes it, beside what the model predicts.

    inputs (N, ...) in the caller's units; labels (N,) class numbers, or (N, K) for several of many and regressions;
    prediction (N, K) in float64; index (N,): the number of each row in what the caller gave; groups: protected columns
    by row, as words; masks (N, H, W), True where the object is; metadata: whose a row is (`entity`), when it was
    (`time`) and how many it stands for (`weights`), a column for each that was given. threshold: of two classes, the
    probability from which the second is called, where it is another than that of the first.
    """

    inputs: Tensor
    labels: Tensor
    prediction: Tensor
    index: Tensor
    task: str
    groups: pd.DataFrame
    masks: Tensor | None = None
    metadata: pd.DataFrame | None = None
    threshold: float | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def quality(self) -> Tensor:
        """Return what each row adds to the score (N,), float64: its mean is the accuracy, or R² of a regression."""
        return self.quality_of(self.prediction)

    @property
    def weights(self) -> np.ndarray | None:
        """Return how many rows of the population each row stands for (N,); None where each stands for as many."""
        return weights_of([self.metadata])

    @property
    def weighed_quality(self) -> np.ndarray:
        """Return what each row adds to the score (N,): its mean by weight is the accuracy, or R², by weight."""
        if self.weights is None or self.task != "regression":
            return self.quality.numpy()
        return quality(self.prediction, self.labels, self.task, torch.from_numpy(self.weights)).numpy()

    def quality_of(self, prediction: Tensor) -> Tensor:
        """Return what each row would add to the score (N,), float64, with other predictions (N, K)."""
        if self.threshold is not None:
            return (self.called(prediction) == self.labels).double()
        return quality(prediction, self.labels, self.task)

    def called(self, prediction: Tensor) -> Tensor:
        """Return the numbers of the classes (N,) that predictions (N, K) of such rows call."""
        return prediction.argmax(1) if self.threshold is None else (prediction[:, 1] >= self.threshold).long()

    def metadata_of(self, name: str) -> np.ndarray | None:
        """Return one column of the metadata (N,), or None where it was not given."""
        return None if self.metadata is None or name not in self.metadata else self.metadata[name].to_numpy()

    @property
    def outputs(self) -> int:
        """Return the number of classes, or of a regression's values."""
        return self.prediction.shape[1]

    @property
    def predicted(self) -> Tensor:
        """Return the number of the class (N,) that is called: the most probable, unless there is a threshold."""
        return self.called(self.prediction)

    def take(self, chosen: Tensor) -> Split:
        """Return the rows of these numbers."""
        parts = {name: getattr(self, name)[chosen] for name in ("inputs", "labels", "prediction", "index")}
        groups = self.groups.iloc[chosen.tolist()].reset_index(drop=True)
        metadata = None if self.metadata is None else self.metadata.iloc[chosen.tolist()].reset_index(drop=True)
        masks = None if self.masks is None else self.masks[chosen]
        return replace(self, **parts, groups=groups, masks=masks, metadata=metadata)

    def sample(self, count: int, seed: int) -> Split:
        """Return so many rows drawn at random, or all there are, in their order."""
        return self.take(draw_numbers(len(self), count, seed))


@dataclass(frozen=True, eq=False)
class Prepared:
    """The data of one audit: held-out rows, training rows where there are any, and what the caller gave in all.

    digest: SHA-256 of everything given, whether it was drawn or not. sizes: how many rows each part had.
    """

    held_out: Split
    train: Split | None
    name: str
    digest: str
    sizes: dict[str, int]
