"""A vocabulary of the caller's own: words by number from 2 on, 0 for padding and 1 for an unknown word."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from xai.base.errors import InputError, describe
from xai.base.name_lists import plain_names
from xai.inputs.padding import up_to_last
from xai.inputs.parts import Parts, one_each
from xai.inputs.token_owners import WordParts
from xai.inputs.token_spans import Span

__all__ = ["FIRST_WORD", "PADDING", "UNKNOWN", "VocabularyReader", "check_vocabulary"]

PADDING, UNKNOWN, FIRST_WORD = 0, 1, 2

# What tokenizers put beside words: signs of their own, and pieces of words.
FOREIGN = re.compile(r"\[(PAD|UNK|CLS|SEP|MASK|BOS|EOS)\]|</?(s|pad|unk|mask|bos|eos)>|<\|.*\|>|##.+|[\u0120\u2581].*")


def check_vocabulary(vocabulary: object) -> list[str]:
    """Return the words by number; raises InputError for repeated ones, and for the vocabulary of a tokenizer."""
    words = plain_names("vocabulary", _in_order(vocabulary), least=0)
    foreign = next((word for word in words if FOREIGN.fullmatch(word)), None)
    if foreign is not None:
        wanted = (
            "the words that numbers from 2 stand for (0 is padding, 1 an unknown word); the vocabulary of a "
            "tokenizer has numbers of its own: hand it to TextInput.of, or call the tokenizer in Model(forward=...)"
        )
        raise InputError("vocabulary", expected=wanted, got=f"one with {foreign!r}")
    return words


def _in_order(vocabulary: object) -> object:
    """Return the words of a dictionary by number, where its numbers are those that a TextInput gives to words."""
    if not isinstance(vocabulary, Mapping):
        return vocabulary
    numbers = sorted(vocabulary.values(), key=lambda number: (str(type(number)), number))
    if numbers != list(range(FIRST_WORD, FIRST_WORD + len(numbers))):
        wanted = f"words by number from {FIRST_WORD} on (0 is padding, 1 an unknown word)"
        raise InputError("vocabulary", expected=wanted, got=f"numbers from {numbers[0] if numbers else 'none'} on")
    return sorted(vocabulary, key=vocabulary.__getitem__)


def _numbered(rows: list[list[int]]) -> Tensor:
    """Return numbers of words as (N, L) in int64, 0 behind the end of a shorter row.

    >>> _numbered([[2, 3], [4]])
    tensor([[2, 3],
            [4, 0]])
    """
    ids = torch.full((len(rows), max(1, *map(len, rows))), PADDING, dtype=torch.int64)
    for row, numbers in zip(ids, rows, strict=True):
        row[: len(numbers)] = torch.tensor(numbers, dtype=torch.int64)
    return ids


@dataclass(frozen=True)
class VocabularyReader:
    """What a TextInput knows of words that a pattern finds, and of their numbers (N, L); see there for the fields."""

    vocabulary: list[str]
    pattern: str
    lowercase: bool
    length: int | None

    def numbers(self, texts: Sequence[str]) -> Tensor:
        """Return the numbers of the words of texts, (N, L) in int64."""
        return _numbered([self.of(text) for text in texts])

    def of(self, text: str) -> list[int]:
        """Return the numbers of a text's words."""
        return [self._numbering.get(word, UNKNOWN) for word in self.words(text)]

    @cached_property
    def _numbering(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.vocabulary, start=FIRST_WORD)}

    def given(self, value: Tensor | Mapping, argument: str) -> Tensor:
        """Return numbers (N, L) that a caller gave; raises InputError where they are none of the vocabulary's."""
        numbers, most = torch.as_tensor(value).detach(), len(self.vocabulary) + FIRST_WORD - 1
        if numbers.ndim != 2 or not numbers.numel() or int(numbers.min()) < 0 or int(numbers.max()) > most:
            wanted = f"rows of whole numbers from 0 to {most}"
            raise InputError(argument, expected=wanted, got=describe(numbers))
        return numbers

    @property
    def padding(self) -> tuple[int, str]:
        """Return the number that stands for padding, and on which side it stands."""
        return PADDING, "right"

    def present(self, numbers: Tensor) -> Tensor:
        """Return which positions hold a word, (N, L)."""
        return up_to_last(numbers != PADDING)

    def ends(self, numbers: Tensor) -> Tensor:
        """Return which numbers are no part of a text, (N, L): padding."""
        return ~self.present(numbers)

    def ids(self, numbers: Tensor) -> Tensor:
        """Return what an embedding reads, (N, L)."""
        return numbers

    def token(self, name: str) -> int | None:
        """Return the number of "padding" or of an "unknown" word; None for others."""
        return {"padding": PADDING, "unknown": UNKNOWN}.get(name)

    def names(self, numbers: Tensor) -> tuple[tuple[str, ...], ...]:
        """Return the word of each number."""
        known = ("(padding)", "(unknown)", *self.vocabulary)
        return tuple(tuple(known[number] for number in row) for row in numbers.tolist())

    def words(self, text: str) -> list[str]:
        """Return what the pattern finds in a text, cut to `length`."""
        return re.findall(self.pattern, text.lower() if self.lowercase else text)[: self.length]

    def spans(self, text: str) -> list[Span]:
        """Return where in the text each of its words stands, from the first character to behind the last."""
        # A character may have a longer lower case.
        cased = text.lower() if self.lowercase else text
        origin = [
            position for position, letter in enumerate(text) for _ in (letter.lower() if self.lowercase else letter)
        ]
        found = list(re.finditer(self.pattern, cased))[: self.length]
        return [(origin[match.start()], origin[match.end() - 1] + 1) if match.group() else (0, 0) for match in found]

    def parts(self, numbers: Tensor) -> Parts:
        """Return a part for each number that was given."""
        return Parts(one_each(tuple(numbers.shape), numbers.device), "tokens", "numbers", self.names(numbers))

    def word_parts(self, texts: Sequence[str] | None, numbers: Tensor, characters: int) -> WordParts:
        """Return which numbers are which words; where no texts were given, each number is one."""
        owner = one_each(tuple(numbers.shape), numbers.device)
        if texts is None:
            return WordParts(owner, self.names(numbers), None)
        labels = torch.full((len(texts), characters), -1, dtype=torch.int64)
        spans = [self.spans(text) for text in texts]
        for row, found in zip(labels, spans, strict=True):
            for number, (start, stop) in enumerate(found):
                row[start:stop] = number
        pairs = zip(texts, spans, strict=True)
        names = tuple(tuple(text[start:stop] for start, stop in found) for text, found in pairs)
        return WordParts(torch.where(self.present(numbers), owner, -1), names, labels)

    def texts(self, numbers: Tensor) -> list[str] | None:
        """Return texts whose words have these numbers, with a sign for an unknown word; None where there are none."""
        signs = ("\u25a1", "unknown", "unknownword")
        unknown = next((sign for sign in signs if self.words(sign) == [sign] and sign not in self._numbering), None)
        for joiner in (" ", ""):
            rows = []
            for row in numbers.tolist():
                last = max((position for position, number in enumerate(row, 1) if number != PADDING), default=0)
                parts = [
                    unknown if number == UNKNOWN else self.vocabulary[number - FIRST_WORD] for number in row[:last]
                ]
                text = joiner.join(part for part in parts if part)
                if None in parts or PADDING in row[:last] or self.of(text) != row[:last]:
                    break
                rows.append(text)
            else:
                return rows
        return None
