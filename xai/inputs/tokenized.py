"""Texts that a tokenizer cuts: their tokens as a batch, what the network is called with, and whose tokens are whose."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from xai.base.errors import InputError, XaiWarning, describe
from xai.inputs.code_points import to_texts
from xai.inputs.hiding import Hiding
from xai.inputs.parts import Parts, one_each
from xai.inputs.text_hiding import HiddenTokens
from xai.inputs.token_calls import NETWORK
from xai.inputs.token_numbers import pack, unpack
from xai.inputs.token_owners import WordParts, owners_of_labels, word_parts
from xai.inputs.token_spans import Span, stripped, word_spans
from xai.inputs.tokenizers import Encoded, Tokenizer
from xai.inputs.tokens import unit_spans

__all__ = ["TokenizerReader"]

MASK = "mask"


@dataclass(frozen=True)
class TokenizerReader:
    """What a TextInput with a tokenizer knows of tokens; numbers (N, L) are those of `xai.inputs.token_numbers`."""

    tokenizer: Tokenizer

    def numbers(self, texts: Sequence[str]) -> Tensor:
        """Return the tokens of texts, (N, L), padded as the tokenizer pads."""
        return _padded(self.tokenizer, self.tokenizer.encode(texts))

    def of(self, text: str) -> list[int]:
        """Return the ids of a text's tokens."""
        return self.tokenizer.encode([text])[0].ids

    def cut_off(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens of each text the network does not read."""
        return [row.cut for row in self.tokenizer.encode(texts)]

    def say_cuts(self, texts: Sequence[str], argument: str) -> None:
        """Warn where texts are longer than the network reads."""
        longer = [row for row, count in enumerate(self.cut_off(texts)) if count]
        if longer:
            cut = f"row {longer[0]} is cut" if len(longer) == 1 else f"{len(longer)} of {len(texts)} are cut"
            text = f"{argument}: {cut}: longer than the tokens that the network reads"
            warnings.warn(text, XaiWarning, stacklevel=6)

    def given(self, value: Tensor | Mapping[str, Any], argument: str) -> Tensor:
        """Return ids that a caller gave, (N, L): a tensor of ids, or what a tokenizer returns.

        Raises InputError where they are no ids of this tokenizer.
        """
        if isinstance(value, Mapping):
            parts = [None if value.get(name) is None else torch.as_tensor(value[name]) for name in NETWORK]
            if parts[0] is None:
                raise InputError(argument, expected="a dictionary with input_ids", got=", ".join(map(str, value)))
            numbers = pack(parts[0], *parts[1:])
        else:
            numbers = value.detach()
            if numbers.ndim == 2 and numbers.numel() and bool((numbers >= 0).all()):
                numbers = torch.where(_padding(self.tokenizer, numbers), ~numbers, numbers)
        if numbers.ndim != 2 or not numbers.numel() or not bool((unpack(numbers).ids < self.tokenizer.size).all()):
            raise InputError(argument, expected=f"ids (N, L) below {self.tokenizer.size}", got=describe(value))
        return numbers

    @property
    def padding(self) -> tuple[int, str]:
        """Return the number that stands for padding, and on which side it stands."""
        number, side = self.tokenizer.padding
        return ~number, side

    def present(self, numbers: Tensor) -> Tensor:
        """Return which tokens the network attends to, (N, L)."""
        return numbers >= 0

    def ends(self, numbers: Tensor) -> Tensor:
        """Return which tokens are no part of a text, (N, L): padding and special ones."""
        tokens = unpack(numbers)
        special = torch.tensor(sorted(self.tokenizer.special), dtype=torch.int64, device=numbers.device)
        return torch.isin(tokens.ids, special) | (tokens.mask == 0)

    def ids(self, numbers: Tensor) -> Tensor:
        """Return what an embedding reads, (N, L)."""
        return unpack(numbers).ids

    def token(self, name: str) -> int | None:
        """Return the id of "padding", of an "unknown" word or of the "mask" token, None where there is none."""
        known = {"padding": self.tokenizer.padding[0], "unknown": self.tokenizer.unknown, MASK: self.tokenizer.mask}
        return known.get(name)

    def names(self, numbers: Tensor) -> tuple[tuple[str, ...], ...]:
        """Return each token as the vocabulary has it."""
        return tuple(tuple(map(self.tokenizer.name, row)) for row in unpack(numbers).ids.tolist())

    def texts(self, numbers: Tensor) -> list[str] | None:
        """Return texts that have these tokens, None where there are none."""
        texts = [self.tokenizer.decode(row[row >= 0].tolist()) for row in numbers.cpu()]
        return texts if all(texts) and torch.equal(self.numbers(texts), numbers.cpu()) else None

    def spans(self, text: str, units: Any = "words") -> list[Span]:
        """Return where the parts of a text stand that the network reads: "words", "tokens", or as for `tokens.cut`."""
        (encoded,) = self.tokenizer.encode([text])
        tokens = zip(encoded.spans, encoded.special, strict=True)
        read = [stripped(text, span) for span, special in tokens if not special]
        read = [span for span in read if span[0] < span[1]]
        if isinstance(units, str) and units in ("words", "tokens"):
            return word_spans(text, read) if units == "words" else _merged(read)
        spans = unit_spans(text, units)
        return [span for span in spans if any(start < span[1] and span[0] < stop for start, stop in read)]

    def parts(self, numbers: Tensor) -> Parts:
        """Return a part for each token that was given, but for special ones."""
        kept = ~self.ends(numbers)
        named = zip(self.names(numbers), kept.tolist(), strict=True)
        names = tuple(tuple(name for name, here in zip(*row, strict=True) if here) for row in named)
        return Parts(torch.where(kept, kept.cumsum(1) - 1, -1), "tokens", "numbers", names)

    def word_parts(
        self, texts: Sequence[str] | None, numbers: Tensor, characters: int, units: Any = "words"
    ) -> WordParts:
        """Return which tokens are which words, or other units; where no texts were given, each token is one."""
        if texts is None:
            return WordParts(one_each(tuple(numbers.shape), numbers.device), self.names(numbers), None)
        spans = [self.spans(text, units) for text in texts]
        return word_parts(self.tokenizer, texts, spans, numbers, characters)

    def of_tokens(self, batch: Tensor, rows: Sequence[Tensor]) -> tuple[list[Tensor], WordParts] | None:
        """Return values of the tokens of texts, special ones and padding among them or not, as values of their words.

        Args:
            batch: Texts as code points (N, characters).
            rows: A value for each token of each text, (L,) each.

        Returns:
            The values, those of the pieces of a word added up, and the words; None where there are others than tokens.
        """
        texts = to_texts(batch)
        numbers = self.numbers(texts)
        sizes, counts = [tuple(row.shape) for row in rows], (numbers >= 0).sum(1).tolist()
        if sizes != [(count,) for count in counts] and set(sizes) != {(numbers.shape[1],)}:
            return None
        parts, found = self.word_parts(texts, numbers, batch.shape[1]), []
        for row, owner, present_mask, names in zip(rows, parts.owner, numbers >= 0, parts.names, strict=True):
            words = owner[present_mask].to(row.device)
            kept = row if len(row) == len(words) else row[present_mask.to(row.device)]
            found.append(row.new_zeros(len(names)).index_add(0, words[words >= 0], kept[words >= 0]))
        return found, parts

    def hiding(self, texts: Sequence[str] | None, numbers: Tensor, parts: Parts, hide: str | None) -> Hiding | None:
        """Return how parts are hidden by their tokens; None where a string in their place has several tokens."""
        token = self._hidden(hide)
        if hide is not None and token is None and texts is not None:
            return None
        if texts is None:
            owners = one_each(tuple(numbers.shape), numbers.device) if parts.labels is None else parts.labels
        else:
            owners = torch.full(numbers.shape, -1, dtype=torch.int64)
            rows = zip(texts, self.tokenizer.encode(texts), parts.labelled().tolist(), strict=True)
            for row, (text, encoded, labels) in enumerate(rows):
                words = torch.tensor(owners_of_labels(text, encoded, labels[: len(text)]))
                # Parts with names are all that is hidden; else the numbers that are left are those of special tokens.
                words = torch.where(words < len(parts.names[row]), words, -1) if parts.names else words
                owners[row, (numbers[row] >= 0).cpu()] = words
        return HiddenTokens(numbers, owners.to(numbers.device), token, *self.tokenizer.padding)

    def token_in_place(self, hide: str) -> int | None:
        """Return the id that stands in place of a hidden token, None where it is "removed".

        Raises InputError where that is a string of several tokens.
        """
        if hide == "removed":
            return None
        token = self._hidden(hide)
        if token is None:
            wanted = "'mask', 'removed' or a string that is one token"
            raise InputError("baseline", expected=wanted, got=repr(hide))
        return token

    def _hidden(self, hide: str | None) -> int | None:
        """Return the id in place of every token of a hidden word; None where that is a string, or nothing."""
        if hide is None:
            return None
        if hide == MASK and self.tokenizer.mask is None:
            wanted = "'removed' or a string, since the tokenizer has no mask token"
            raise InputError("baseline", expected=wanted, got=repr(hide))
        if hide == MASK:
            return self.tokenizer.mask
        (encoded,) = self.tokenizer.encode([hide])
        ids = [number for number in encoded.ids if number not in self.tokenizer.special]
        return ids[0] if len(ids) == 1 else None


def _padded(tokenizer: Tokenizer, rows: Sequence[Encoded]) -> Tensor:
    """Return encoded texts as packed numbers (N, L)."""
    number, side = tokenizer.padding
    length = max(1, *(len(row.ids) for row in rows))
    ids = torch.full((len(rows), length), number, dtype=torch.int64)
    mask, types = torch.zeros(2, len(rows), length, dtype=torch.int64)
    for position, row in enumerate(rows):
        present_mask = slice(length - len(row.ids), length) if side == "left" else slice(len(row.ids))
        ids[position, present_mask] = torch.tensor(row.ids, dtype=torch.int64)
        types[position, present_mask] = torch.tensor(row.types, dtype=torch.int64)
        mask[position, present_mask] = 1
    return pack(ids, mask, types)


def _padding(tokenizer: Tokenizer, ids: Tensor) -> Tensor:
    """Return which ids are padding, (N, L): those before the first, or behind the last, that is no padding."""
    number, side = tokenizer.padding
    if side == "left":
        return (ids != number).cumsum(1) == 0
    return ((ids != number).flip(1).cumsum(1) == 0).flip(1)


def _merged(spans: Sequence[Span]) -> list[Span]:
    """Return spans of tokens in order, those of the bytes of one letter as one."""
    found: list[Span] = []
    for start, stop in sorted(spans):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(stop, found[-1][1]))
        else:
            found.append((start, stop))
    return found
