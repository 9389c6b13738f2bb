"""Tokenizers of Hugging Face and of `tokenizers`: one way to ask them, and what they answer in one form."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

from xai.base.arguments import whole_number
from xai.base.errors import InputError, describe, describe_error
from xai.inputs.code_points import PAIR
from xai.inputs.token_spans import Span, locate, stripped

__all__ = ["Encoded", "PlainTokenizer", "Tokenizer", "is_tokenizer", "token_spans", "tokenizer_of"]

UNLIMITED = 10**6  # a larger maximal length means that there is none


class Encoded(NamedTuple):
    """A text's tokens: the id, token type and span of each, and which ones the tokenizer added.

    Spans are of the text that was given, a pair with its separator in it. cut: how many more tokens the text has.
    """

    ids: list[int]
    types: list[int]
    spans: list[Span]
    special: list[bool]
    cut: int


class Tokenizer:
    """What the toolkit asks of a tokenizer.

    Attributes:
        padding: The id behind a shorter text, and on which side it stands.
        mask: The id of the token that stands for a hidden one, None where there is none.
        unknown: The id of an unknown word, None where there is none.
        special: The ids that stand for no part of a text: its ends, padding. An unknown word is one, a mask as well.
        typed: Whether the network is told which text of a pair a token is of.
        longest: The most tokens that the network reads, None for any number.
        cut_from: The side that is cut of a longer text, "left" or "right".
    """

    padding: tuple[int, str]
    mask: int | None
    unknown: int | None
    special: frozenset[int]
    typed: bool
    size: int
    longest: int | None
    cut_from: str

    @property
    def rules(self) -> Any:
        """Return the tokenizer of the package tokenizers that cuts the texts, None where another one does."""
        raise NotImplementedError

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Return the tokens of each text, at most as many as the network reads.

        Raises:
            InputError: The tokenizer fails.
        """
        pairs = [text.split(PAIR) for text in texts]
        if any(len(parts) > 2 for parts in pairs):
            raise InputError("texts", expected="texts or pairs of texts", got="one with several pair separators")
        try:
            return self._encode(pairs)
        except Exception as error:
            got = describe_error(error)
            raise InputError("tokenizer", expected="one that cuts these texts", got=got) from error

    def _encode(self, pairs: list[list[str]]) -> list[Encoded]:
        raise NotImplementedError

    def name(self, number: int) -> str:
        """Return the token of an id, as the vocabulary has it."""
        raise NotImplementedError

    def decode(self, ids: list[int]) -> str:
        """Return the text of ids, without special tokens."""
        raise NotImplementedError


class HuggingFaceTokenizer(Tokenizer):
    """A tokenizer of the package transformers, fast or slow."""

    def __init__(self, tokenizer: Any, longest: int | None) -> None:
        self.tokenizer = tokenizer
        named = getattr(tokenizer, "model_max_length", None) or UNLIMITED
        self.longest = longest or (int(named) if named < UNLIMITED else None)
        ids = (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id, 0)
        self.padding = (next(int(number) for number in ids if number is not None), tokenizer.padding_side)
        self.mask, self.unknown = tokenizer.mask_token_id, tokenizer.unk_token_id
        self.special = frozenset(tokenizer.all_special_ids) - {self.mask, self.unknown}
        self.typed = "token_type_ids" in tokenizer.model_input_names
        self.size, self.cut_from = len(tokenizer), tokenizer.truncation_side

    @property
    def rules(self) -> Any:
        return self.tokenizer.backend_tokenizer if self.tokenizer.is_fast else None

    def _encode(self, pairs: list[list[str]]) -> list[Encoded]:
        found: list[Encoded | None] = [None] * len(pairs)
        for count in {len(parts) for parts in pairs}:  # single texts and pairs are encoded separately
            rows = [row for row, parts in enumerate(pairs) if len(parts) == count]
            columns = [[pairs[row][position] for row in rows] for position in range(count)]
            for row, encoded in zip(rows, self._alike(columns), strict=True):
                found[row] = encoded
        return [encoded for encoded in found if encoded is not None]

    def _alike(self, columns: list[list[str]]) -> list[Encoded]:
        whole = self._asked(columns)
        sizes = [len(ids) for ids in whole["input_ids"]]
        longer = self.longest is not None and max(sizes) > self.longest
        cut = self._asked(columns, truncation=True, max_length=self.longest) if longer else whole
        result = []
        for row, size in enumerate(sizes):
            ids = cut["input_ids"][row]
            special = [bool(part) for part in cut["special_tokens_mask"][row]]
            texts = [column[row] for column in columns]
            types = cut["token_type_ids"][row] if "token_type_ids" in cut else [0] * len(ids)
            spans = self._spans(cut, row, special, texts)
            result.append(Encoded(list(ids), list(types), spans, special, size - len(ids)))
        return result

    def _asked(self, columns: list[list[str]], **settings: object) -> Any:
        asked = {"return_special_tokens_mask": True, "return_token_type_ids": True, "padding": False, "verbose": False}
        if self.tokenizer.is_fast:
            asked["return_offsets_mapping"] = True
        return self.tokenizer(*columns, **asked, **settings)

    def _spans(self, found: Any, row: int, special: list[bool], texts: list[str]) -> list[Span]:
        if not self.tokenizer.is_fast:
            tokens = self.tokenizer.convert_ids_to_tokens(found["input_ids"][row])
            known = [None if added else token for token, added in zip(tokens, special, strict=True)]
            return locate(PAIR.join(texts), known)
        return _of_pair(found["offset_mapping"][row], found.sequence_ids(row), special, texts)

    def name(self, number: int) -> str:
        return str(self.tokenizer.convert_ids_to_tokens(number))

    def decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=True)


class PlainTokenizer(Tokenizer):
    """A tokenizer of the package tokenizers; a copy, so that the caller's keeps its settings."""

    def __init__(self, tokenizer: Any, longest: int | None) -> None:
        self.tokenizer = copy.deepcopy(tokenizer)
        declared = tokenizer.truncation or {}
        self.longest = longest or declared.get("max_length")
        self.cut_from = declared.get("direction", "right")
        padding = tokenizer.padding or {}
        known = [tokenizer.token_to_id(name) for name in ("[PAD]", "<pad>", "<|endoftext|>", "</s>")]
        number = next(number for number in (padding.get("pad_id"), *known, 0) if number is not None)
        self.padding = (number, padding.get("direction", "right"))
        masks, unknowns = (
            [tokenizer.token_to_id(name) for name in names] for names in (("[MASK]", "<mask>"), ("[UNK]", "<unk>"))
        )
        self.mask, self.unknown = (next((n for n in part if n is not None), None) for part in (masks, unknowns))
        added = tokenizer.get_added_tokens_decoder()
        self.special = frozenset(n for n, token in added.items() if token.special) - {self.mask, self.unknown}
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.typed = any(self.tokenizer.encode("a", "a").type_ids)
        self.size = tokenizer.get_vocab_size()

    @property
    def rules(self) -> Any:
        return self.tokenizer

    @cached_property
    def _cutting(self) -> Any:
        cutting = copy.deepcopy(self.tokenizer)
        cutting.enable_truncation(self.longest, direction=self.cut_from)
        return cutting

    def _encode(self, pairs: list[list[str]]) -> list[Encoded]:
        asked = [parts[0] if len(parts) == 1 else tuple(parts) for parts in pairs]
        result = []
        for whole, text, texts in zip(self.tokenizer.encode_batch(asked), asked, pairs, strict=True):
            longer = self.longest is not None and len(whole) > self.longest
            cut = self._cutting.encode_batch([text])[0] if longer else whole
            special = [bool(part) for part in cut.special_tokens_mask]
            spans = _of_pair(cut.offsets, cut.sequence_ids, special, texts)
            result.append(Encoded(cut.ids, cut.type_ids, spans, special, len(whole) - len(cut)))
        return result

    def name(self, number: int) -> str:
        return str(self.tokenizer.id_to_token(number))

    def decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids)


def _of_pair(
    spans: Sequence[Span], texts_of: Sequence[int | None], special: list[bool], texts: list[str]
) -> list[Span]:
    """Return spans in a pair with its separator, from those in each of its texts; (0, 0) of special tokens."""
    shift = [0, len(texts[0]) + len(PAIR)]
    return [
        (0, 0) if added or number is None else (start + shift[number], stop + shift[number])
        for (start, stop), number, added in zip(spans, texts_of, special, strict=True)
    ]


def _of_transformers(value: Any) -> bool:
    return callable(value) and hasattr(value, "convert_ids_to_tokens") and hasattr(value, "model_input_names")


def _of_tokenizers(value: Any) -> bool:
    return hasattr(value, "encode_batch") and hasattr(value, "id_to_token")


def is_tokenizer(value: object) -> bool:
    """Say whether something is a tokenizer of transformers or tokenizers.

    >>> is_tokenizer(str.split)
    False
    """
    return not isinstance(value, type) and (_of_transformers(value) or _of_tokenizers(value))


def token_spans(text: str, tokenizer: object) -> list[Span]:
    """Return where the tokens of a text stand in it, in order; what the tokenizer added is left out, nothing is cut.

    Several tokens of one place, such as the bytes of a letter, are one.
    """
    encoded = tokenizer_of(tokenizer, UNLIMITED).encode([text])[0]
    spans: list[Span] = []
    for span in sorted(stripped(text, span) for span in encoded.spans):
        if span[0] < span[1] and (not spans or span[0] >= spans[-1][1]):
            spans.append(span)
    return spans


def tokenizer_of(value: Any, longest: object = None) -> Tokenizer:
    """Return a tokenizer in the form that the toolkit asks.

    Args:
        value: Of transformers or tokenizers.
        longest: The most tokens that the network reads; None is the tokenizer's own limit.

    Raises:
        InputError: It is something else.
    """
    most = None if longest is None else whole_number("max_length", longest, 1)
    if _of_transformers(value):
        return HuggingFaceTokenizer(value, most)
    if _of_tokenizers(value):
        return PlainTokenizer(value, most)
    wanted = "a tokenizer of transformers or tokenizers; call another in Model(forward=...), which gets the strings"
    raise InputError("tokenizer", expected=wanted, got=describe(value))
