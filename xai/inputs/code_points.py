"""Texts as code points: a batch of strings as one tensor, kept to the last character."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xai.base.errors import InputError, describe
from xai.base.frames import is_column

__all__ = ["NOTHING", "PAIR", "ids_of", "look_like_ids", "strings_of", "to_codes", "to_texts"]

BLANK, LATIN = 32, 591  # codes of the blank, and of the last letter of Latin scripts
NOTHING = -1  # behind the end of a shorter text; no character has this code
PAIR = "\x1e"  # between the two texts of a pair: the record separator, which stands in no text


def strings_of(value: object, argument: str, *, pairs: bool) -> list[str]:
    """Return the texts that a caller handed over, a pair of them as one with PAIR between.

    Args:
        value: A string, or several in a list, an array or a column of a table.
        argument: What an error calls it.
        pairs: Whether a list may hold pairs of texts.

    Raises:
        InputError: It is something else, or a text is empty.

    >>> strings_of([("Is it?", "Yes.")], "inputs", pairs=True)
    ['Is it?\\x1eYes.']
    """
    texts: Any = [value] if isinstance(value, str) else value
    if isinstance(texts, np.ndarray) or is_column(texts):
        texts = texts.tolist()
    if pairs and isinstance(texts, list | tuple):
        texts = [PAIR.join(text) if _is_pair(text) else text for text in texts]
    if not isinstance(texts, list | tuple) or not texts or not all(isinstance(text, str) for text in texts):
        wanted = "a string or a list of strings" + (" or of pairs of them" if pairs else "")
        items = enumerate(texts) if isinstance(texts, list | tuple) else ()
        wrong = next((f"{describe(item)} in row {row}" for row, item in items if not isinstance(item, str)), None)
        raise InputError(argument, expected=wanted, got=wrong or describe(value))
    empty = [number for number, text in enumerate(texts) if not text]
    if empty:
        raise InputError(argument, expected="texts with something in them", got=f"none in row {empty[0]}")
    return list(texts)


def _is_pair(text: object) -> bool:
    return isinstance(text, list | tuple) and len(text) == 2 and all(isinstance(part, str) and part for part in text)


def to_codes(texts: Sequence[str]) -> Tensor:
    """Return code points (N, L) in int32, -1 behind the end of a shorter text."""
    codes = torch.full((len(texts), max(map(len, texts))), NOTHING, dtype=torch.int32)
    for row, text in zip(codes, texts, strict=True):
        row[: len(text)] = torch.tensor([ord(character) for character in text], dtype=torch.int32)
    return codes


def to_texts(codes: Tensor) -> list[str]:
    """Return the strings behind code points (N, L)."""
    return ["".join(map(chr, row[row >= 0].tolist())) for row in codes.cpu()]


def ids_of(value: object) -> Any:
    """Return whole numbers of NumPy, of any type, as a tensor in int64; anything else as it is.

    >>> ids_of(np.array([[2, 3]], dtype=np.uint16)).dtype
    torch.int64
    """
    whole = isinstance(value, np.ndarray) and value.dtype.kind in "iu"
    return torch.from_numpy(value.astype(np.int64)) if whole else value


def look_like_ids(codes: Tensor) -> bool:
    """Say whether numbers (N, L) in int32 are no code points of texts but what a tokenizer or a vocabulary puts out.

    A text has blanks, and neither begins nor ends with a control character, as the numbers of special tokens and of
    the first words of a vocabulary are; BERT's first and last token are an e and an f around letters of many scripts.

    >>> look_like_ids(torch.tensor([[2, 3]])), look_like_ids(torch.tensor([[104, 105]]))
    (True, False)
    """
    for row in codes.cpu():
        shown = row[row >= 0].tolist()
        ends = {shown[0], shown[-1]} if shown else set()
        special = any(code < BLANK and not chr(code).isspace() for code in ends)
        bert = shown[:1] == [ord("e")] and shown[-1:] == [ord("f")] and max(shown) > LATIN
        if (special or bert) and BLANK not in shown:
            return True
    return False
