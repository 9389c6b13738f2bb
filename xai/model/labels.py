"""Labels, as every kind of task has them: numbers or names of classes, 0 and 1 per class, or a regression's numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from xai.base.arrays import as_tensor
from xai.base.errors import InputError, describe
from xai.base.frames import has_numbers
from xai.base.number_names import spelled_codes

if TYPE_CHECKING:
    from xai.model.model import Model

__all__ = ["as_labels", "check_outputs"]


def as_labels(model: Model, labels: object, rows: int) -> Tensor:
    """Return class numbers (N,) in int64, or for several of many and regressions numbers (N, K) in float64.

    Class names are taken as well as numbers. A column of a table that holds numbers holds names where the classes are
    named by these numbers ("1", "2", "3"); an array or a tensor holds class numbers. Raises InputError for labels that
    do not fit the task.
    """
    if model.task in ("classification", "binary"):
        return _classes(model.classes or [], labels, rows)
    numbers = as_tensor(labels.to_numpy() if has_numbers(labels) else labels, "labels").cpu()
    numbers = (numbers[:, None] if numbers.ndim == 1 else numbers).double()
    if numbers.ndim != 2 or len(numbers) != rows:
        raise InputError("labels", expected=f"one per row ({rows})", got=describe(numbers))
    if not bool(torch.isfinite(numbers).all()):
        raise InputError("labels", expected="finite numbers", got="NaN or infinity")
    if model.task == "multilabel" and not bool(((numbers == 0) | (numbers == 1)).all()):
        raise InputError("labels", expected="0 and 1, one per class", got=describe(numbers))
    return numbers


def check_outputs(labels: Tensor, outputs: int) -> None:
    """Raise InputError where labels (N,) or (N, K) do not belong to so many outputs."""
    if labels.ndim == 1 and len(labels) and int(labels.max()) >= outputs:
        raise InputError("labels", expected=f"classes from 0 to {outputs - 1}", got=f"{int(labels.max())}")
    if labels.ndim == 2 and labels.shape[1] != outputs:
        raise InputError("labels", expected=f"{outputs} per row", got=f"{labels.shape[1]}")


def _classes(names: Sequence[str], labels: object, rows: int) -> Tensor:
    values = labels.to_numpy() if has_numbers(labels) else labels
    if isinstance(values, Tensor):
        values = as_tensor(values, "labels")
    else:
        values = _numbers(names, values, column=has_numbers(labels))
    if values.ndim != 1 or len(values) != rows:
        raise InputError("labels", expected=f"one per row ({rows})", got=describe(values))
    values = values.cpu()
    if not len(values) or not bool((values == values.round()).all()) or int(values.min()) < 0:
        raise InputError("labels", expected="whole numbers from 0, one per row", got=describe(values))
    return values.long()


def _numbers(names: Sequence[str], labels: object, column: bool) -> Tensor:
    """Return class numbers from names or numbers."""
    try:
        values = np.asarray(labels)
    except ValueError as error:  # lists of several lengths
        raise InputError("labels", expected="one per row", got=describe(labels)) from error
    if np.issubdtype(values.dtype, np.number) or values.dtype == bool:
        spelled = spelled_codes(values, names) if column and np.isfinite(values.astype(np.float64)).all() else None
        return torch.from_numpy(values.astype(np.float64) if spelled is None else spelled)
    codes = {name: number for number, name in enumerate(names)}
    unknown = sorted({str(item) for item in values.reshape(-1) if str(item) not in codes})
    if not unknown:
        return torch.tensor([codes[str(item)] for item in values.reshape(-1)])
    try:
        return torch.tensor([float(item) for item in values.reshape(-1)])
    except (TypeError, ValueError) as error:
        known = ", ".join(list(names)[:8]) or "numbers"
        raise InputError("labels", expected=f"classes of the model ({known})", got=repr(unknown[0])) from error
