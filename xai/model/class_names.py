"""Names of classes, as they come: a list, an array, an index of pandas, or by number as in a Hugging Face config."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral

from xai.base.errors import InputError, describe

__all__ = ["class_names"]


def class_names(given: object) -> list[str]:
    """Return names in the order of the outputs, as plain strings.

    Of several outputs with one name (ImageNet has two cranes) each is told by its number, as in "crane (134)".
    Raises InputError for anything but names, and for numbers that are not 0 to K - 1.

    >>> class_names({1: "dog", 0: "cat"}), class_names(["crane", "maillot", "crane"])
    (['cat', 'dog'], ['crane (0)', 'maillot', 'crane (2)'])
    """
    if isinstance(given, Mapping):
        given = _in_order(given)
    if not isinstance(given, Iterable) or isinstance(given, str | bytes) or getattr(given, "ndim", 1) != 1:
        raise InputError("classes", expected="names, in the order of the outputs", got=describe(given))
    names = [str(item) for item in given]
    if not names:
        raise InputError("classes", expected="at least one name", got="none")
    if len(set(names)) == len(names):
        return names
    told = [f"{name} ({number})" if names.count(name) > 1 else name for number, name in enumerate(names)]
    if len(set(told)) != len(told):
        raise InputError("classes", expected="distinct names", got=describe(names))
    return told


def _in_order(given: Mapping) -> list[object]:
    """Return names by number; numbers may be words, as in JSON, and names may be the keys, as in `label2id`."""
    for one in (given, {value: key for key, value in given.items() if _number(value) is not None}):
        numbers = {_number(key): value for key, value in one.items()}
        if len(one) == len(given) and set(numbers) == set(range(len(given))):
            return [numbers[place] for place in range(len(given))]
    wanted = f"a name for each number from 0 to {len(given) - 1}"
    raise InputError("classes", expected=wanted, got=", ".join(map(repr, list(given)[:6])))


def _number(key: object) -> int | None:
    if isinstance(key, str):
        return int(key) if key.isdecimal() and key.isascii() else None
    return int(key) if isinstance(key, Integral) and not isinstance(key, bool) else None
