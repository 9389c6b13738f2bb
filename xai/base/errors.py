"""The errors that this library raises; each message says operation, argument, expected and got."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from xai.base.argument_errors import BARE, wrong_argument, wrong_model

__all__ = [
    "FolderError",
    "InputError",
    "LayerError",
    "NetworkError",
    "OutputError",
    "TargetError",
    "XaiError",
    "XaiWarning",
    "describe",
    "describe_error",
    "names_arguments",
    "names_errors",
    "one_line",
    "within",
]


LONGEST = 600  # letters of somebody else's error; torch adds a trace of its own to some
Call = TypeVar("Call", bound=Callable[..., Any])
Kind = TypeVar("Kind", bound=type)


class XaiError(Exception):
    """Base of every error that this library raises on purpose.

    Args:
        argument: which argument is wrong, or the whole message where nothing was expected.
        expected: what would have been right. got: what came instead.
        operation: the public call that went wrong; added at its boundary (`names_errors`) where it is not said here.

    >>> raise InputError("target", expected="a class from 0 to 9", got=12, operation="saliency")
    Traceback (most recent call last):
    xai.base.errors.InputError: saliency: target: expected a class from 0 to 9, got 12
    """

    def __init__(
        self, argument: str, *, expected: str | None = None, got: object = None, operation: str | None = None
    ) -> None:
        super().__init__(argument)
        self.argument, self.expected, self.got, self.operation = argument, expected, str(got), operation

    def __str__(self) -> str:
        text = self.argument if self.expected is None else f"{self.argument}: expected {self.expected}, got {self.got}"
        return text if self.operation is None else f"{self.operation}: {text}"


class InputError(XaiError, ValueError):
    """An argument has the wrong shape, type, range or value."""


class TargetError(XaiError, ValueError):
    """The class or output to explain does not exist."""


class LayerError(XaiError, ValueError):
    """The layer does not exist, was not reached, or is of the wrong kind."""


class NetworkError(XaiError, RuntimeError):
    """The network itself failed, or put out something that cannot be explained."""


class FolderError(XaiError, ValueError):
    """A model folder is missing, damaged, or does not fit its network."""


class OutputError(XaiError, OSError):
    """A result cannot be written where it was asked for."""


class XaiWarning(UserWarning):
    """Something is probably not as the caller believes; the result says it too."""


def names_errors(operation: str) -> Callable[[Call], Call]:
    """Return a decorator for a public function: errors that leave it say its name, where no inner call said its own.

    A bare error of a call with an argument that its signature does not allow becomes one that names the argument.

    >>> @names_errors("halve")
    ... def halve(number):
    ...     raise InputError("number", expected="an even one", got=number)
    >>> halve(3)
    Traceback (most recent call last):
    xai.base.errors.InputError: halve: number: expected an even one, got 3
    """

    def decorate(function: Call) -> Call:
        @wraps(function)
        def call(*args: object, **settings: object) -> object:
            with within(operation):
                wrong = wrong_model(function, args, settings)
                if wrong is not None:
                    _raise_wrong(wrong)
                numpy = sys.modules.get("numpy")  # importing this file is cheap
                numeric = {} if numpy is None else numpy.geterr()
                try:
                    return function(*args, **settings)
                except KeyboardInterrupt:
                    # It may come between the two ends of a block of somebody's that changes how numpy takes errors.
                    if numpy is not None:
                        numpy.seterr(**numeric)
                    raise
                except XaiError:
                    raise
                except BARE as error:
                    # An argument that is not what the signature says is named; anything else is as it came.
                    wrong = wrong_argument(function, args, settings)
                    if wrong is None:
                        raise
                    _raise_wrong(wrong, error)

        return cast("Call", call)

    return decorate


def names_arguments(kind: Kind) -> Kind:
    """Make a class name the argument that its constructor does not have, misses, or cannot take.

    >>> @names_arguments
    ... class Half:
    ...     def __init__(self, number: int) -> None: ...
    >>> Half()
    Traceback (most recent call last):
    xai.base.errors.InputError: Half: number: expected a value, got none
    """
    kind.__init__ = names_errors(kind.__name__)(kind.__init__)  # ty: ignore[invalid-assignment]  # of the same signature
    return kind


def _raise_wrong(wrong: tuple[str, str, object], error: Exception | None = None) -> None:
    name, wanted, value = wrong
    raise InputError(name, expected=wanted, got=describe(value)) from error


class within:
    """Run a body whose errors say the name of this operation, where none said its own."""

    def __init__(self, operation: str) -> None:
        self.operation = operation

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, XaiError) and error.operation is None:
            error.operation = self.operation


def describe(value: object) -> str:
    """Say what a value is, in words that fit behind "got".

    >>> import numpy as np
    >>> describe(np.zeros((2, 3), dtype=np.float32))
    'float32 array of shape (2, 3)'
    """
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape == () and not hasattr(value, "__setitem__"):  # a number of NumPy
        value, shape = getattr(value, "item", lambda: value)(), None
    if shape is not None and dtype is not None:
        kind = "tensor" if str(dtype).startswith("torch.") else "array"
        return f"{str(dtype).removeprefix('torch.')} {kind} of shape {tuple(shape)}"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__} of {len(value)} items"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def describe_error(error: BaseException) -> str:
    """Return the kind of somebody else's error and its words, as one of ours says what it got.

    >>> describe_error(ValueError("bad\\n  luck"))
    'ValueError: bad luck'
    """
    return f"{type(error).__name__}: {one_line(error)}"


def one_line(error: object) -> str:
    """Return the words of an error, or of anything, on one line, without what a terminal would obey and not too long.

    >>> one_line(ValueError("bad\\n  luck\\x1b[31m"))
    'bad luck[31m'
    """
    text = re.sub(r"\s+", " ", str(error)).strip()
    text = "".join(letter for letter in text if letter.isprintable())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
