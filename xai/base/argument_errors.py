"""Which argument of a public call caused a bare error: the one that is not of the type in the signature."""

from __future__ import annotations

import collections.abc
import contextlib
import importlib
import inspect
import os
import types
import typing
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

__all__ = ["BARE", "unbound_argument", "wrong_argument", "wrong_model"]

BARE = (
    TypeError,
    ValueError,
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    OSError,
    RuntimeError,
    RecursionError,
)
LARGEST = 2**63 - 1  # the largest whole number that arrays and tensors know
MISSING = object()
PLAIN: dict[object, tuple[str, Callable[[object], bool]]] = {
    bool: ("True or False", lambda value: isinstance(value, bool) or type(value).__name__ == "bool"),
    int: ("a whole number", lambda value: isinstance(value, Integral) and not isinstance(value, bool)),
    float: ("a number", lambda value: isinstance(value, Real) and not isinstance(value, bool)),
    str: ("a string", lambda value: isinstance(value, str)),
}


class Words(str):
    """Words that stand for a value in a message."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def wrong_model(function: Callable, arguments: tuple, settings: Mapping[str, object]) -> tuple[str, str, object] | None:
    """Return name, what was expected and the value of an argument that has to be a Model and is none."""
    if not isinstance(function, types.FunctionType):
        return None
    annotations = function.__annotations__
    for position, name in enumerate(annotations):
        if annotations[name] == "Model" and name != "return":
            known = function.__code__.co_varnames[: function.__code__.co_argcount]
            at = known.index(name) if name in known else len(arguments)
            value = settings.get(name, arguments[at] if at < len(arguments) else MISSING)
            if value is not MISSING and not hasattr(value, "explaining"):
                bare = " (wrap the network: xai.Model(network, ...))" if hasattr(value, "named_modules") else ""
                bare = " (wrap the estimator: xai.from_sklearn(estimator, rows))" if hasattr(value, "predict") else bare
                return name, f"an xai.Model{bare}", value
        if position > 3:
            break
    return None


def wrong_argument(
    function: Callable, arguments: tuple, settings: Mapping[str, object]
) -> tuple[str, str, object] | None:
    """Return name, what was expected and the value of the first argument that its annotation does not allow.

    >>> def half(number: int, name: str = "") -> float: ...
    >>> wrong_argument(half, ("3",), {})
    ('number', 'a whole number', '3')
    """
    signature = inspect.signature(function)
    try:
        bound = signature.bind(*arguments, **settings)
    except TypeError:
        return unbound_argument(signature, arguments, settings, _hints(function))
    hints = _hints(function)
    arguments_given = dict(bound.arguments)
    if getattr(function, "__name__", "") == "__post_init__":  # of a struct: its fields are the arguments
        owner = arguments_given.pop("self")
        hints = _hints(type(owner))
        arguments_given = {name: getattr(owner, name) for name in hints if hasattr(owner, name)}
    arguments_given |= _settings_of(signature, arguments_given, hints)
    for name, value in arguments_given.items():
        if name in hints and name != "self":
            if hints[name] is MISSING:
                return name, "an argument of the call", Words("an unknown one")
            wanted = _mismatch(value, hints[name])
            if wanted is not None:
                return name, wanted, value
    for name, value in arguments_given.items():
        if isinstance(value, str | os.PathLike) and not _can_be_path(value):
            return name, "a text or path that a file system knows", value
    for name, value in arguments_given.items():
        number = isinstance(value, Integral | Real) and not isinstance(value, bool)
        if number and not -LARGEST <= value <= LARGEST:  # infinity and NaN as well
            return name, "a number that is finite and not so large", value
    return None


def _can_be_path(value: str | os.PathLike) -> bool:
    try:
        path = os.fsencode(value)
    except (UnicodeEncodeError, TypeError):
        return False
    return b"\0" not in path and all(len(part) < 256 for part in path.split(os.sep.encode()))


def _settings_of(signature: inspect.Signature, bound: dict[str, object], hints: dict[str, object]) -> dict[str, object]:
    """Return the arguments that stand in a function's **settings, and add what their type says to the hints."""
    for item in signature.parameters.values():
        declared = typing.get_args(hints.get(item.name))
        known = _hints(declared[0]) if declared and isinstance(declared[0], type) else {}
        if item.kind == item.VAR_KEYWORD and known:
            settings = typing.cast("dict[str, object]", bound.pop(item.name, {}))
            hints |= {name: known.get(name, MISSING) for name in settings}
            return settings
    return {}


def unbound_argument(
    signature: inspect.Signature,
    arguments: tuple,
    settings: Mapping[str, object],
    hints: Mapping[str, object],
) -> tuple[str, str, object] | None:
    """Return name, what was expected and the value of an argument that does not fit a signature: one that it does not
    have, that is missing, or that is given twice.

    hints: the types of the arguments; of **settings they say which there are.

    >>> def half(number: int, name: str = "") -> float: ...
    >>> unbound_argument(inspect.signature(half), (3,), {"number": 3}, {})
    ('number', 'one value', two: with its name and without)
    """
    items = [item for item in signature.parameters.values() if item.name != "self"]
    arguments = arguments[len(signature.parameters) - len(items) :]
    more = [item for item in items if item.kind is item.VAR_KEYWORD]
    declared = [typing.get_args(hints.get(item.name)) for item in more]
    open_ended = any(not part or not isinstance(part[0], type) or not _hints(part[0]) for part in declared)
    names = [item.name for item in items if item.kind not in (item.VAR_KEYWORD, item.VAR_POSITIONAL)]
    known = [*names, *(name for part in declared if not open_ended for name in _hints(part[0]))]
    for name in settings:
        if name not in known and not open_ended:
            return name, f"an argument among {', '.join(known)}", Words("an unknown one")
    unnamed = [item.name for item in items if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)]
    for name in unnamed[: len(arguments)]:
        if name in settings:
            return name, "one value", Words("two: with its name and without")
    if len(arguments) > len(unnamed):
        return "arguments", f"at most {len(unnamed)} without a name", Words(len(arguments))
    for position, item in enumerate(items):
        optional = item.default is not item.empty or item.name not in names
        if not optional and item.name not in settings and (position >= len(arguments) or item.name not in unnamed):
            return item.name, "a value", Words("none")
    return None


def _hints(function: Callable | type) -> dict[str, object]:
    """Return the types of a function's arguments as far as they can be resolved here."""
    annotations = {} if isinstance(function, type) else dict(inspect.get_annotations(function))
    if isinstance(function, type):
        for owner in reversed(function.__mro__):
            annotations.update(inspect.get_annotations(owner))
    module = importlib.import_module(getattr(function, "__module__", "builtins"))
    found = {}
    for name, hint in annotations.items():
        if isinstance(hint, typing.ForwardRef):
            hint = hint.__forward_arg__
        with contextlib.suppress(NameError, TypeError, SyntaxError, AttributeError):
            # Of this library's own source alone: annotations stand there as text.
            found[name] = eval(hint, vars(module)) if isinstance(hint, str) else hint
    return found


def _mismatch(value: object, hint: Any) -> str | None:
    """Return what a hint asks for, None where the value is that, or where the hint does not say."""
    try:
        return _asked(value, hint)
    except BARE:  # values that cannot even be compared or gone through
        return "something else"


def _asked(value: object, hint: Any) -> str | None:
    if hint is Any or hint is object or isinstance(hint, typing.TypeVar):
        return None
    if hint is None or hint is type(None):
        return None if value is None else "None"
    if hint in PLAIN:
        wanted, fits = PLAIN[hint]
        return None if fits(value) else wanted
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        found = [_mismatch(value, part) for part in typing.get_args(hint)]
        return None if None in found else " or ".join(dict.fromkeys(part for part in found if part))
    if origin is typing.Literal:
        allowed = typing.get_args(hint)
        return None if value in allowed else f"one of {', '.join(map(repr, allowed))}"
    kind = origin or hint
    if not isinstance(kind, type):
        return None
    return _of_kind(value, kind, typing.get_args(hint))


def _of_kind(value: object, kind: type, parts: tuple) -> str | None:
    if kind is collections.abc.Callable:
        return None if callable(value) else "a function"
    listed = kind in (list, tuple) or kind in (collections.abc.Sequence, collections.abc.Iterable)
    if listed:
        # Arrays and indexes do for lists.
        once = kind is not collections.abc.Iterable and not hasattr(value, "__len__")  # an iterator
        if isinstance(value, str | bytes) or not isinstance(value, collections.abc.Iterable) or once:
            return "a list"
        if kind is tuple and parts and Ellipsis not in parts:
            if not hasattr(value, "__getitem__"):
                return "a list"
            items = list(value)
            if len(items) != len(parts) or any(_mismatch(item, part) for item, part in zip(items, parts, strict=True)):
                return f"({', '.join(_mismatch(MISSING, part) or 'anything' for part in parts)})"
            return None
        wrong = next((w for item in value if parts and (w := _mismatch(item, parts[0]))), None)
        return None if wrong is None else f"a list, each item {wrong}"
    if kind in (dict, collections.abc.Mapping):
        return None if isinstance(value, collections.abc.Mapping) else "a dictionary"
    if kind.__name__ == "Path" or kind is os.PathLike:
        return None if isinstance(value, str | os.PathLike) else "a path"
    if isinstance(value, kind):
        return None
    article = "an" if kind.__name__[:1] in "AEIOU" else "a"
    return f"{article} {kind.__name__}"
