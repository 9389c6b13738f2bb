"""Cut a text into the parts that LIME switches on and off, so that what is kept is kept to the last character."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from xai.base.errors import InputError, describe, describe_error
from xai.inputs.token_spans import Span, sentences
from xai.inputs.tokenizers import is_tokenizer, token_spans

__all__ = ["TokenizedText", "characters", "cut", "cut_at", "unit_spans"]

WORDS = r"\w+"
JOINER = "\u200d"
MARKS = ("Mn", "Me", "Mc")


@dataclass(frozen=True)
class TokenizedText:
    """A text as pieces that add up to it; `feature` of each piece is its number, -1 for what is never switched off.

    names: how each feature is called.
    """

    pieces: tuple[str, ...]
    feature: tuple[int, ...]
    names: tuple[str, ...]

    def text(self, on: list[bool], hidden: str = "") -> str:
        """Return the text with the features that are off replaced by `hidden`.

        >>> cut("I <3 & you", "words", "type").text([True, False, True])
        'I < & you'
        """
        return "".join(
            piece if number < 0 or on[number] else hidden
            for piece, number in zip(self.pieces, self.feature, strict=True)
        )

    @classmethod
    def of_labels(cls, text: str, labels: list[int]) -> TokenizedText:
        """Return a text in pieces, from the part of each of its characters, -1 for none."""
        owners = labels[: len(text)]
        runs = [list(part) for _, part in groupby(range(len(owners)), key=owners.__getitem__)]
        pieces = tuple("".join(text[position] for position in run) for run in runs)
        names = tuple(map(str, range(max(owners, default=-1) + 1)))
        return cls(pieces, tuple(owners[run[0]] for run in runs), names)

    def owners(self) -> list[int]:
        """Return the feature of each character of the text, -1 for none."""
        return [number for piece, number in zip(self.pieces, self.feature, strict=True) for _ in piece]


def cut(text: str, units: object, by: str) -> TokenizedText:
    """Cut one text into parts.

    units: "words" (runs of letters and digits), "sentences", "characters" (as a reader counts them), a regular
    expression for what a token is, a tokenizer of transformers or tokenizers, or a function from the text to its
    tokens, in order, each a piece of the text.
    by: "type" (the same token is one feature wherever it stands) or "position".
    Raises InputError for a text without a token, or tokens that are not pieces of it.

    >>> cut("to be or not to be", "words", "type").names
    ('to', 'be', 'or', 'not')
    """
    return cut_at(text, unit_spans(text, units), by)


def cut_at(text: str, spans: Sequence[Span], by: str) -> TokenizedText:
    """Cut one text into the parts that stand at these spans, in order; see `cut`.

    >>> cut_at("to be", [(0, 2), (3, 5)], "position").pieces
    ('to', ' ', 'be')
    """
    if not spans:
        raise InputError("texts", expected="texts with at least one token", got=repr(text[:40]))
    pieces: list[str] = []
    feature: list[int] = []
    names: list[str] = []
    known: dict[str, int] = {}
    position = 0
    for start, stop in spans:
        if start > position:
            pieces.append(text[position:start])
            feature.append(-1)
        token = text[start:stop]
        number = known.get(token) if by == "type" else None
        if number is None:
            number = known[token] = len(names)
            names.append(token)
        pieces.append(token)
        feature.append(number)
        position = stop
    if position < len(text):
        pieces.append(text[position:])
        feature.append(-1)
    return TokenizedText(tuple(pieces), tuple(feature), tuple(names))


def characters(text: str) -> list[Span]:
    """Return the span of each character as a reader sees it: marks, joined emoji and flags stay together.

    >>> characters("e\u0301a")
    [(0, 2), (2, 3)]
    """
    spans: list[Span] = []
    for position, character in enumerate(text):
        if spans and _continues(text, position, character, spans[-1]):
            spans[-1] = (spans[-1][0], position + 1)
        else:
            spans.append((position, position + 1))
    return spans


def _continues(text: str, position: int, character: str, last: tuple[int, int]) -> bool:
    before = text[position - 1]
    mark = unicodedata.category(character) in MARKS or "\U0001f3fb" <= character <= "\U0001f3ff"
    flag = all("\U0001f1e6" <= part <= "\U0001f1ff" for part in (before, character)) and last[1] - last[0] == 1
    return (
        mark
        or character == JOINER
        or (before == JOINER and position > 1)
        or flag
        or (before, character) == ("\r", "\n")
    )


def unit_spans(text: str, units: Any) -> list[Span]:
    """Return where the units of a text stand in it, for `cut`; none may be there."""
    if isinstance(units, str) and units == "sentences":
        return sentences(text)
    if isinstance(units, str) and units == "characters":
        return characters(text)
    if is_tokenizer(units):
        return token_spans(text, units)
    if callable(units):
        return _located(text, units)
    if not isinstance(units, str):
        wanted = "'words', 'sentences', 'characters', a regular expression or a tokenizer"
        raise InputError("units", expected=wanted, got=describe(units))
    try:
        pattern = re.compile(WORDS if units == "words" else units)
    except re.error as error:
        raise InputError("units", expected="a regular expression", got=repr(units)) from error
    spans = [match.span() for match in pattern.finditer(text) if match.end() > match.start()]
    return _with_marks(text, spans) if units == "words" else spans


def _with_marks(text: str, spans: list[Span]) -> list[Span]:
    """Return the spans of words with the combining marks that the pattern leaves out: no letter loses its own."""
    whole: list[Span] = []
    for start, stop in spans:
        while stop < len(text) and unicodedata.category(text[stop]) in MARKS:
            stop += 1
        if whole and whole[-1][1] == start:
            start = whole.pop()[0]
        whole.append((start, stop))
    return whole


def _located(text: str, tokenizer: Callable[[str], list[str]]) -> list[Span]:
    spans, position = [], 0
    try:
        tokens = list(tokenizer(text))
    except Exception as error:
        wanted = "a function from a text to its tokens"
        raise InputError("units", expected=wanted, got=describe_error(error)) from error
    for token in tokens:
        start = text.find(token, position) if isinstance(token, str) and token else -1
        if start < 0:
            wanted = "tokens that stand in the text, in order"
            raise InputError("units", expected=wanted, got=describe(token))
        position = start + len(token)
        spans.append((start, position))
    return spans
