"""The errors that this library raises; each message says operation, argument, expected and got."""

from __future__ import annotations

import re

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
    "expected",
    "one_line",
]


LONGEST = 600  # letters of somebody else's error; torch adds a trace of its own to some


class XaiError(Exception):
    """Base of every error that this library raises on purpose."""


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


def expected(operation: str, argument: str, wanted: str, got: object) -> str:
    """Return the one-line message of every argument error.

    >>> expected("saliency", "target", "a class from 0 to 9", 12)
    'saliency: target: expected a class from 0 to 9, got 12'
    """
    return f"{operation}: {argument}: expected {wanted}, got {got}"


def describe(value: object) -> str:
    """Say what a value is, in words that fit behind "got".

    >>> import numpy as np
    >>> describe(np.zeros((2, 3), dtype=np.float32))
    'float32 array of shape (2, 3)'
    """
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and dtype is not None:
        kind = "tensor" if str(dtype).startswith("torch.") else "array"
        return f"{str(dtype).removeprefix('torch.')} {kind} of shape {tuple(shape)}"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__} of {len(value)} items"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def one_line(error: object) -> str:
    """Return the words of an error, or of anything, on one line, without what a terminal would obey and not too long.

    >>> one_line(ValueError("bad\\n  luck\\x1b[31m"))
    'bad luck[31m'
    """
    text = re.sub(r"\s+", " ", str(error)).strip()
    text = "".join(letter for letter in text if letter.isprintable())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
