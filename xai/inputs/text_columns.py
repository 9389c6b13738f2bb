"""Texts as columns of numbers, for a row that holds other inputs beside them: code points, -1 behind the end."""

from __future__ import annotations

import torch
from torch import Tensor

from xai.base.errors import InputError
from xai.inputs.code_points import NOTHING, to_codes, to_texts
from xai.inputs.text import TextInput

REMOVED = ("removed", "zero", "mean", "noise")  # names that all inputs share

__all__ = ["as_codes", "columns_of", "hidden_text", "named_codes", "wider"]


def as_codes(columns: Tensor) -> Tensor:
    """Return the code points (N, L) in int32 that columns of floating numbers hold."""
    return columns.to(torch.int32)


def columns_of(kind: TextInput, value: object, argument: str) -> Tensor:
    """Return texts that a caller handed over as columns (N, L) in float32, which holds every code point exactly."""
    codes = kind.prepare(value, argument)
    return (kind.readable(codes) if codes.dtype == torch.int64 else codes).float()


def wider(columns: Tensor, width: int) -> Tensor:
    """Return columns of texts, or labels of them, with nothing behind them up to a width."""
    more = width - columns.shape[1]
    return columns if more <= 0 else torch.nn.functional.pad(columns, (0, more), value=NOTHING)


def named_codes(kind: TextInput, name: object, columns: Tensor) -> Tensor:
    """Return what stands in place of each run of hidden words, as columns (N, L or more).

    name: "mask", or a string; "absent" is the mask token where there is one, and what texts do not have ("zero", a
    number) takes the words out.
    """
    asked = kind.absent(as_codes(columns)) if name == "absent" else name
    text = asked if isinstance(asked, str) and asked not in REMOVED else ""
    if text == "mask":
        token = kind.reader.token("mask")
        if token is None or kind.tokenizer is None:
            wanted = "'removed' or a string, since the tokenizer has no mask token"
            raise InputError("baseline", expected=wanted, got="'mask'")
        text = kind.tokenizer.name(token)
    codes = to_codes([text]) if text else torch.full((1, 1), NOTHING, dtype=torch.int32)
    return wider(codes.to(columns).expand(len(columns), -1), columns.shape[1])


def hidden_text(columns: Tensor, shown: Tensor, instead: Tensor) -> Tensor:
    """Return texts (n, L) with something else in place of what is not shown: once for each run of hidden characters.

    Args:
        columns: (n, L), or (1, L) for n times the same.
        shown: (n, L) of bool.
        instead: What stands there, (n, M) or (1, M); where that is nothing, the characters are taken out.
    """
    left_out = torch.where(shown, columns, NOTHING)
    if not bool((instead != NOTHING).any()):
        return left_out
    texts, count = [], len(shown)
    rows = columns.expand(count, -1).tolist(), shown.tolist(), to_texts(as_codes(instead.expand(count, -1)))
    for codes, mask, sign in zip(*rows, strict=True):
        before, pieces = True, []
        for code, on in zip(codes, mask, strict=True):
            if code == NOTHING:
                break
            pieces.append(chr(int(code)) if on else sign if before else "")
            before = on
        texts.append("".join(pieces))
    return to_codes([text or " " for text in texts]).to(columns)
