"""Results that say something of pairs: of two parts of an input, or of a training row and an explained one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from xai.results.display import Shown

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Influence", "Interactions"]


@dataclass(frozen=True, eq=False)
class Interactions(Shown):
    """What two parts of an input do together that neither does alone.

    values: a symmetric matrix (M, M) per row, in output units; the diagonal has what a part does by itself. names: of
    the parts of each row. index: "taylor" or "shapley". target: of each row, by name. over: what the parts are.
    """

    values: list[Tensor]
    names: tuple[tuple[str, ...], ...]
    index: str
    target: tuple[str, ...]
    over: str
    options: dict[str, object]
    model_digest: str

    def __len__(self) -> int:
        return len(self.values)

    def to_frame(self) -> pd.DataFrame:
        """Return one line per row and pair of parts, the strongest first; what is alone is paired with itself."""
        import pandas as pd

        lines = []
        for row, (matrix, names) in enumerate(zip(self.values, self.names, strict=True)):
            first, second = torch.triu_indices(len(names), len(names)).tolist()
            pairs = [(names[a], names[b], float(matrix[a, b])) for a, b in zip(first, second, strict=True)]
            pairs.sort(key=lambda pair: -abs(pair[2]))
            lines += [
                {"row": row, "target": self.target[row], "first": a, "second": b, "value": v} for a, b, v in pairs
            ]
        return pd.DataFrame(lines)


@dataclass(frozen=True, eq=False)
class Influence(Shown):
    """By how much each training row lowered the loss of each explained row, (N, T); negative: it raised it.

    layers: "last" or "all" weights. checkpoints: how many states of training were looked at. labels: of the explained
    rows, whose loss it is.
    """

    values: Tensor
    layers: str
    checkpoints: int
    labels: tuple[str, ...]
    train_labels: tuple[str, ...]
    model_digest: str

    def __len__(self) -> int:
        return len(self.values)

    def most(self, row: int = 0, count: int = 5) -> list[int]:
        """Return the numbers of the training rows that lowered a row's loss most.

        Args:
            row: The explained row.
            count: How many.
        """
        return self.values[row].argsort(descending=True)[:count].tolist()

    def least(self, row: int = 0, count: int = 5) -> list[int]:
        """Return the numbers of the training rows that raised a row's loss most.

        Args:
            row: The explained row.
            count: How many.
        """
        return self.values[row].argsort()[:count].tolist()

    def to_frame(self) -> pd.DataFrame:
        """Return one line per explained row and training row, the largest influence of each row first."""
        import pandas as pd

        lines = []
        for row, values in enumerate(self.values):
            order = values.abs().argsort(descending=True).tolist()
            lines += [
                {"row": row, "label": self.labels[row], "train_row": number, "train_label": self.train_labels[number],
                 "influence": float(values[number])}
                for number in order
            ]  # fmt: skip
        return pd.DataFrame(lines)
