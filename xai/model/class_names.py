"""Names of classes, as they come: a list, an array, an index of pandas, or by number as in a Hugging Face config."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from numbers import Integral

from xai.base.errors import InputError, describe

__all__ = ["class_names"]


def class_names(classes: object) -> list[str]:
    """Return names in the order of the outputs, as plain strings.

    Of several outputs with one name (ImageNet has two cranes) each is named with its number, as in "crane (134)".
    Raises InputError for anything but names, and for numbers that are not 0 to K - 1.

    >>> class_names({1: "dog", 0: "cat"}), class_names(["crane", "maillot", "crane"])
    (['cat', 'dog'], ['crane (0)', 'maillot', 'crane (2)'])
    """
    if isinstance(classes, Mapping):
        classes = _in_order(classes)
    if not isinstance(classes, Iterable) or isinstance(classes, str | bytes) or getattr(classes, "ndim", 1) != 1:
        raise InputError("classes", expected="names, in the order of the outputs", got=describe(classes))
    names = [str(item) for item in classes]
    if not names:
        raise InputError("classes", expected="at least one name", got="none")
    counts = Counter(names)
    if len(counts) == len(names):
        return names
    unique_names = [f"{name} ({number})" if counts[name] > 1 else name for number, name in enumerate(names)]
    if len(set(unique_names)) != len(unique_names):
        raise InputError("classes", expected="distinct names", got=describe(names))
    return unique_names


def _in_order(classes: Mapping) -> list[object]:
    """Return names by number; numbers may be words, as in JSON, and names may be the keys, as in `label2id`."""
    for one in (classes, {value: key for key, value in classes.items() if _number(value) is not None}):
        numbers = {_number(key): value for key, value in one.items()}
        if len(one) == len(classes) and set(numbers) == set(range(len(classes))):
            return [numbers[position] for position in range(len(classes))]
    wanted = f"a name for each number from 0 to {len(classes) - 1}"
    raise InputError("classes", expected=wanted, got=", ".join(map(repr, list(classes)[:6])))


def _number(key: object) -> int | None:
    if isinstance(key, str):
        return int(key) if key.isdecimal() and key.isascii() else None
    return int(key) if isinstance(key, Integral) and not isinstance(key, bool) else None
