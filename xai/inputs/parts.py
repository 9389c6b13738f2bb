"""Parts: what an input is cut into, so that a method can hide some of it and ask the network again."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from xai.base.arrays import as_tensor
from xai.base.errors import InputError, describe
from xai.inputs.tokens import TokenizedText

__all__ = ["Parts", "given_labels", "of_positions", "one_each", "renumbered"]


@dataclass(frozen=True)
class Parts:
    """The parts of each input of a batch.

    Attributes:
        labels: the part that each position belongs to, (N, *positions) as int64, -1 for none; None where every position
            is a part of its own.
        over: what the parts are: "segments", "features" (columns), "steps" or "tokens", as in an explanation.
        cut: how they were cut, by name; "given" where the caller gave the labels.
        names: how each part is called, by row; empty where they have numbers only.
        texts: of texts, the pieces that the parts are made of.
    """

    labels: Tensor | None
    over: str
    cut: str = ""
    names: tuple[tuple[str, ...], ...] = ()
    texts: tuple[TokenizedText, ...] = ()

    def labelled(self) -> Tensor:
        """Return the labels; raises InputError where there are none."""
        if self.labels is None:
            raise InputError("segments", expected="parts with labels", got="a part for each position")
        return self.labels

    def counts(self) -> list[int]:
        """Return how many parts each input has."""
        if self.names:
            return [len(row) for row in self.names]
        return [] if self.labels is None else (self.labels.flatten(1).amax(1) + 1).tolist()


def one_each(shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Return labels of a part for each position, (N, *positions); shape: that of the labels."""
    size = torch.Size(shape[1:]).numel()
    return torch.arange(size, device=device).view(shape[1:]).expand(shape).contiguous()


def of_positions(batch: Tensor, over: str, how: object) -> Parts:
    """Return a part for each position along the first axis of inputs (N, L, ...), or the caller's own parts of them.

    Args:
        batch: (N, L, ...).
        over: what a part of its own is called.
        how: None, or labels: whole numbers (L,) or (N, L).

    Raises:
        InputError: for a way to cut that has a name.
    """
    shape = tuple(batch.shape[:2])
    if how is None:
        return Parts(one_each(shape, batch.device), over, over)
    if isinstance(how, str):
        raise InputError("segments", expected="none or labels, since only images have them", got=describe(how))
    return Parts(given_labels(how, shape, batch.device), "segments", "given")


def given_labels(labels: object, shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Return the caller's own labels, any whole numbers, as 0 .. d-1 for each input, (N, *positions).

    Args:
        labels: of shape `shape`, or of one input for all.
        shape: (N, *positions).
        device: where they go.

    Raises:
        InputError: where they are no whole numbers, or of another shape.
    """
    found = as_tensor(labels, "segments")
    if found.is_floating_point() or tuple(found.shape) not in (shape[1:], shape):
        raise InputError("segments", expected=f"whole numbers of shape {shape[1:]} or {shape}", got=describe(found))
    return torch.stack([renumbered(part) for part in found.expand(shape).long()]).to(device)


def renumbered(labels: Tensor) -> Tensor:
    """Return labels of the same parts as numbers 0 .. d-1."""
    # Any integers will do; lime 0.2.0.1 silently never switches the last segment when labels start at 1.
    return torch.unique(labels, return_inverse=True)[1].reshape(labels.shape)
