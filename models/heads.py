"""From the task to what the last layer means: the loss, computed from logits, and which answers are right.

No network ends in a sigmoid or softmax of its own: the losses take logits, which neither overflow nor lose digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from xai.base.errors import InputError, describe

__all__ = ["HEADS", "Head", "find_head"]


class Head(NamedTuple):
    """How a task is trained and scored.

    final: the activation that the loss implies. loss: (logits, target) -> mean loss. score: (logits, target) -> (N,):
    what is right, or for the metric r2 the squared error. check: raises InputError where targets do not fit the logits.
    teacher: the network is given the target while it learns.
    """

    final: str
    loss: Callable[[Tensor, Tensor], Tensor]
    score: Callable[[Tensor, Tensor], Tensor]
    check: Callable[[Tensor, Tensor], None]
    metric: str = "accuracy"
    teacher: bool = False


def find_head(task: str) -> Head:
    """Return the head of a task; raises InputError with the known tasks for another."""
    if task not in HEADS:
        raise InputError("task", expected=f"one of {', '.join(HEADS)}", got=repr(task), operation="train")
    return HEADS[task]


def binary_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return the mean binary cross entropy. logits: (N, 1); target: (N,), 0, 1 or a probability between them."""
    return functional.binary_cross_entropy_with_logits(logits[:, 0], target.to(logits.dtype))


def sequence_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return the mean cross entropy of each symbol, padding (0) left out. logits: (N, T, K), target: (N, T)."""
    return functional.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=0)


def whole_sequences(logits: Tensor, target: Tensor) -> Tensor:
    """Say for each sequence whether every symbol up to its end is the most probable one.

    Told the right symbols before, a network that gets all of them right would have written just these on its own.
    """
    return ((logits.argmax(2) == target) | (target == 0)).all(1)


def _numbers(logits: Tensor, target: Tensor) -> None:
    if tuple(logits.shape[1:]) != tuple(target.shape[1:]) or not target.is_floating_point():
        wanted = f"floating-point numbers, {tuple(logits.shape[1:])} for each row"
        raise InputError("labels", expected=wanted, got=describe(target), operation="train")
    if not bool(torch.isfinite(target).all()):
        raise InputError("labels", expected="finite numbers", got="NaN or infinity", operation="train")


def _labels(logits: Tensor, target: Tensor) -> None:
    _numbers(logits, target)
    _between(target)


def _yes_or_no(logits: Tensor, target: Tensor) -> None:
    if logits.shape[1:] != (1,) or target.ndim != 1:
        wanted = "one number for each row, and a network with one output"
        raise InputError(
            "labels", expected=wanted, got=f"{describe(target)} and {logits.shape[1]} outputs", operation="train"
        )
    _between(target)


def _between(target: Tensor) -> None:
    if not bool(((target >= 0) & (target <= 1)).all()):
        got = f"{float(target.min()):g} to {float(target.max()):g}"
        raise InputError("labels", expected="labels from 0 to 1", got=got, operation="train")


def _classes(logits: Tensor, target: Tensor) -> None:
    if target.is_floating_point() or tuple(target.shape[1:]) != tuple(logits.shape[1:-1]):
        wanted = f"whole numbers, {tuple(logits.shape[1:-1]) or 'one'} for each row"
        raise InputError("labels", expected=wanted, got=describe(target), operation="train")
    if int(target.min()) < 0 or int(target.max()) >= logits.shape[-1]:
        wanted = f"labels from 0 to {logits.shape[-1] - 1}"
        raise InputError(
            "labels", expected=wanted, got=f"{int(target.min())} to {int(target.max())}", operation="train"
        )


HEADS: dict[str, Head] = {
    # one number; target (N, 1)
    "regression": Head(
        "linear", functional.mse_loss, lambda z, target: ((z - target) ** 2).mean(1), _numbers, metric="r2"
    ),
    # is or is not; one logit (N, 1), target (N,) of 0 and 1
    "binary": Head("sigmoid", binary_loss, lambda z, target: (z[:, 0] > 0) == (target > 0.5), _yes_or_no),
    # one of many; logits (N, K), target a class number (N,)
    "classification": Head("softmax", functional.cross_entropy, lambda z, target: z.argmax(1) == target, _classes),
    # several of many; logits (N, K), target (N, K) of 0 and 1; right where every label is
    "multilabel": Head(
        "sigmoid",
        functional.binary_cross_entropy_with_logits,
        lambda z, target: ((z > 0) == (target > 0.5)).all(1),
        _labels,
    ),
    # one of many at each step; logits (N, T, K), target (N, T), padded with 0; right where the whole sequence is
    "sequence": Head("softmax", sequence_loss, whole_sequences, _classes, teacher=True),
}
