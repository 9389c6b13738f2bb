"""Checks of plain arguments that every part shares: whole numbers and real numbers, by name."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from numbers import Integral, Real

from xai.base.errors import InputError, describe

__all__ = ["check_options", "draw_count", "real_number", "row_number", "share", "whole_number"]

MOST_DRAWS = 1_000_000


def whole_number(argument: str, value: object, least: int = 0, most: int | None = None) -> int:
    """Return a whole number as an int; raises InputError for anything else, one below `least`, or above `most`.

    >>> whole_number("samples", 500, 10)
    500
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or int(value) < least or (most is not None and int(value) > most):
        upper = "" if most is None else f" to {most:,}"
        raise InputError(argument, expected=f"a whole number from {least}{upper}", got=describe(value))
    return int(value)


def draw_count(argument: str, value: object, least: int = 1) -> int:
    """Return how often something is drawn or tried as an int; InputError for more than anybody waits for, too.

    >>> draw_count("controls", 99, 19)
    99
    """
    return whole_number(argument, value, least, MOST_DRAWS)


def row_number(argument: str, value: object, rows: int) -> int:
    """Return the number of one of so many rows as an int, from the end where it is negative; else InputError.

    >>> row_number("row", -1, 3)
    -1
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or not -rows <= int(value) < rows:
        raise InputError(argument, expected=f"a row below {rows}", got=describe(value))
    return int(value)


def share(argument: str, value: object) -> float:
    """Return a number between 0 and 1, neither of them, as a float; raises InputError for anything else."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < 1:
        raise InputError(argument, expected="a share between 0 and 1", got=describe(value))
    return float(value)


def real_number(argument: str, value: object, above: float = -math.inf, *, least: float = -math.inf) -> float:
    """Return a finite number above a limit, or from the `least` one, as a float; raises InputError for another."""
    plain = isinstance(value, Real) and not isinstance(value, bool)
    if not plain or not above < float(value) < math.inf or float(value) < least:
        limit = f" above {above:g}" if above > -math.inf else f" from {least:g}" if least > -math.inf else ""
        wanted = f"a finite number{limit}"
        raise InputError(argument, expected=wanted, got=describe(value))
    return float(value)


def check_options(argument: str, options: object, function: Callable) -> None:
    """Raise InputError where options are no dictionary of what a function takes by name alone, but for its seed.

    >>> def deletion(model, explanation, *, controls=39, seed=0): ...
    >>> check_options("deletion", {"control": 99}, deletion)
    Traceback (most recent call last):
    xai.base.errors.InputError: deletion: expected keyword arguments among controls, as a dictionary, got 'control'
    """
    parameters = inspect.signature(function).parameters.values()
    known = sorted(item.name for item in parameters if item.kind is item.KEYWORD_ONLY and item.name != "seed")
    wrong = [name for name in options if name not in known] if isinstance(options, Mapping) else [options]
    if wrong:
        wanted = f"keyword arguments among {', '.join(known) or '(it takes none)'}, as a dictionary"
        raise InputError(argument, expected=wanted, got=describe(wrong[0]))
