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

    final: the activation that the loss implies. loss: (logits, goal) -> mean loss. score: (logits, goal) -> (N,): what
    is right, or for the metric r2 the squared error. check: raises InputError where goals do not fit the logits.
    teacher: the network is given the goal while it learns.
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


def binary_loss(logits: Tensor, goal: Tensor) -> Tensor:
    """Return the mean binary cross entropy. logits: (N, 1); goal: (N,), 0, 1 or a probability between them."""
    return functional.binary_cross_entropy_with_logits(logits[:, 0], goal.to(logits.dtype))


def sequence_loss(logits: Tensor, goal: Tensor) -> Tensor:
    """Return the mean cross entropy of each symbol, padding (0) left out. logits: (N, T, K), goal: (N, T)."""
    return functional.cross_entropy(logits.flatten(0, 1), goal.flatten(), ignore_index=0)


def whole_sequences(logits: Tensor, goal: Tensor) -> Tensor:
    """Say for each sequence whether every symbol up to its end is the most probable one.

    Told the right symbols before, a network that gets all of them right would have written just these on its own.
    """
    return ((logits.argmax(2) == goal) | (goal == 0)).all(1)


def _numbers(logits: Tensor, goal: Tensor) -> None:
    if tuple(logits.shape[1:]) != tuple(goal.shape[1:]) or not goal.is_floating_point():
        wanted = f"floating-point numbers, {tuple(logits.shape[1:])} for each row"
        raise InputError("goals", expected=wanted, got=describe(goal), operation="train")
    if not bool(torch.isfinite(goal).all()):
        raise InputError("goals", expected="finite numbers", got="NaN or infinity", operation="train")


def _labels(logits: Tensor, goal: Tensor) -> None:
    _numbers(logits, goal)
    _between(goal)


def _yes_or_no(logits: Tensor, goal: Tensor) -> None:
    if logits.shape[1:] != (1,) or goal.ndim != 1:
        wanted = "one number for each row, and a network with one output"
        raise InputError(
            "goals", expected=wanted, got=f"{describe(goal)} and {logits.shape[1]} outputs", operation="train"
        )
    _between(goal)


def _between(goal: Tensor) -> None:
    if not bool(((goal >= 0) & (goal <= 1)).all()):
        got = f"{float(goal.min()):g} to {float(goal.max()):g}"
        raise InputError("goals", expected="labels from 0 to 1", got=got, operation="train")


def _classes(logits: Tensor, goal: Tensor) -> None:
    if goal.is_floating_point() or tuple(goal.shape[1:]) != tuple(logits.shape[1:-1]):
        wanted = f"whole numbers, {tuple(logits.shape[1:-1]) or 'one'} for each row"
        raise InputError("goals", expected=wanted, got=describe(goal), operation="train")
    if int(goal.min()) < 0 or int(goal.max()) >= logits.shape[-1]:
        wanted = f"labels from 0 to {logits.shape[-1] - 1}"
        raise InputError("goals", expected=wanted, got=f"{int(goal.min())} to {int(goal.max())}", operation="train")


HEADS: dict[str, Head] = {
    # one number; goal (N, 1)
    "regression": Head("linear", functional.mse_loss, lambda z, goal: ((z - goal) ** 2).mean(1), _numbers, metric="r2"),
    # is or is not; one logit (N, 1), goal (N,) of 0 and 1
    "binary": Head("sigmoid", binary_loss, lambda z, goal: (z[:, 0] > 0) == (goal > 0.5), _yes_or_no),
    # one of many; logits (N, K), goal a class number (N,)
    "classification": Head("softmax", functional.cross_entropy, lambda z, goal: z.argmax(1) == goal, _classes),
    # several of many; logits (N, K), goal (N, K) of 0 and 1; right where every label is
    "multilabel": Head(
        "sigmoid",
        functional.binary_cross_entropy_with_logits,
        lambda z, goal: ((z > 0) == (goal > 0.5)).all(1),
        _labels,
    ),
    # one of many at each step; logits (N, T, K), goal (N, T), padded with 0; right where the whole sequence is
    "sequence": Head("softmax", sequence_loss, whole_sequences, _classes, teacher=True),
}
