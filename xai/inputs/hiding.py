"""The one masked evaluation: hide some parts of an input, ask the network again, and return its scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Hiding", "InTurn", "Replacing", "masked_scores"]

# Up to so many parts, equal masks are worth looking for: by one number each, or bit by bit.
IN_ONE_NUMBER, BIT_BY_BIT = 62, 256
ROUNDS = 16  # orders in which backgrounds take turns, before they begin again

Batch = Tensor | list[str]


class Hiding(Protocol):
    """How the parts of a batch's rows are hidden; `backgrounds`: how many things may stand where a part is hidden."""

    @property
    def backgrounds(self) -> int: ...

    def show(self, rows: Tensor, masks: Tensor, evaluation: Tensor) -> Batch:
        """Return a batch of n: the rows (n,) or (1,) with the parts shown that masks (n, parts) say.

        evaluation: the number of each of a row's evaluations, (n,): of B backgrounds it takes number modulo B.
        """
        ...

    def lengths(self, rows: Tensor, masks: Tensor) -> Tensor | None:
        """Return how long each of the batch's items is, (n,), where shorter ones would be padded."""
        ...


class Asked(Protocol):
    """What a session gives to a masked evaluation."""

    inputs: Tensor

    def chunks(self, total: int) -> Iterator[Tensor]: ...

    def scores(self, batch: Any, rows: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Replacing:
    """Parts of numbers are replaced by those of baselines.

    Attributes:
        inputs: (N, ...).
        labels: the part of each position, (N or 1, *positions); None where each position is a part.
        baselines: what stands where a part is hidden, (B, N, ...).
        hide: from a batch, what is shown of it (n, *positions) and a baseline to a batch: that of the kind of input.
    """

    inputs: Tensor
    labels: Tensor | None
    baselines: Tensor
    positions: tuple[int, ...]
    hide: Callable[[Tensor, Tensor, Tensor], Tensor]

    @property
    def backgrounds(self) -> int:
        return len(self.baselines)

    def show(self, rows: Tensor, masks: Tensor, evaluation: Tensor) -> Tensor:
        """Return a batch (n, ...) of rows whose hidden parts come from the baselines, in turn."""
        count = len(self.baselines)
        hidden = self.baselines[0, rows] if count == 1 else self.baselines[evaluation % count, rows]
        return self.hide(self.inputs[rows], self._shown(rows, masks), hidden)

    def lengths(self, rows: Tensor, masks: Tensor) -> None:
        """Return None: all are of one length."""

    def _shown(self, rows: Tensor, masks: Tensor) -> Tensor:
        if self.labels is None:
            return masks.view(len(masks), *self.positions)
        if len(rows) == 1:
            return masks[:, self.labels[rows[0]]]
        return masks.gather(1, self.labels[rows].flatten(1)).view(len(masks), *self.positions)


@dataclass(frozen=True)
class InTurn:
    """Of many backgrounds some stand where a part is hidden, others under each mask, as evenly as the masks allow.

    Attributes:
        hiding: with all backgrounds.
        each: how many stand there under one mask.
        order: their numbers, drawn.
    """

    hiding: Hiding
    each: int
    order: Tensor

    @classmethod
    def of(cls, hiding: Hiding, each: int, seed: int = 0) -> Hiding:
        """Return that, or the hiding itself where it has no more backgrounds than that."""
        if hiding.backgrounds <= each:
            return hiding
        generator = torch.Generator().manual_seed(seed)
        rounds = [torch.randperm(hiding.backgrounds, generator=generator) for _ in range(ROUNDS)]
        return cls(hiding, each, torch.cat(rounds))

    @property
    def backgrounds(self) -> int:
        return self.each

    def show(self, rows: Tensor, masks: Tensor, evaluation: Tensor) -> Batch:
        """Return a batch of n whose hidden parts come from the background whose turn it is."""
        return self.hiding.show(rows, masks, self.order.to(evaluation.device)[evaluation % len(self.order)])

    def lengths(self, rows: Tensor, masks: Tensor) -> Tensor | None:
        """Return how long each of the batch's items is."""
        return self.hiding.lengths(rows, masks)


def masked_scores(
    session: Asked,
    hiding: Hiding,
    masks: Tensor,
    rows: Tensor,
    *,
    once: bool = True,
    answer: Callable[[Any, Tensor], Tensor] | None = None,
) -> Tensor:
    """Return the score of each row under each mask, the mean over the backgrounds, (R, S) in float64.

    Args:
        session: the call at work; cuts the evaluations into batches and scores them.
        hiding: how parts are hidden, from `Input.hiding`.
        masks: which parts are shown, (S, parts) of bool; the same masks for all rows.
        rows: numbers of the rows, (R,); of texts one.
        once: evaluate equal masks once.
        answer: what is asked instead of the session's scores, from (batch, rows) to (n, ...).
    """
    masks = masks.to(session.inputs.device)
    again = None
    if once:
        masks, again = _distinct(masks)
    lengths = hiding.lengths(rows, masks)
    order = None if lengths is None else lengths.argsort(descending=True, stable=True).to(masks.device)
    if order is not None:  # neighbors of one length are not padded, so that no time is spent on padding
        masks = masks[order]
    found = _evaluate(session, hiding, masks, rows, answer or session.scores)
    if order is not None:
        found = torch.empty_like(found).index_copy_(1, order, found)
    return found if again is None else found[:, again]


def _evaluate(session: Asked, hiding: Hiding, masks: Tensor, rows: Tensor, answer: Callable) -> Tensor:
    count, backgrounds, total = len(masks), hiding.backgrounds, None
    for indices in session.chunks(len(rows) * count * backgrounds):
        cell = indices if backgrounds == 1 else indices // backgrounds
        # Of one row or one mask nothing has to be looked up, which is what few evaluations of a small network cost.
        mask, whose = (cell, rows) if len(rows) == 1 else (cell % count, rows[cell // count if count > 1 else cell])
        shown = masks.expand(len(cell), -1) if count == 1 else masks[mask]
        batch = hiding.show(whose, shown, indices % (count * backgrounds))  # a row draws the same in any company
        scores = answer(batch, whose.expand(len(cell))) / backgrounds
        if total is None:
            total = scores.new_zeros(len(rows) * count, *scores.shape[1:])
        total.index_add_(0, cell, scores)
    if total is None:
        return torch.zeros(len(rows), count, dtype=torch.float64, device=masks.device)
    return total.view(len(rows), count, *total.shape[1:])


def _distinct(masks: Tensor) -> tuple[Tensor, Tensor | None]:
    """Return masks (S, parts) without those that occur again, and where each is found, (S,), None where none does.

    Of few parts, and with nearly all or none shown, many are equal; one answer for them also ties to the last bit.
    """
    size = masks.shape[1]
    if size > BIT_BY_BIT:
        return masks, None
    if size > IN_ONE_NUMBER:
        kept, again = masks.unique(dim=0, return_inverse=True)
        return (masks, None) if len(kept) == len(masks) else (kept, again)
    keys, again = (masks * 2 ** torch.arange(size, device=masks.device)).sum(1).unique(return_inverse=True)
    if len(keys) == len(masks):
        return masks, None
    first = torch.empty_like(keys).scatter_(0, again, torch.arange(len(masks), device=masks.device))
    return masks[first], again
