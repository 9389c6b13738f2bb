"""Where the tokens of a text stand in it, and which of them are one word.

A word is what a reader calls one: the pieces of a tokenizer that follow each other inside it belong together. In
scripts that put no space between words, such as Chinese and Japanese, the tokenizer's own cut is the word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import groupby, pairwise

__all__ = ["Span", "locate", "sentences", "stripped", "word_spans"]

Span = tuple[int, int]  # from the first character to behind the last; (0, 0) of a token that stands for no text

# First and last character of scripts without spaces: Thai, Lao, Myanmar, Khmer, kana, Han, half-width kana, rare Han.
SPACELESS = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x9FFF),
    (0xF900, 0xFAFF), (0xFF66, 0xFF9F), (0x20000, 0x3FFFF),
)  # fmt: skip
# A full stop before a space ends a sentence, one inside a number or a name does not; those of Chinese and Japanese do.
END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s|$)|[。！？]+[」』”’)\]]*|\n+")
# What tokenizers put before or behind the letters of a piece.
SIGNS = re.compile("^(?:##|\u2581|\u0120|@@)+|(?:</w>|@@)$")
SPACE = re.compile(r"\s")
FAR = 64  # a piece is looked for so many characters ahead


def stripped(text: str, span: Span) -> Span:
    """Return a span without the white space at its ends, empty where there is nothing else."""
    start, stop = span
    while start < stop and text[start].isspace():
        start += 1
    while start < stop and text[stop - 1].isspace():
        stop -= 1
    return start, stop


def word_spans(text: str, spans: Sequence[Span]) -> list[Span]:
    """Return the spans of the words that tokens with these spans are the pieces of, in order.

    >>> word_spans("an unseen film!", [(0, 2), (3, 5), (5, 9), (9, 14), (14, 15)])
    [(0, 2), (3, 9), (10, 14), (14, 15)]
    >>> word_spans("很好看", [(0, 1), (1, 3)])
    [(0, 1), (1, 3)]
    """
    words: list[Span] = []
    for start, stop in sorted(stripped(text, span) for span in spans):
        if start == stop:
            continue
        if words and (start < words[-1][1] or _one_word(text, words[-1][1], start)):
            words[-1] = (words[-1][0], max(words[-1][1], stop))
        else:
            words.append((start, stop))
    return words


def _one_word(text: str, stop: int, start: int) -> bool:
    return start == stop and all(_in_word(letter) for letter in (text[stop - 1], text[start]))


def _in_word(letter: str) -> bool:
    spaced = not any(low <= ord(letter) <= high for low, high in SPACELESS)
    return spaced and (letter.isalnum() or letter == "_" or unicodedata.category(letter)[0] == "M")


def sentences(text: str) -> list[Span]:
    """Return the spans of the sentences of a text: up to a full stop before a space, or one of Chinese or Japanese.

    >>> text = "It costs 3.50. Too much! 好。不。"
    >>> [text[start:stop] for start, stop in sentences(text)]
    ['It costs 3.50.', 'Too much!', '好。', '不。']
    """
    ends = [0, *(match.end() for match in END.finditer(text)), len(text)]
    spans = [stripped(text, span) for span in pairwise(ends)]
    return [(start, stop) for start, stop in spans if start < stop]


def locate(text: str, tokens: Sequence[str | None]) -> list[Span]:
    """Return where tokens stand in a text whose tokenizer does not say it; None is a token that stands for no text.

    Letters are compared without case and accents. What is found nowhere, such as an unknown word or the bytes of a
    letter, has the text between what was found before and behind it.

    >>> locate("Un café noir", ["un", "[UNK]", "no", "##ir", None])
    [(0, 2), (3, 7), (8, 10), (10, 12), (0, 0)]
    """
    plain, origin = _plain(text)
    position, found = 0, []
    for token in tokens:
        piece = "" if token is None else SIGNS.sub("", token).replace("\u2581", " ").strip()
        if token is not None and not piece:  # a space
            space = SPACE.search(plain, position)
            start, size = (space.start() if space else None), 1
        else:
            start, size = _next(plain, piece, position, sure=not found or found[-1] is not None), len(_plain(piece)[0])
        if start is not None:
            position = start + size
        found.append(None if start is None else (origin[start], origin[position - 1] + 1))
    return _filled(text, tokens, found)


def _next(plain: str, piece: str, position: int, *, sure: bool) -> int | None:
    """Return where a piece stands: here, or further on where it is not sure how much the one before it has."""
    here = position + len(plain[position:]) - len(plain[position:].lstrip())
    if piece and plain.startswith(_plain(piece)[0], here):
        return here
    # The bytes of a letter look like other letters without their accents: what is further on is looked for as it is.
    start = -1 if sure or not piece else plain.find(piece.lower(), here, here + FAR + len(piece))
    return None if start < 0 else start


def _plain(text: str) -> tuple[str, list[int]]:
    """Return a text in lower case without accents, and which character of the text each of its characters is from."""
    letters, origin = [], []
    for position, letter in enumerate(text):
        for part in unicodedata.normalize("NFKD", letter).lower():
            if unicodedata.category(part)[0] != "M":
                letters.append(part)
                origin.append(position)
    return "".join(letters), origin


def _filled(text: str, tokens: Sequence[str | None], found: list[Span | None]) -> list[Span]:
    spans: list[Span] = []
    position = 0
    for missing, group in groupby(range(len(found)), key=lambda number: found[number] is None):
        numbers = list(group)
        if not missing:
            spans += [span for number in numbers if (span := found[number]) is not None]
            position = max(position, spans[-1][1])
            continue
        later = [span[0] for span in found[numbers[-1] + 1 :] if span is not None]
        word = re.match(r"\s*\S*", text[position:])
        stop = later[0] if later else position + (word.end() if word else 0)
        gap = stripped(text, (position, stop))
        spans += [gap if tokens[number] is not None and gap[0] < gap[1] else (0, 0) for number in numbers]
    return spans
