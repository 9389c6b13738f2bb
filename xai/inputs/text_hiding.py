"""Words of a text are hidden: taken out, or a string put in their place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from xai.inputs.token_numbers import TYPE
from xai.inputs.tokens import TokenizedText

__all__ = ["HiddenNumbers", "HiddenTokens", "HiddenWords"]


class Numbered(NamedTuple):
    """The words of a text: the number and the part of each, (words,), and the number that stands for a hidden word."""

    numbers: Tensor
    owner: Tensor
    mask: int | None


class HiddenWords:
    """Parts of texts are hidden in their strings, or in the numbers of their words where no string is needed.

    Args:
        texts: in pieces, one for each row.
        hide: the string that stands in a part's place; None takes it out.
        numbers: from a string to the numbers of its words, where those of a whole text are those of its words alone;
            None where only strings will do.
        most: how many words the network reads at most.
    """

    backgrounds = 1

    def __init__(
        self,
        texts: Sequence[TokenizedText],
        hide: str | None,
        numbers: Callable[[str], list[int]] | None,
        most: int | None,
    ) -> None:
        self.texts, self.hide, self.numbers, self.most = texts, hide, numbers, most
        self._known: dict[int, Numbered | None] = {}

    def show(self, rows: Tensor, masks: Tensor, evaluation: Tensor) -> Tensor | list[str]:
        """Return one text under each mask (n, parts): strings, or numbers of words (n, L), the kept ones in front."""
        row = int(rows[0])
        numbered = self._numbered(row)
        if numbered is None:
            return [self.texts[row].text(on, self.hide or "") for on in masks.tolist()]
        numbers, owner = numbered.numbers.to(masks.device), numbered.owner.to(masks.device)
        kept = masks[:, owner]  # (n, words)
        shown = _in_front(kept, numbers) if numbered.mask is None else torch.where(kept, numbers, numbered.mask)
        return shown[:, : max(1, int(self._words(kept, numbered).max()))]

    def lengths(self, rows: Tensor, masks: Tensor) -> Tensor:
        """Return how many characters or words each item of the batch has, (n,)."""
        row = int(rows[0])
        numbered = self._numbered(row)
        if numbered is None:
            return self._characters(row, masks)
        return self._words(masks[:, numbered.owner.to(masks.device)], numbered)

    def _words(self, kept: Tensor, numbered: Numbered) -> Tensor:
        count = kept.sum(1) if numbered.mask is None else torch.full((len(kept),), kept.shape[1], device=kept.device)
        return count if self.most is None else count.clamp_max(self.most)

    def _characters(self, row: int, masks: Tensor) -> Tensor:
        text, between = self.texts[row], 0
        shown, hidden = torch.zeros(2, len(text.names), dtype=torch.int64)
        for piece, part in zip(text.pieces, text.feature, strict=True):
            if part < 0:
                between += len(piece)
            else:
                shown[part] += len(piece)
                hidden[part] += len(self.hide or "")
        return between + torch.where(masks, shown.to(masks.device), hidden.to(masks.device)).sum(1)

    def _numbered(self, row: int) -> Numbered | None:
        if self.numbers is not None and row not in self._known:
            self._known[row] = _word_numbers(self.texts[row], self.hide, self.numbers)
        return self._known.get(row)


class HiddenNumbers:
    """Words of texts that were given as numbers (N, L) are taken out; those behind them move up."""

    backgrounds = 1

    def __init__(self, numbers: Tensor, padding: int) -> None:
        self.numbers, self.padding = numbers, padding

    def show(self, rows: Tensor, masks: Tensor, evaluation: Tensor) -> Tensor:
        """Return the numbers (n, L) of the words that masks (n, L) show, padded to the length that was given."""
        numbers = self.numbers[rows[0]]
        return _in_front(masks & (numbers != self.padding), numbers, self.padding)

    def lengths(self, rows: Tensor, masks: Tensor) -> None:
        """Return None: the padding was given with the words, and stays."""


class HiddenTokens:
    """Parts of texts are hidden by their tokens, which are packed numbers (N, L): see `xai.inputs.token_numbers`.

    What is left are the tokens of the whole text: none is cut anew because its neighbor is gone.

    Args:
        numbers: (N, L).
        owners: The part of each token, (N, L), -1 for those that are never hidden.
        token: The id that stands in place of each hidden token; None takes them out, and the attention mask follows.
        padding: The id behind what is shorter then.
        side: Where padding stands, "right" or "left".
    """

    backgrounds = 1

    def __init__(self, numbers: Tensor, owners: Tensor, token: int | None, padding: int, side: str) -> None:
        self.numbers, self.owners, self.token, self.padding, self.side = numbers, owners, token, padding, side

    def show(self, rows: Tensor, masks: Tensor, evaluation: Tensor) -> Tensor:
        """Return packed numbers (n, L) of the tokens of one text under each mask (n, parts)."""
        row = rows[0]
        there = self.numbers[row] >= 0
        numbers, kept = self.numbers[row][there], self._kept(row, masks)
        if self.token is not None:
            return torch.where(kept, numbers, (numbers // TYPE) * TYPE + self.token)
        shown = _in_front(kept, numbers, ~self.padding)
        count = kept.sum(1)
        shown = shown[:, : max(1, int(count.max()))]
        if self.side == "right":
            return shown
        positions = torch.arange(shown.shape[1], device=shown.device) - (shown.shape[1] - count)[:, None]
        return shown.gather(1, positions % shown.shape[1])

    def lengths(self, rows: Tensor, masks: Tensor) -> Tensor | None:
        """Return how many tokens each item has, (n,), where those that are hidden are taken out."""
        return self._kept(rows[0], masks).sum(1) if self.token is None else None

    def _kept(self, row: Tensor, masks: Tensor) -> Tensor:
        owner = self.owners[row][self.numbers[row] >= 0].to(masks.device)
        always = (owner < 0) | (owner >= masks.shape[1])
        return masks[:, owner.clamp(0, masks.shape[1] - 1)] | always


def _in_front(kept: Tensor, numbers: Tensor, padding: int = 0) -> Tensor:
    """Return the kept ones of numbers (L,) in front, (n, L), padding behind them."""
    count, length = kept.shape
    # Each kept word goes to its position among the kept ones, every other one to a column that is cut off.
    position = torch.where(kept, kept.cumsum(1) - 1, length)
    batch = numbers.new_full((count, length + 1), padding)
    return batch.scatter_(1, position, numbers.expand(count, -1))[:, :length]


def _word_numbers(text: TokenizedText, hide: str | None, numbers: Callable[[str], list[int]]) -> Numbered | None:
    """Return each word's number and part; None where a part is no whole word, so that only strings will do."""
    pieces = list(zip(text.pieces, text.feature, strict=True))
    found = [numbers(piece) for piece, part in pieces if part >= 0]
    mask = None if hide is None else numbers(hide)
    between = any(numbers(piece) for piece, part in pieces if part < 0)
    touching = any(first[1] >= 0 and second[1] >= 0 for first, second in pairwise(pieces))
    if between or touching or any(len(part) != 1 for part in found) or (mask is not None and len(mask) != 1):
        return None
    owner = torch.tensor([part for _, part in pieces if part >= 0])
    return Numbered(torch.tensor([part[0] for part in found]), owner, None if mask is None else mask[0])
