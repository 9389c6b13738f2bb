"""From the task to what the last layer means: the loss, computed from logits, and the answer it gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn import functional

__all__ = ["HEADS", "Head"]


class Head(NamedTuple):
    """loss: (logits (N, K), goal) -> mean loss. correct: (logits, goal) -> (N,) of bool."""

    loss: Callable[[Tensor, Tensor], Tensor]
    correct: Callable[[Tensor, Tensor], Tensor]


HEADS: dict[str, Head] = {
    # softmax and cross entropy: one of many; the goal is a class number (N,)
    "classification": Head(functional.cross_entropy, lambda logits, goal: logits.argmax(1) == goal),
}
