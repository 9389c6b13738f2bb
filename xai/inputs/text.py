"""Texts as a kind of input: kept to the last character as code points, and handed on as strings or as word numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor

from xai.base.arguments import whole_number
from xai.base.errors import InputError, describe, names_errors
from xai.base.frames import is_column
from xai.base.name_lists import plain_names
from xai.inputs.base import Input
from xai.inputs.hiding import Hiding
from xai.inputs.padding import up_to_last
from xai.inputs.parts import Parts, one_each
from xai.inputs.sequence_files import read_texts
from xai.inputs.text_hiding import HiddenNumbers, HiddenWords
from xai.inputs.tokens import TokenizedText, cut

__all__ = ["PADDING", "UNKNOWN", "TextInput", "to_texts"]

WORD = r"\w+"

PADDING, UNKNOWN, FIRST_WORD = 0, 1, 2
BLANK_WORDS = 8
NOTHING = -1  # behind the end of a shorter text; no character has this code


# What tokenizers put beside words: signs of their own, and pieces of words.
FOREIGN = re.compile(r"\[(PAD|UNK|CLS|SEP|MASK|BOS|EOS)\]|</?(s|pad|unk|mask|bos|eos)>|<\|.*\|>|##.+|[\u0120\u2581].*")


def _in_order(vocabulary: object) -> object:
    """Return the words of a dictionary by number, where its numbers are those that a TextInput gives to words."""
    if not isinstance(vocabulary, Mapping):
        return vocabulary
    numbers = sorted(vocabulary.values(), key=lambda number: (str(type(number)), number))
    if numbers != list(range(FIRST_WORD, FIRST_WORD + len(numbers))):
        wanted = f"words by number from {FIRST_WORD} on (0 is padding, 1 an unknown word)"
        raise InputError("vocabulary", expected=wanted, got=f"numbers from {numbers[0] if numbers else 'none'} on")
    return sorted(vocabulary, key=vocabulary.__getitem__)


class TextInput(Input, frozen=True, tag="text", dict=True):
    """Texts. Without a vocabulary the network or function is called with a list of strings.

    With a `vocabulary` it is called with numbers (N, L) in int64: 0 where a shorter text is padded, 1 for a word that
    is not in it, 2 for the vocabulary's first word, and so on. Words are what `pattern` finds, in lower case where
    `lowercase` says so, at most `length` of them. A tokenizer of another kind goes into `Model(forward=...)`, which
    gets the strings.

    Raises InputError for a vocabulary with repeated words, or a pattern that is no regular expression.

    >>> TextInput(["good", "film"]).feed(["A good, good film", "good"])
    tensor([[1, 2, 2, 3],
            [2, 0, 0, 0]])
    """

    vocabulary: list[str] = msgspec.field(default_factory=list)
    pattern: str = WORD
    lowercase: bool = True
    length: int | None = None

    @names_errors("TextInput")
    def __post_init__(self) -> None:
        words = plain_names("vocabulary", _in_order(self.vocabulary), least=0)
        foreign = next((word for word in words if FOREIGN.fullmatch(word)), None)
        if foreign is not None:
            wanted = (
                "the words that numbers from 2 stand for (0 is padding, 1 an unknown word); the vocabulary of a "
                "tokenizer has numbers of its own: call the tokenizer in Model(forward=...)"
            )
            raise InputError("vocabulary", expected=wanted, got=f"one with {foreign!r}")
        msgspec.structs.force_setattr(self, "vocabulary", words)
        if self.length is not None:
            whole_number("length", self.length, 1)
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise InputError("pattern", expected="a regular expression", got=repr(self.pattern)) from error

    def prepare(self, value: object, argument: str = "inputs") -> Tensor:
        """Return texts as code points (N, L) in int32, -1 behind the end; takes one string, several, or such codes.

        With a vocabulary, numbers of words (N, L) in int64 are taken as they are.

        >>> TextInput().prepare(["hi", "a"])
        tensor([[104, 105],
                [ 97,  -1]], dtype=torch.int32)
        """
        if isinstance(value, Tensor) and value.dtype == torch.int32 and value.ndim == 2 and value.numel():
            return value.detach()
        if isinstance(value, Tensor) and value.dtype == torch.int64 and self.vocabulary:
            return self._checked(value.detach(), argument)
        texts = [value] if isinstance(value, str) else value
        if isinstance(texts, np.ndarray) or is_column(texts):
            texts = texts.tolist()
        if not isinstance(texts, list | tuple) or not texts or not all(isinstance(text, str) for text in texts):
            raise InputError(argument, expected="a string or a list of strings", got=describe(value))
        empty = [number for number, text in enumerate(texts) if not text]
        if empty:
            raise InputError(argument, expected="texts with something in them", got=f"none in row {empty[0]}")
        codes = torch.full((len(texts), max(map(len, texts))), NOTHING, dtype=torch.int32)
        for row, text in zip(codes, texts, strict=True):
            row[: len(text)] = torch.tensor([ord(character) for character in text], dtype=torch.int32)
        return codes

    def feed(self, batch: list[str] | Tensor) -> list[str] | Tensor:
        """Return what the network is called with, from strings or code points; int64 numbers of words stay as they are.

        Without a vocabulary that is a list of strings, with one a tensor (N, L) on the batch's device.
        """
        if isinstance(batch, Tensor) and batch.dtype == torch.int64:
            return batch
        if not self.vocabulary:
            return to_texts(batch) if isinstance(batch, Tensor) else list(batch)
        return self.as_numbers(batch)

    def as_numbers(self, batch: list[str] | Tensor) -> Tensor:
        """Return numbers of words, (N, L) in int64, 0 behind the end of a shorter text.

        Args:
            batch: Strings, code points (N, L), or int64 numbers of words, which stay as they are.
        """
        if isinstance(batch, Tensor) and batch.dtype == torch.int64:
            return batch
        device = batch.device if isinstance(batch, Tensor) else "cpu"
        rows = [self.numbers(text) for text in (to_texts(batch) if isinstance(batch, Tensor) else batch)]
        ids = torch.full((len(rows), max(1, *map(len, rows))), PADDING, dtype=torch.int64)
        for row, numbers in zip(ids, rows, strict=True):
            row[: len(numbers)] = torch.tensor(numbers, dtype=torch.int64)
        return ids.to(device)

    def present(self, batch: Tensor) -> Tensor:
        """Return which positions hold a character of a text, or a word of one given as numbers, (N, L)."""
        return up_to_last(batch != (PADDING if batch.dtype == torch.int64 else NOTHING))

    def draws_from(self, row: Tensor) -> Tensor:
        """Return the characters or words (L,) of one text: how far it is padded depends on the batch."""
        return row[self.present(row[None])[0]]

    @property
    def suffixes(self) -> tuple[str, ...]:
        return (".txt",)

    @property
    def column(self) -> str:
        return "text"

    def decode(self, content: bytes, name: str) -> str:
        """Return the text of a file; what is no UTF-8 in it stands as a mark."""
        return content.decode("utf-8", "replace")

    def read(self, items: Sequence[str]) -> tuple[Tensor, tuple[str, ...]]:
        """Return texts as code points (N, L), and what to call them; an item that ends in .txt is a file."""
        texts, names = read_texts(items)
        return self.prepare(texts), names

    @property
    def drawing(self) -> str:
        return "text"

    @property
    def noun(self) -> str:
        return "texts"

    @property
    def ordered(self) -> bool:
        return True

    def blank(self, count: int = 1) -> Tensor | None:
        """Return `count` texts of a word of the vocabulary, as numbers (count, 8); None without a vocabulary."""
        return torch.full((count, BLANK_WORDS), FIRST_WORD) if self.vocabulary else None

    def readable(self, batch: Tensor) -> Tensor:
        """Return texts as code points (N, L), also of numbers of words."""
        return self.prepare(self.texts(batch)) if batch.dtype == torch.int64 else batch

    @property
    def embedded(self) -> bool:
        """Say whether the network reads numbers of words, which it turns into vectors."""
        return bool(self.vocabulary)

    def parts(self, batch: Tensor, how: object = None, seed: int = 0) -> Parts:
        """Cut texts into words; how: units and by as for `xai.inputs.tokens.cut`. Of numbers each is a part."""
        if batch.dtype == torch.int64:
            known = ("(padding)", "(unknown)", *self.vocabulary)
            names = tuple(tuple(known[number] for number in row) for row in batch.tolist())
            return Parts(one_each(tuple(batch.shape), batch.device), "tokens", "numbers", names)
        units, by = how if isinstance(how, tuple) else ("words" if how is None else how, "type")
        texts = tuple(cut(text, units, by) for text in to_texts(batch))
        labels = torch.full(tuple(batch.shape), -1, dtype=torch.int64)
        for row, text in zip(labels, texts, strict=True):
            owners = text.owners()
            row[: len(owners)] = torch.tensor(owners)
        named = units if isinstance(units, str) else "given"
        return Parts(labels, "tokens", named, tuple(text.names for text in texts), texts)

    def hiding(self, batch: Tensor, parts: Parts, baselines: Any) -> Hiding:
        """Return how words are hidden: taken out where `baselines` is None, or replaced by that string."""
        if batch.dtype == torch.int64:
            return HiddenNumbers(batch, PADDING)
        texts = parts.texts or tuple(map(TokenizedText.of_labels, to_texts(batch), parts.labelled().tolist()))
        numbers = self.numbers if self.vocabulary and self.pattern == WORD else None
        return HiddenWords(texts, baselines or None, numbers, self.length)

    def called(self, baseline: object, batch: Tensor) -> str:
        return f"{baseline!r}" if baseline else "nothing: it is taken out"

    def words(self, text: str) -> list[str]:
        """Return what the pattern finds in a text, cut to `length`.

        Args:
            text: One text.

        >>> TextInput(["good"], length=2).words("Good old film")
        ['good', 'old']
        """
        return re.findall(self.pattern, text.lower() if self.lowercase else text)[: self.length]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where in the text each of its words stands, from the first character to behind the last.

        Args:
            text: One text.

        >>> TextInput().spans("Good old film")
        [(0, 4), (5, 8), (9, 13)]
        """
        # A character may have a longer lower case.
        cased = text.lower() if self.lowercase else text
        origin = [place for place, letter in enumerate(text) for _ in (letter.lower() if self.lowercase else letter)]
        found = list(re.finditer(self.pattern, cased))[: self.length]
        return [(origin[match.start()], origin[match.end() - 1] + 1) if match.group() else (0, 0) for match in found]

    def numbers(self, text: str) -> list[int]:
        """Return the numbers of a text's words.

        Args:
            text: One text.
        """
        known = self._numbering
        return [known.get(word, UNKNOWN) for word in self.words(text)]

    def texts(self, numbers: Tensor) -> list[str]:
        """Return texts (N) that have these words: in lower case, with a sign for an unknown word.

        Args:
            numbers: Of words, (N, L), padded with 0.

        Raises:
            InputError: The pattern cuts no such text into these words.

        >>> TextInput(["good", "film"]).texts(torch.tensor([[2, 1, 3, 0]]))
        ['good unknown film']
        """
        signs = ("\u25a1", "unknown", "unknownword")
        unknown = next((sign for sign in signs if self.words(sign) == [sign] and sign not in self._numbering), None)
        for joiner in (" ", ""):
            rows = []
            for row in numbers.tolist():
                last = max((place for place, number in enumerate(row, 1) if number != PADDING), default=0)
                parts = [
                    unknown if number == UNKNOWN else self.vocabulary[number - FIRST_WORD] for number in row[:last]
                ]
                text = joiner.join(part for part in parts if part)
                if None in parts or PADDING in row[:last] or self.numbers(text) != row[:last]:
                    break
                rows.append(text)
            else:
                return rows
        wanted = f"numbers of words that a text of the pattern {self.pattern!r} can have"
        raise InputError("numbers", expected=wanted, got=describe(numbers), operation="TextInput.texts")

    def _checked(self, numbers: Tensor, argument: str) -> Tensor:
        most = len(self.vocabulary) + FIRST_WORD - 1
        if numbers.ndim != 2 or not numbers.numel() or int(numbers.min()) < 0 or int(numbers.max()) > most:
            wanted = f"rows of whole numbers from 0 to {most}"
            raise InputError(argument, expected=wanted, got=describe(numbers))
        return numbers

    @cached_property
    def _numbering(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.vocabulary, start=FIRST_WORD)}


def to_texts(codes: Tensor) -> list[str]:
    """Return the strings behind code points (N, L)."""
    return ["".join(map(chr, row[row >= 0].tolist())) for row in codes.cpu()]
