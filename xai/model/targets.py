"""Which output is explained: a class, one class per row, or one class rather than another."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from xai.base.arrays import as_tensor
from xai.base.errors import TargetError, describe
from xai.base.frames import is_column
from xai.results.named_target import NamedTarget

__all__ = ["Target", "resolve_target"]


@dataclass(frozen=True)
class Target:
    """`index` (N,) names the explained output of each row; `against` (N,), where given, the one it is compared with."""

    index: Tensor
    against: Tensor | None = None
    functions: tuple[NamedTarget, ...] = ()  # where the outputs are no classes, what they are

    def select(self, scores: Tensor, rows: Tensor | None) -> Tensor:
        """Return the explained number of each row, shape (n,), from scores (n, K) of the rows numbered `rows` (n,).

        None is all rows in their order.
        """
        found = _picked(scores, self.index, rows)
        return found if self.against is None else found - _picked(scores, self.against, rows)

    def labels(self) -> tuple[int | tuple[int, int] | NamedTarget, ...]:
        """Return the target of each row: a number, a pair, or what the explained output is."""
        if self.functions:
            return tuple(self.functions[number] for number in self.index.tolist())
        if self.against is None:
            return tuple(self.index.tolist())
        return tuple(zip(self.index.tolist(), self.against.tolist(), strict=True))

    def names(self, classes: list[str] | None) -> tuple[str, ...]:
        """Return the target of each row by name: a class, "a rather than b", or what the explained output is."""
        return tuple(_called(label, classes or []) for label in self.labels())


def _called(label: int | tuple[int, int] | NamedTarget, classes: list[str]) -> str:
    if isinstance(label, NamedTarget):
        return label.name
    if isinstance(label, tuple):
        return " rather than ".join(_called(number, classes) for number in label)
    return classes[label] if label < len(classes) else str(label)


def _picked(scores: Tensor, index: Tensor, rows: Tensor | None) -> Tensor:
    return scores.gather(1, (index if rows is None else index[rows])[:, None])[:, 0]


def resolve_target(target: object, probabilities: Tensor, classes: list[str] | None, task: str) -> Target:
    """Turn what a caller wrote into a Target for probabilities (or values) of shape (N, K).

    None is the predicted class; an int or a class name is that class for every row; a tuple (a, b) asks why a rather
    than b; a list or array has one of these per row.
    """
    rows, outputs = probabilities.shape
    device = probabilities.device

    def number(item: object) -> int:
        return _number(item, outputs, classes, "an output" if task == "regression" else "a class")

    if target is None:
        if task == "regression" and outputs > 1:
            raise TargetError("target", expected=f"an output from 0 to {outputs - 1}", got="None")
        return Target(probabilities.argmax(1))
    given = target
    if is_column(target):  # of a table, whatever its index
        target = cast(Any, target).tolist()
    if isinstance(target, np.ndarray | Tensor) and target.ndim > 0:
        target = as_tensor(target, "target").tolist() if isinstance(target, Tensor) else target.tolist()
    items: list[Any] = target if isinstance(target, list) else [target] * rows
    if len(items) != rows:
        raise TargetError("target", expected=f"one per row ({rows})", got=f"{len(items)}")
    pairs = [isinstance(item, tuple | list) for item in items]
    if not any(pairs):
        return Target(torch.tensor([number(item) for item in items], device=device))
    if not all(pairs) or any(len(item) != 2 for item in items):
        raise TargetError("target", expected="a class or a pair (a, b) for every row", got=describe(given))
    first, second = (torch.tensor([number(item[side]) for item in items], device=device) for side in (0, 1))
    if bool((first == second).any()):
        same = classes[int(first[first == second][0])] if classes else int(first[first == second][0])
        raise TargetError("target", expected="a pair of two different classes", got=f"{same!r} rather than itself")
    return Target(first, second)


def _number(item: Any, outputs: int, classes: list[str] | None, noun: str) -> int:
    if isinstance(item, str):
        if classes and item in classes:
            return classes.index(item)
        if not item.isdecimal():
            known = "a number" if not classes else _known(item, classes)
            raise TargetError("target", expected=f"one of the classes ({known})", got=repr(item))
    try:
        number = int(item)
        exact = isinstance(item, str) or number == item
    except (TypeError, ValueError, OverflowError):  # infinity is a number, and no class
        number, exact = -1, False
    if isinstance(item, bool | np.bool_) or not exact or not 0 <= number < outputs:
        raise TargetError("target", expected=f"{noun} from 0 to {outputs - 1}", got=describe(item))
    return number


def _known(item: str, classes: list[str]) -> str:
    if len(classes) <= 12:
        return ", ".join(classes)
    near = difflib.get_close_matches(item, classes, n=5, cutoff=0.5)
    return ", ".join([*near, *(name for name in classes[: 12 - len(near)] if name not in near), "..."])
