"""Old public names: each works for one more minor version, warns when it is used, and says what to write instead."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from xai.base.errors import InputError

__all__ = ["RenamedKeys", "renamed_arguments", "renamed_attribute", "warn_renamed"]

Decorated = TypeVar("Decorated", bound=Callable)


def warn_renamed(old: str, new: str, stacklevel: int = 1) -> None:
    """Warn that a public name has changed.

    Args:
        old: The name that was used.
        new: The name to use instead.
        stacklevel: Whose line the warning shows: 1 is the caller of this function, 2 the caller of that, and so on.
    """
    message = f"{old} is now {new}; the old name will be removed in the next minor version"
    warnings.warn(message, DeprecationWarning, stacklevel=stacklevel + 1)


def renamed_arguments(**new_names: str) -> Callable[[Decorated], Decorated]:
    """Return a decorator that lets a function, or a class with an `__init__` of its own, take old keywords too.

    Args:
        new_names: The new name of each old keyword: `goals="labels"`.

    Returns:
        The decorator. What it decorates keeps its name, docstring and signature, which has the new names only.

    Raises:
        InputError: When called with both an old keyword and the argument that replaced it.
        TypeError: When decorating something that has no such new argument, or that still has the old one.

    >>> import warnings
    >>> @renamed_arguments(goals="labels")
    ... def count(labels):
    ...     return len(labels)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     count(goals=[0, 1])
    2
    >>> str(caught[0].message)
    'count(goals=) is now count(labels=); the old name will be removed in the next minor version'
    """

    def decorate(decorated: Decorated) -> Decorated:
        plain, name = decorated.__init__ if isinstance(decorated, type) else decorated, _name_of(decorated)
        signature = inspect.signature(plain)
        for old, new in new_names.items():
            if new not in signature.parameters or old in signature.parameters:
                raise TypeError(f"{name}: cannot rename {old} to {new}: it takes {signature}")

        @functools.wraps(plain)
        def with_old_keywords(*args: object, **keywords: object) -> object:
            if not new_names.keys().isdisjoint(keywords):
                keywords = _translated(name, signature, new_names, args, keywords)
            return plain(*args, **keywords)

        if not isinstance(decorated, type):
            return cast(Decorated, with_old_keywords)  # it is called as what it wraps
        decorated.__init__ = with_old_keywords  # ty: ignore[invalid-assignment]  # it keeps the signature of what it wraps
        return decorated

    return decorate


def _name_of(decorated: Callable) -> str:
    return getattr(decorated, "__qualname__", type(decorated).__qualname__)


def _translated(
    operation: str,
    signature: inspect.Signature,
    new_names: Mapping[str, str],
    args: tuple[object, ...],
    keywords: Mapping[str, object],
) -> dict[str, object]:
    """Return the keywords of a call under their new names, with a warning at the line of the call for each old one."""
    positional = signature.bind_partial(*args).arguments
    translated: dict[str, object] = {name: value for name, value in keywords.items() if name not in new_names}
    for old, new in new_names.items():
        if old not in keywords:
            continue
        if new in positional or new in translated:
            raise InputError(new, expected=f"{new} or its old name {old}", got="both", operation=operation)
        warn_renamed(f"{operation}({old}=)", f"{operation}({new}=)", stacklevel=3)
        translated[new] = keywords[old]
    return translated


def renamed_attribute(old: str, new: str) -> property:
    """Return the old name of an attribute, to stand in the body of its class; reads and writes reach the new one.

    Args:
        old: The name it had.
        new: The name it has now.

    >>> class Answers:
    ...     labels = (0, 1)
    ...     goals = renamed_attribute("goals", "labels")
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     Answers().goals
    (0, 1)
    """

    def read(self: object) -> object:
        _warn_of_attribute(self, old, new)
        return getattr(self, new)

    def write(self: object, value: object) -> None:
        _warn_of_attribute(self, old, new)
        setattr(self, new, value)

    return property(read, write, doc=f"The old name of `{new}`.")


class RenamedKeys(dict):
    """Plain data of a result, in which old keys still find the values of the new ones, at any depth.

    Args:
        values: The data; old keys in them, as files of older versions have, become new ones.
        new_names: The new name of each old key.

    >>> import warnings
    >>> details = RenamedKeys({"steady": 0.9}, {"steady": "reliability"})
    >>> details
    {'reliability': 0.9}
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     details["steady"]
    0.9
    """

    def __init__(self, values: Mapping | Iterable = (), new_names: Mapping[str, str] | None = None) -> None:
        self.new_names = dict(new_names or {})
        super().__init__({self.new_names.get(key, key): self._below(value) for key, value in dict(values).items()})

    def _below(self, value: object) -> object:
        if isinstance(value, dict):
            return RenamedKeys(value, self.new_names)
        return [self._below(item) for item in value] if isinstance(value, list) else value

    def __missing__(self, key: str) -> object:
        new = self.new_names.get(key)
        if new is None or new not in self:
            raise KeyError(key)
        warn_renamed(f"the key {key!r}", repr(new), stacklevel=2)
        return self[new]

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the value of a key, old or new, else the default."""
        return super().get(self._new_name(key), default)

    def __contains__(self, key: object) -> bool:
        return super().__contains__(self._new_name(key))

    def _new_name(self, key: Any) -> Any:
        new = self.new_names.get(key)
        if new is None:
            return key
        warn_renamed(f"the key {key!r}", repr(new), stacklevel=3)
        return new


def _warn_of_attribute(owner: object, old: str, new: str) -> None:
    name = type(owner).__name__
    warn_renamed(f"{name}.{old}", f"{name}.{new}", stacklevel=3)
