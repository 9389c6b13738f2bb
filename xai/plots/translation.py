"""The words of drawings in the language of whoever has them drawn: English, unless a report says another."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["translate", "translating"]

_TRANSLATION: ContextVar[Callable[[str], str]] = ContextVar("translation", default=str)


@contextmanager
def translating(translation: Callable[[str], str]) -> Generator[None]:
    """Draw what is drawn inside with the sentences that a function has for the English ones."""
    token = _TRANSLATION.set(translation)
    try:
        yield
    finally:
        _TRANSLATION.reset(token)


def translate(sentence: str, **values: object) -> str:
    """Return a sentence of the library's own as it is said here; `{fields}` of it are filled with values.

    >>> with translating({"step {number}": "Schritt {number}"}.__getitem__):
    ...     translate("step {number}", number=3)
    'Schritt 3'
    """
    found = _TRANSLATION.get()(sentence)
    return found.format(**values) if values else found
