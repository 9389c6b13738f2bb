"""Whose tokens are whose: the words of texts, with the special tokens that a tokenizer puts among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from xai.inputs.token_spans import Span, stripped
from xai.inputs.tokenizers import Encoded, Tokenizer

__all__ = ["WordParts", "owners_of_labels", "word_parts"]


class WordParts(NamedTuple):
    """Which tokens are which words.

    Attributes:
        owner: The word of each token, (N, L), -1 for none.
        names: How each word of a row is called.
        labels: The word of each character, (N, characters), -1 for none; None where no text was given.
    """

    owner: Tensor
    names: tuple[tuple[str, ...], ...]
    labels: Tensor | None


def owners_of_labels(text: str, encoded: Encoded, labels: Sequence[int]) -> list[int]:
    """Return the part of each token, -1 for none, from the part of each character of its text.

    Where parts are numbered along the text with special tokens among them, the numbers that no character has are
    those of the special tokens, in their order.
    """
    used = set(labels)
    free = (number for number in range(len(labels) + len(encoded.ids)) if number not in used)
    owners = _owners(text, encoded, labels)
    return [next(free) if special else owner for owner, special in zip(owners, encoded.special, strict=True)]


def _owners(text: str, encoded: Encoded, labels: Sequence[int]) -> list[int]:
    """Return the part of each token, -1 for none; white space belongs to what follows it."""
    owners, previous = [], -1
    for span, special in reversed(list(zip(encoded.spans, encoded.special, strict=True))):
        start, stop = stripped(text, span)
        if special or start < stop:
            previous = -1 if special else next((label for label in labels[start:stop] if label >= 0), -1)
        owners.append(previous)
    return owners[::-1]


def word_parts(
    tokenizer: Tokenizer, texts: Sequence[str], spans: Sequence[Sequence[Span]], numbers: Tensor, characters: int
) -> WordParts:
    """Return the parts of texts, special tokens among them, for values of the tokens in packed numbers (N, L).

    Args:
        tokenizer: Of the texts.
        texts: Those that the numbers are of.
        spans: Where the parts of each text stand.
        numbers: (N, L).
        characters: How many each row of the labels has.
    """
    owner = torch.full(numbers.shape, -1, dtype=torch.int64)
    labels = torch.full((len(texts), characters), -1, dtype=torch.int64)
    names = []
    for row, (text, encoded) in enumerate(zip(texts, tokenizer.encode(texts), strict=True)):
        parts = [(*span, text[slice(*span)]) for span in spans[row]]
        owner[row, (numbers[row] >= 0).cpu()], named = _numbered(tokenizer, text, encoded, parts)
        for number, (start, stop, _) in named.items():
            labels[row, start:stop] = number
        names.append(tuple(name for _, (_, _, name) in sorted(named.items())))
    return WordParts(owner, tuple(names), labels)


def _numbered(
    tokenizer: Tokenizer, text: str, encoded: Encoded, words: list[tuple[int, int, str]]
) -> tuple[Tensor, dict[int, tuple[int, int, str]]]:
    """Return the part of each token (L,), and where each part stands and its name: in the order of the tokens.

    So a special token stands among the words where the network reads it.
    """
    labels = [-1] * len(text)
    for number, (start, stop, _) in enumerate(words):
        labels[start:stop] = [number] * (stop - start)
    numbers: dict[tuple[str, int], int] = {}
    named, owner = {}, []
    for position, (word, special) in enumerate(zip(_owners(text, encoded, labels), encoded.special, strict=True)):
        if word < 0 and not special:
            owner.append(-1)
            continue
        number = numbers.setdefault(("special", position) if special else ("word", word), len(numbers))
        named[number] = (0, 0, tokenizer.name(encoded.ids[position])) if special else words[word]
        owner.append(number)
    return torch.tensor(owner), named
