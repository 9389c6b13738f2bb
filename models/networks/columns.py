"""The first and last step of a network on a table: units in, units out, so that it takes and gives what people read."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from xai.base.errors import InputError, describe, names_errors

__all__ = ["Columns", "Rescale", "mean_and_std"]


def mean_and_std(rows: Tensor, names: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of each column of rows (N, D), both (D,).

    Raises InputError where a column has no variance: it says nothing, and cannot be standardized.

    >>> mean_and_std(torch.tensor([[1.0, 5.0], [3.0, 9.0]]), ["a", "b"])
    (tensor([2., 7.]), tensor([1., 2.]))
    """
    wide = rows.double()
    mean, deviation = wide.mean(0), wide.std(0, correction=0)
    for name, center, value in zip(names, mean.tolist(), deviation.tolist(), strict=True):
        if not value > 1e-12 * max(1.0, abs(center)):
            got = f"{center:g} in each of {len(rows)} rows"
            raise InputError(f"column {name!r}", expected="values that differ (a variance above 0)", got=got)
    return mean.to(rows.dtype), deviation.to(rows.dtype)


class Columns(nn.Module):
    """Rows (N, D) in their own units -> (N, W): standardized numbers, then one 0/1 column for each category.

    categories: for each column 0 where it holds a number, else the number of its categories (codes 0, 1, 2, ...).
    `fit` learns mean and spread; they are saved with the weights. A code is compared, not computed with: the gradient
    with respect to a categorical column is 0.

    >>> columns = Columns([0, 3])
    >>> columns.fit(torch.tensor([[1.0, 0.0], [3.0, 2.0]]))
    >>> columns(torch.tensor([[3.0, 2.0]]))
    tensor([[1., 0., 0., 1.]])
    """

    mean: Tensor  # (numeric columns,), and so is std: buffers
    std: Tensor

    @names_errors("Columns")
    def __init__(self, categories: Sequence[int]) -> None:
        super().__init__()
        self.categories = [int(count) for count in categories]
        if not self.categories or min(self.categories) < 0 or 1 in self.categories:
            wanted = "0 for a number or the number of categories (at least 2), for at least one column"
            raise InputError("categories", expected=wanted, got=list(categories))
        self.numeric = [index for index, count in enumerate(self.categories) if count == 0]
        self.register_buffer("mean", torch.zeros(len(self.numeric)))
        self.register_buffer("std", torch.ones(len(self.numeric)))

    @property
    def width(self) -> int:
        """Return the number of columns put out."""
        return len(self.numeric) + sum(self.categories)

    def fit(self, rows: Tensor, names: Sequence[str] | None = None) -> None:
        """Learn the mean and spread of each numeric column from rows (N, D); raises InputError for a constant one."""
        if rows.ndim != 2 or rows.shape[1] != len(self.categories):
            raise InputError(
                "inputs", expected=f"rows of {len(self.categories)} columns", got=describe(rows), operation="train"
            )
        names = names if names is not None else [str(index) for index in range(len(self.categories))]
        mean, std = mean_and_std(rows[:, self.numeric], [names[index] for index in self.numeric])
        self.mean.copy_(mean)
        self.std.copy_(std)

    def forward(self, rows: Tensor) -> Tensor:
        parts = [(rows[:, self.numeric] - self.mean) / self.std]
        for index, count in enumerate(self.categories):
            if count:
                codes = torch.arange(count, device=rows.device, dtype=rows.dtype)
                parts.append((rows[:, index : index + 1] == codes).to(rows.dtype))
        return torch.cat(parts, 1)


class Rescale(nn.Module):
    """The last step of a regression: from standardized values (N, K) to the targets' own units."""

    mean: Tensor  # (outputs,), and so is std: buffers
    std: Tensor

    def __init__(self, outputs: int = 1) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(outputs))
        self.register_buffer("std", torch.ones(outputs))

    def fit(self, targets: Tensor) -> None:
        """Learn the mean and spread of targets (N, K); raises InputError where they are all the same."""
        mean, std = mean_and_std(targets, [f"target {index}" for index in range(targets.shape[1])])
        self.mean.copy_(mean)
        self.std.copy_(std)

    def forward(self, values: Tensor) -> Tensor:
        return values * self.std + self.mean
