"""Rows that fail: found by halving the batch, so that the others are still explained together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

from xai.base.errors import XaiError, describe_error

__all__ = ["ends_the_run", "make_all"]

Made = TypeVar("Made")


def make_all(make: Callable[[list[int]], Made], rows: list[int]) -> tuple[Made | None, list[int], dict[int, str]]:
    """Return what is made of the rows that do not fail, their numbers, and what was wrong with each of the others.

    Raises what is no fault of a row: too little memory, an interruption.

    >>> def inverse(rows):
    ...     return [1 / row for row in rows]
    >>> make_all(inverse, [1, 0, 2])
    ([1.0, 0.5], [1, 2], {0: 'ZeroDivisionError: division by zero'})
    """
    if not rows:
        return None, [], {}
    errors: dict[int, str] = {}
    made, text = _attempt(make, rows)
    if text is None:
        return made, rows, errors
    _isolate(make, rows, text, errors)
    good = [row for row in rows if row not in errors]
    if not good:
        return None, [], errors
    made, text = _attempt(make, good)
    if text is not None:  # each alone can be made, together they cannot
        return None, [], {**errors, **dict.fromkeys(good, text)}
    return made, good, errors


def _attempt(make: Callable[[list[int]], Made], rows: list[int]) -> tuple[Made | None, str | None]:
    try:
        return make(rows), None
    except Exception as error:
        if ends_the_run(error):
            raise
        return None, str(error) if isinstance(error, XaiError) else describe_error(error)


def _isolate(make: Callable[[list[int]], object], rows: list[int], text: str, errors: dict[int, str]) -> None:
    """Write the rows that fail into `errors`; `text`: how all of them failed together."""
    if len(rows) == 1:
        errors[rows[0]] = text.replace(" in row 0", "")  # of a batch of this row alone
        return
    middle = len(rows) // 2
    for half in (rows[:middle], rows[middle:]):
        _, failure = _attempt(make, half)
        if failure is not None:
            _isolate(make, half, failure, errors)


def ends_the_run(error: BaseException | None) -> bool:
    """Say whether an error is no fault of a row: memory that ran out may be there the next time."""
    while error is not None:
        if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
