"""What the methods for tables share: rows with names, columns found by name, scores row by row."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from xai.base.errors import InputError, describe
from xai.model.model import Model
from xai.model.session import Session

__all__ = ["column_names", "column_number", "evaluate", "require_table", "words_of"]


def require_table(model: Model, rows: Tensor) -> None:
    """Raise InputError where the rows are no table (N, D) of numbers."""
    if rows.ndim != 2 or not rows.is_floating_point():
        raise InputError("data", expected="rows of a table (N, D)", got=describe(rows))


def column_names(model: Model, rows: Tensor) -> list[str]:
    """Return the columns' names, or x0, x1, ... where the model has none."""
    names = list(model.input.names)
    return names if len(names) == rows.shape[1] else [f"x{number}" for number in range(rows.shape[1])]


def words_of(model: Model, name: str) -> list[str] | None:
    """Return the words behind a categorical column's codes, or None for a column of numbers."""
    return model.input.categorical.get(name)


def column_number(names: Sequence[str], column: object) -> int:
    """Return the index of a column given by name or number; raises InputError for one that is not there."""
    if isinstance(column, str) and column in names:
        return list(names).index(column)
    if isinstance(column, int) and not isinstance(column, bool) and 0 <= column < len(names):
        return column
    known = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    raise InputError("columns", expected=f"names or numbers among {known}", got=repr(column))


def evaluate(session: Session, column: int, values: Tensor) -> Tensor:
    """Return the explained number of every row with other values (copies, N) in a column, (copies, N), in float64."""
    copies, count = values.shape
    found = torch.empty(copies * count, dtype=torch.float64, device=session.inputs.device)
    for indices in session.chunks(copies * count):
        rows, copy = indices % count, indices // count
        batch = session.inputs[rows].clone()
        batch[:, column] = values[copy, rows]
        found[indices] = session.scores(batch, rows)
    return found.view(copies, count)
