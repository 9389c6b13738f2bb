"""Lists of names as they come from NumPy, pandas and scikit-learn, as plain strings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Real

from xai.base.errors import InputError, describe

__all__ = ["chosen_names", "plain_names"]


def plain_names(argument: str, value: object, *, least: int = 1) -> list[str]:
    """Return distinct names in order, as plain strings, of a list, an array, an index of pandas or a range.

    Numbers and booleans are names as well: they are spelled as Python does. Raises InputError for anything else.

    >>> import numpy as np
    >>> plain_names("names", np.array(["age", "income"])), plain_names("categorical", [False, True])
    (['age', 'income'], ['False', 'True'])
    """
    wanted = f"distinct names{', at least one' if least == 1 else ''}"
    one = isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable)
    if one or getattr(value, "ndim", 1) != 1:
        raise InputError(argument, expected=wanted, got=describe(value))
    items = [item.item() if getattr(item, "shape", None) == () else item for item in value]
    if not all(isinstance(item, str | Real) for item in items):
        raise InputError(argument, expected=wanted, got=describe(items))
    names = [str(item) for item in items]
    if len(names) < least or len(set(names)) != len(names):
        raise InputError(argument, expected=wanted, got=describe(names) if len(names) > 12 else names)
    return names


def chosen_names(argument: str, value: object) -> list[str]:
    """Return names that a caller chose, each once, of a list, an array or an index; raises InputError for others.

    >>> chosen_names("methods", ("lime", "lrp", "lime"))
    ['lime', 'lrp']
    """
    one = isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable)
    if one or getattr(value, "ndim", 1) != 1:
        raise InputError(argument, expected="a list of names", got=describe(value))
    names = list(value)
    if not all(isinstance(name, str) for name in names):
        raise InputError(argument, expected="a list of names", got=describe(names))
    return list(dict.fromkeys(map(str, names)))
