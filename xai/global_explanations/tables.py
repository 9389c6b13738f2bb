"""What the methods for tables share: rows with names, columns found by name, scores row by row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from xai.core.case import Case
from xai.core.errors import InputError, describe, expected
from xai.core.model import Model

__all__ = ["column_names", "column_number", "evaluate", "read_labels", "require_table", "words_of"]


def require_table(model: Model, rows: Tensor, operation: str) -> None:
    """Raise InputError where the rows are no table (N, D) of numbers."""
    if rows.ndim != 2 or not rows.is_floating_point() or model.input.kind == "text":
        raise InputError(expected(operation, "data", "rows of a table (N, D)", describe(rows)))


def column_names(model: Model, rows: Tensor) -> list[str]:
    """Return the columns' names, or x0, x1, ... where the model has none."""
    names = list(getattr(model.input, "names", ()))
    return names if len(names) == rows.shape[1] else [f"x{number}" for number in range(rows.shape[1])]


def words_of(model: Model, name: str) -> list[str] | None:
    """Return the words behind a categorical column's codes, or None for a column of numbers."""
    return getattr(model.input, "categorical", {}).get(name)


def column_number(names: Sequence[str], column: object, operation: str) -> int:
    """Return the place of a column given by name or number; raises InputError for one that is not there."""
    if isinstance(column, str) and column in names:
        return list(names).index(column)
    if isinstance(column, int) and not isinstance(column, bool) and 0 <= column < len(names):
        return column
    known = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    raise InputError(expected(operation, "columns", f"names or numbers among {known}", repr(column)))


def evaluate(case: Case, column: int, values: Tensor) -> Tensor:
    """Return the explained number of every row with other values (copies, N) in a column, (copies, N), in float64."""
    copies, count = values.shape
    found = torch.empty(copies * count, dtype=torch.float64, device=case.inputs.device)
    for indices in case.chunks(copies * count):
        rows, copy = indices % count, indices // count
        batch = case.inputs[rows].clone()
        batch[:, column] = values[copy, rows]
        found[indices] = case.scores(batch, rows)
    return found.view(copies, count)


def read_labels(labels: object, model: Model, prediction: Tensor, operation: str) -> Tensor:
    """Return labels as class numbers (N,), or of a regression as numbers (N, K); names of classes are taken too.

    Raises InputError where they do not fit the prediction (N, K).
    """
    rows, outputs = prediction.shape
    if hasattr(labels, "to_numpy"):
        labels = labels.to_numpy()
    listed = isinstance(labels, list | tuple | np.ndarray) and len(labels) > 0
    if listed and all(isinstance(item, str) for item in labels):
        known = {name: number for number, name in enumerate(model.classes or ())}
        strange = next((item for item in labels if item not in known), None)
        if strange is not None:
            raise InputError(
                expected(operation, "labels", f"class numbers, or names among {list(known)}", repr(strange))
            )
        labels = [known[item] for item in labels]
    try:
        found = torch.as_tensor(labels).to(prediction.device)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(expected(operation, "labels", "numbers, or names of classes", describe(labels))) from error
    if model.task == "regression":
        found = found.to(torch.float64).view(len(found), -1) if found.numel() else found
        if tuple(found.shape) != (rows, outputs) or not bool(torch.isfinite(found).all()):
            raise InputError(expected(operation, "labels", f"finite numbers ({rows}, {outputs})", describe(found)))
        return found
    whole = not found.is_floating_point() or bool((found == found.round()).all())
    if tuple(found.shape) != (rows,) or not whole or int(found.min()) < 0 or int(found.max()) >= outputs:
        wanted = f"{rows} class numbers from 0 to {outputs - 1}"
        raise InputError(expected(operation, "labels", wanted, describe(labels)))
    return found.long()
