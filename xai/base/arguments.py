"""Checks of plain arguments that every part shares: whole numbers and real numbers, by name."""

from __future__ import annotations

import math
from numbers import Integral, Real

from xai.base.errors import InputError, describe

__all__ = ["real_number", "whole_number"]


def whole_number(argument: str, value: object, least: int = 0) -> int:
    """Return a whole number as an int; raises InputError for anything else, or one below `least`.

    >>> whole_number("samples", 500, 10)
    500
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise InputError(argument, expected=f"a whole number from {least}", got=describe(value))
    return int(value)


def real_number(argument: str, value: object, above: float = -math.inf) -> float:
    """Return a finite number above a limit as a float; raises InputError for anything else."""
    if isinstance(value, bool) or not isinstance(value, Real) or not above < float(value) < math.inf:
        wanted = "a finite number" if above == -math.inf else f"a finite number above {above:g}"
        raise InputError(argument, expected=wanted, got=describe(value))
    return float(value)
