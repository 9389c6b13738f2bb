"""Groups of columns as one column each: rows are folded into codes of the combinations that occur, and unfolded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from xai.base.errors import InputError

if TYPE_CHECKING:
    from xai.lime.training_summary import TrainingSummary

__all__ = ["Blocks"]


class Blocks:
    """Where the columns of a summary stand in a table, and the patterns of those that are groups.

    names: of the table's columns.
    """

    def __init__(self, summary: TrainingSummary, names: Sequence[str]) -> None:
        self.columns = summary.columns
        self.positions = [
            [list(names).index(part) for part in column.parts or [column.name]] for column in self.columns
        ]
        self.patterns = [torch.tensor(column.patterns, dtype=torch.float64) for column in self.columns]
        self.width = len(names)

    def folded(self, rows: Tensor) -> Tensor:
        """Return rows (N, D) in float64 with one number for each column of the summary, (N, columns).

        Raises InputError for a combination that the training data do not have.
        """
        made = []
        for column, positions, patterns in zip(self.columns, self.positions, self.patterns, strict=True):
            if not column.parts:
                made.append(rows[:, positions[0]])
                continue
            # Compared in the precision of the rows, which may have been rounded on their way.
            same = (rows[:, None, positions].float() == patterns.float()).all(2)
            unknown = ~same.any(1)
            if bool(unknown.any()):
                row = int(unknown.nonzero()[0])
                wanted = f"a combination of {column.name!r} that the training data have"
                raise InputError("rows", expected=wanted, got=f"{rows[row, positions].tolist()} in row {row}")
            made.append(same.to(torch.uint8).argmax(1).double())
        return torch.stack(made, 1)

    def unfolded(self, values: Tensor) -> Tensor:
        """Return what `folded` makes these numbers (n, columns) of, (n, D)."""
        table = values.new_empty(len(values), self.width)
        for number, (column, positions, patterns) in enumerate(
            zip(self.columns, self.positions, self.patterns, strict=True)
        ):
            codes = values[:, number]
            table[:, positions] = patterns.to(values.dtype)[codes.long()] if column.parts else codes[:, None]
        return table
