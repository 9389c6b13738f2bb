"""Texts as a kind of input: kept to the last character as code points, and handed on as strings or as word numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Self

import msgspec
import torch
from torch import Tensor, nn

from xai.base.arguments import whole_number
from xai.base.errors import InputError, describe, names_errors
from xai.inputs.base import Input
from xai.inputs.code_points import NOTHING, ids_of, look_like_ids, strings_of, to_codes, to_texts
from xai.inputs.hiding import Hiding
from xai.inputs.padding import up_to_last
from xai.inputs.parts import Parts
from xai.inputs.sequence_files import read_texts
from xai.inputs.text_hiding import HiddenNumbers, HiddenWords
from xai.inputs.token_calls import call_network, handed
from xai.inputs.token_spans import Span
from xai.inputs.tokenized import TokenizerReader
from xai.inputs.tokenizers import Tokenizer, tokenizer_of
from xai.inputs.tokens import TokenizedText, cut, cut_at
from xai.inputs.vocabulary import FIRST_WORD, PADDING, UNKNOWN, VocabularyReader, check_vocabulary

__all__ = ["FIRST_WORD", "PADDING", "UNKNOWN", "TextInput", "to_texts"]

WORD = r"\w+"

BLANK_WORDS = 8
REMOVED, MASK = "removed", "mask"


class TextInput(Input, frozen=True, tag="text", dict=True):
    """Texts. Without a vocabulary or tokenizer the network or function is called with a list of strings.

    With a `vocabulary` it is called with numbers (N, L) in int64: 0 behind a shorter text, 1 for a word that is not in
    it, 2 for its first word, and so on. Words are what `pattern` finds, in lower case where `lowercase` says so, at
    most `length` of them.

    With a `tokenizer` of Hugging Face or tokenizers, `TextInput.of(tokenizer)`, it is called with `input_ids`,
    `attention_mask` and `token_type_ids` by name, those that it takes. A list of pairs of texts is handed on as pairs.
    Any other tokenizer goes into `Model(forward=...)`, which gets the strings.

    Raises InputError for a vocabulary with repeated words, or a pattern that is no regular expression.

    >>> TextInput(["good", "film"]).feed(["A good, good film", "good"])
    tensor([[1, 2, 2, 3],
            [2, 0, 0, 0]])
    """

    vocabulary: list[str] = msgspec.field(default_factory=list)
    pattern: str = WORD
    lowercase: bool = True
    length: int | None = None
    tokenizer: Any = None

    @names_errors("TextInput")
    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "vocabulary", check_vocabulary(self.vocabulary))
        if self.length is not None:
            whole_number("length", self.length, 1)
        if self.tokenizer is not None and not isinstance(self.tokenizer, Tokenizer):
            raise InputError("tokenizer", expected="what TextInput.of(tokenizer) makes", got=describe(self.tokenizer))
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise InputError("pattern", expected="a regular expression", got=repr(self.pattern)) from error

    @classmethod
    def of(cls, input: Any, max_length: int | None = None) -> Self:
        """Return texts that a tokenizer cuts; a TextInput is returned as it is.

        Args:
            input: A tokenizer of transformers, fast or slow, or of tokenizers.
            max_length: The most tokens that the network reads; None is the tokenizer's own limit. What is longer is
                cut, with a warning and a diagnostic.

        Raises:
            InputError: It is something else.

        >>> from tokenizers import Tokenizer, models, pre_tokenizers
        >>> tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "good": 1, "film": 2, "[PAD]": 3}, "[UNK]"))
        >>> tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        >>> texts = TextInput.of(tokenizer)
        >>> texts.handed(texts.feed(["a good film", "good"]))["input_ids"]
        tensor([[0, 1, 2],
                [1, 3, 3]])
        """
        if isinstance(input, Input):
            return super().of(input)
        return cls(tokenizer=tokenizer_of(input, max_length), length=max_length)

    @cached_property
    def reader(self) -> TokenizerReader | VocabularyReader:
        """Return what knows of tokens, or of the words that the pattern finds."""
        if self.tokenizer is not None:
            return TokenizerReader(self.tokenizer)
        return VocabularyReader(self.vocabulary, self.pattern, self.lowercase, self.length)

    def prepare(self, value: object, argument: str = "inputs") -> Tensor:
        """Return texts as code points (N, L) in int32, -1 behind the end; takes one string, several, or such codes.

        With a vocabulary, numbers of words (N, L) in int64 are taken as they are. With a tokenizer, a list of pairs of
        texts too, ids (N, L), and what the tokenizer returns; these become the numbers of `xai.inputs.token_numbers`.

        >>> TextInput().prepare(["hi", "a"])
        tensor([[104, 105],
                [ 97,  -1]], dtype=torch.int32)
        """
        if isinstance(value, Tensor) and value.dtype == torch.int32 and value.ndim == 2 and value.numel():
            if self.embedded and look_like_ids(value):
                raise InputError(argument, expected="numbers of words or tokens as int64", got=describe(value))
            return value.detach()
        value = ids_of(value)
        numbers = isinstance(value, Tensor) and value.dtype == torch.int64
        if self.embedded and (numbers or (self.tokenizer is not None and isinstance(value, Mapping))):
            return self.reader.given(value, argument)
        texts = strings_of(value, argument, pairs=self.tokenizer is not None)
        if isinstance(self.reader, TokenizerReader):
            self.reader.say_cuts(texts, argument)
        return to_codes(texts)

    def remarks(self, batch: Tensor) -> dict[str, list]:
        """Return how many tokens of each text of a `batch` are cut off, where some are."""
        if batch.dtype == torch.int64 or not isinstance(self.reader, TokenizerReader):
            return {}
        counts = self.reader.cut_off(to_texts(batch))
        return {"tokens_cut_off": counts} if any(counts) else {}

    def handed(self, seen: Any) -> Any:
        """Return what `forward=` gets of `seen`: with a tokenizer input_ids, attention_mask, token_type_ids by name."""
        return seen if self.tokenizer is None else handed(seen, self.tokenizer.typed)

    def call(self, network: nn.Module, seen: Any) -> object:
        """Call a `network` with `seen`: with a tokenizer by name, as those of Hugging Face are called."""
        return network(seen) if self.tokenizer is None else call_network(network, self.handed(seen))

    def feed(self, batch: list[str] | Tensor) -> list[str] | Tensor:
        """Return what the network is called with, from strings or code points; int64 numbers of words stay as they are.

        Without a vocabulary that is a list of strings, with one a tensor (N, L) on the batch's device.
        """
        if isinstance(batch, Tensor) and batch.dtype == torch.int64:
            return batch
        if not self.embedded:
            return to_texts(batch) if isinstance(batch, Tensor) else list(batch)
        return self.as_numbers(batch)

    def as_numbers(self, batch: list[str] | Tensor) -> Tensor:
        """Return numbers of words or tokens, (N, L) in int64, padded behind the end of a shorter text.

        Args:
            batch: Strings, code points (N, L), or int64 numbers, which stay as they are.
        """
        if isinstance(batch, Tensor) and batch.dtype == torch.int64:
            return batch
        device = batch.device if isinstance(batch, Tensor) else "cpu"
        return self.reader.numbers(to_texts(batch) if isinstance(batch, Tensor) else batch).to(device)

    def padded(self, numbers: Tensor, count: int) -> Tensor:
        """Return `numbers` (N, L) with `count` of padding more, (N, L + count), on the side that the network reads."""
        padding, side = self.reader.padding
        more = numbers.new_full((len(numbers), count), padding)
        return torch.cat([more, numbers] if side == "left" else [numbers, more], 1)

    def present(self, batch: Tensor) -> Tensor:
        """Return which positions hold a character of a text, or a word of one given as numbers, (N, L)."""
        return self.reader.present(batch) if batch.dtype == torch.int64 else up_to_last(batch != NOTHING)

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
        """Return the text of a file; bytes that are no UTF-8 become the replacement character."""
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
        return bool(self.vocabulary) or self.tokenizer is not None

    def parts(self, batch: Tensor, how: object = None, seed: int = 0) -> Parts:
        """Cut a `batch` into words; `how`: units and by as for `tokens.cut`, or "tokens". Of numbers each is a part."""
        units, by = how if isinstance(how, tuple) else ("words" if how is None else how, "type")
        if batch.dtype == torch.int64:
            return self.reader.parts(batch)
        reader = self.reader if isinstance(self.reader, TokenizerReader) else None
        texts = tuple(
            cut(text, units, by) if reader is None else cut_at(text, reader.spans(text, units), by)
            for text in to_texts(batch)
        )
        labels = torch.full(tuple(batch.shape), -1, dtype=torch.int64)
        for row, text in zip(labels, texts, strict=True):
            owners = text.owners()
            row[: len(owners)] = torch.tensor(owners)
        named = units if isinstance(units, str) else "given"
        return Parts(labels, "tokens", named, tuple(text.names for text in texts), texts)

    def hiding(self, batch: Tensor, parts: Parts, baselines: Any) -> Hiding:
        """Return how words are hidden: taken out (None or "removed"), the "mask" token, or a string in their place."""
        hide = None if baselines in (None, "", REMOVED) else str(baselines)
        texts = None if batch.dtype == torch.int64 else to_texts(batch)
        if isinstance(self.reader, TokenizerReader):
            hiding = self.reader.hiding(texts, self.as_numbers(batch), parts, hide)
            if hiding is not None:
                return hiding
        if texts is None:
            return HiddenNumbers(batch, PADDING)
        cut_up = parts.texts or tuple(map(TokenizedText.of_labels, texts, parts.labelled().tolist()))
        alone = self.vocabulary and self.pattern == WORD
        return HiddenWords(cut_up, hide, self.numbers if alone else None, self.length if alone else None)

    def absent(self, batch: Tensor) -> str:
        """Return "mask" where the tokenizer has such a token, else "removed"."""
        return REMOVED if self.reader.token(MASK) is None else MASK

    def called(self, baseline: object, batch: Tensor) -> str:
        if baseline == MASK and self.reader.token(MASK) is not None:
            return "the mask token"
        return "nothing: it is taken out" if baseline in (None, "", REMOVED) else f"{baseline!r}"

    def words(self, text: str) -> list[str]:
        """Return what the pattern finds in a text, cut to `length`; of a tokenizer the words in lower case.

        Args:
            text: One text.

        >>> TextInput(["good"], length=2).words("Good old film")
        ['good', 'old']
        """
        if isinstance(self.reader, VocabularyReader):
            return self.reader.words(text)
        return [text[start:stop].lower() for start, stop in self.spans(text)]

    def spans(self, text: str) -> list[Span]:
        """Return where in the text each of its words stands, from the first character to behind the last.

        Args:
            text: One text.

        >>> TextInput().spans("Good old film")
        [(0, 4), (5, 8), (9, 13)]
        """
        return self.reader.spans(text)

    def numbers(self, text: str) -> list[int]:
        """Return the numbers of a text's words, or tokens.

        Args:
            text: One text.
        """
        return self.reader.of(text)

    def texts(self, numbers: Tensor) -> list[str]:
        """Return texts (N) that have these words: in lower case, with a sign for an unknown word.

        Args:
            numbers: Of words, (N, L), padded with 0, or of tokens.

        Raises:
            InputError: No such text is cut into these words.

        >>> TextInput(["good", "film"]).texts(torch.tensor([[2, 1, 3, 0]]))
        ['good unknown film']
        """
        found = self.reader.texts(numbers)
        if found is None:
            wanted = f"numbers of words that a text can have ({self.tokenizer or self.pattern!r})"
            raise InputError("numbers", expected=wanted, got=describe(numbers), operation="TextInput.texts")
        return found
