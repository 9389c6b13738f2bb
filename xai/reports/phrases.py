"""Finished sentences in another language: known by their words, with the numbers and names that stand between them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

__all__ = ["Phrases", "field_names", "pairs"]

FIELD = re.compile(r"\{(\w+)(?::([\w.+,%]*))?\}")
NUMBER = r"[-+\u2212]?(?:[\d.,]*\d(?:e[-+]?\d+)?|inf|nan)"
# What a field can hold, by the word behind its colon (see `FORMATS` of xai/auditing/sentences.py); else anything.
HOLDS = {
    "percent": rf"{NUMBER} ?%", "percent1": rf"{NUMBER} ?%", "p": rf"p = {NUMBER}", "name": r'".*?"', "count": NUMBER,
    "points": NUMBER, "points1": NUMBER, "change1": NUMBER, "signed": NUMBER, "ratio": NUMBER, "size": NUMBER,
    "number": NUMBER, "digits": r"[\d,]+",
}  # fmt: skip
DECIMALS = re.compile(r"[+,]?\.?\d*[fgde%]")  # Python's own ways to write a number
# Fields that quote what came from outside (classes, columns, layers): never said in other words, whatever they spell.
QUOTES = {
    "column", "columns", "first", "group", "groups", "label", "last", "layer", "like", "list", "most", "name",
    "names", "one", "other", "pair", "rarest", "slice", "target", "worst",
}  # fmt: skip
SENTENCES = re.compile(r"(?<=[.!?]) (?=[A-Z“\"'])")


class _Phrase(NamedTuple):
    """A known sentence: what it looks like, the words that it must hold, and how it is said."""

    pattern: re.Pattern[str]
    words: tuple[str, ...]
    says: str
    free: frozenset[str]


class Phrases:
    """A table of finished sentences.

    >>> table = Phrases({"{share:percent} of {name} {note}.": "{name}: {share} {note}.", "are right": "sind richtig"})
    >>> table.translated("12 % of cats are right.")
    'cats: 12 % sind richtig.'
    """

    def __init__(self, table: Mapping[str, str]) -> None:
        """Make one; keys and values hold `{fields}`, those of a key with how they are written: `{share:percent}`."""
        # A sentence that the other table lacks stays English rather than fail; tests keep both complete.
        table = {english: other for english, other in table.items() if field_names(other) <= field_names(english)}
        self._whole = {english: other for english, other in table.items() if not FIELD.search(english)}
        # The one with the most words of its own is the closest.
        self._phrases = sorted(
            (_phrase(english, other) for english, other in table.items() if english not in self._whole),
            key=lambda phrase: -sum(map(len, phrase.words)),
        )
        self.translated = lru_cache(4096)(self._translated)

    def _translated(self, text: str) -> str:
        parts = SENTENCES.split(text)
        found = [self._found(part) for part in parts]
        if None not in found:
            return " ".join(map(str, found))
        whole = self._found(text) if len(parts) > 1 else None
        return whole or " ".join(other or part for other, part in zip(found, parts, strict=True))

    def _found(self, text: str) -> str | None:
        if text in self._whole:
            return self._whole[text]
        for phrase in self._phrases:
            if all(word in text for word in phrase.words):
                match = phrase.pattern.fullmatch(text)
                if match is not None:
                    return _filled(phrase, match.groupdict(), self)
        return None


def _filled(phrase: _Phrase, found: dict[str, str], table: Phrases) -> str:
    values = {name: table.translated(value) if name in phrase.free else value for name, value in found.items()}
    return FIELD.sub(lambda field: values[field[1]], phrase.says)


def _phrase(english: str, other: str) -> _Phrase:
    pattern, end, seen, words, free = "", 0, set(), [], set()
    for field in FIELD.finditer(english):
        literal, name, written = english[end : field.start()], field[1], field[2] or ""
        holds = HOLDS.get(written) or (NUMBER if DECIMALS.fullmatch(written) else ".*?")
        pattern += re.escape(literal) + (f"(?P={name})" if name in seen else f"(?P<{name}>{holds})")
        words.append(literal)
        seen.add(name)
        free |= {name} if holds == ".*?" and name not in QUOTES else set()
        end = field.end()
    words.append(english[end:])
    pattern += re.escape(english[end:])
    return _Phrase(re.compile(pattern, re.DOTALL), tuple(filter(None, words)), other, frozenset(free))


def field_names(text: str) -> set[str]:
    """Return the names of a sentence's fields.

    >>> sorted(field_names("{a:percent} of {b}"))
    ['a', 'b']
    """
    return {field[1] for field in FIELD.finditer(text)}


def pairs(english: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each text of one table beside the text of the other that stands in the same place.

    >>> dict(pairs({"a": {"text": "yes"}, "b": "no"}, {"a": {"text": "ja"}, "b": "nein"}))
    {'yes': 'ja', 'no': 'nein'}
    """
    for name, value in other.items():
        if name not in english:
            continue  # one that is said no more
        if isinstance(value, str):
            yield english[name], value
        else:
            yield from pairs(english[name], value)
