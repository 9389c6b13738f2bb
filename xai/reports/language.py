"""The language of a report: its own sentences by their English, from one file per language."""

from __future__ import annotations

import tomllib
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files

from markupsafe import Markup

from xai.base.errors import InputError

__all__ = ["LANGUAGES", "in_language", "language", "say"]

FOLDER = "languages"
LANGUAGES = ("en", *sorted(entry.name[:2] for entry in (files("xai.reports") / FOLDER).iterdir()))
_CURRENT: ContextVar[str] = ContextVar("language", default="en")


@contextmanager
def in_language(name: str) -> Generator[None]:
    """Say what is rendered inside in a language, "en" or one that has a file.

    What checks and audits find is said in English: those sentences are made with the numbers.
    """
    if name not in LANGUAGES:
        raise InputError("language", expected=f"one of {', '.join(LANGUAGES)}", got=name)
    token = _CURRENT.set(name)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def language() -> str:
    """Return the current language."""
    return _CURRENT.get()


def say(sentence: str, **values: object) -> Markup:
    """Return a sentence of the library's own in the current language; values are escaped.

    The English sentence is its own key, so that one without a translation stays readable.

    >>> say("{count} images", count="<b>")
    Markup('&lt;b&gt; images')
    """
    found = Markup(_table(language()).get(sentence, sentence))
    return found.format(**values) if values else found


@cache
def _table(name: str) -> dict[str, str]:
    if name == "en":
        return {}
    return tomllib.loads((files("xai.reports") / FOLDER / f"{name}.toml").read_text("utf-8"))["sentences"]
