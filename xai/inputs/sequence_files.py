"""Texts and series from the command line: a text as it stands or in a file, a series as a table of steps."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from xai.base.errors import InputError
from xai.base.reading import MEBIBYTE, read_plain
from xai.inputs.base import Input

__all__ = ["read_series", "read_texts"]

LONGEST_NAME = 48
LARGEST = 256 * MEBIBYTE


def read_texts(items: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return texts and what to call them; an item that ends in .txt is a file, any other is the text itself."""
    texts, names = [], []
    for item in items:
        if item.endswith(".txt"):
            try:
                texts.append(_text(item, "a text file in UTF-8").strip())
            except (FileNotFoundError, UnicodeDecodeError) as error:
                raise InputError(item, expected="a text file in UTF-8", got=type(error).__name__) from error
            names.append(Path(item).name)
        else:
            texts.append(item)
            names.append(item if len(item) <= LONGEST_NAME else f"{item[: LONGEST_NAME - 1]}…")
    return texts, tuple(names)


def read_series(paths: Sequence[str], input: Input) -> tuple[Tensor, tuple[str, ...]]:
    """Return series (N, length, D) from CSV files: a line per step, a number per name; a header of names may lead.

    Raises InputError for a missing file, or one that holds something else.
    """
    series = []
    for path in paths:
        try:
            lines = [line for line in csv.reader(_text(path, "a CSV file").splitlines()) if line]
        except (FileNotFoundError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(path, expected="a CSV file of steps", got=type(error).__name__) from error
        lines = lines[1:] if lines and [cell.strip() for cell in lines[0]] == list(input.names) else lines
        try:
            series.append(torch.tensor([[float(cell) for cell in line] for line in lines]))
        except ValueError as error:
            wanted = f"{len(input.names)} numbers in each line"
            raise InputError(path, expected=wanted, got="something else") from error
    return input.prepare(series), tuple(Path(path).name for path in paths)


def _text(path: str, wanted: str) -> str:
    return read_plain(path, wanted, limit=LARGEST, error=InputError).decode()
