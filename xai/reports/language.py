"""The language of a report: its sentences by their English, from one file per language."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from xai.auditing.sentences import templates
from xai.base.errors import InputError
from xai.plots.translation import translating
from xai.reports.phrases import Phrases, pairs
from xai.reports.sentences import english_pairs

__all__ = ["LANGUAGES", "in_language", "language", "say", "translated", "words_of_the_page"]

FOLDER = "languages"
LANGUAGES = ("en", *sorted(entry.name[:2] for entry in (files("xai.reports") / FOLDER).iterdir()))
_CURRENT: ContextVar[str] = ContextVar("language", default="en")


@contextmanager
def in_language(name: str) -> Generator[None]:
    """Say what is rendered inside in a language, "en" or one that has a file."""
    if name not in LANGUAGES:
        raise InputError("language", expected=f"one of {', '.join(LANGUAGES)}", got=name)
    token = _CURRENT.set(name)
    try:
        with translating(_translation(name)):
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
    found = Markup(_tables(language()).get("sentences", {}).get(sentence, sentence))
    return found.format(**values) if values else found


def translated(text: Any) -> Any:
    """Return a finished text in the current language: what a check found, its control, a note, a word for a status.

    Such texts are made with the numbers, in English, and are the same in every report; they are recognized by their
    words. One that is not known stays as it is. The text may quote what came from outside, so it is no HTML.

    >>> with in_language("de"):
    ...     translated("Contradicted: the map is the same everywhere, no part stands out.")
    'Widerlegt: die Karte ist überall gleich, kein Teil hebt sich ab.'
    """
    if language() == "en":
        return text
    found = _phrases(language()).translated(str(text))
    return text if found == text else found  # what was escaped stays so


def words_of_the_page() -> dict[str, str]:
    """Return the sentences that a page's script says, in the current language; {} in English."""
    return _tables(language()).get("script", {})


def _translation(name: str) -> Callable[[str], str]:
    sentences = _tables(name).get("drawings", {})
    return lambda sentence: sentences.get(sentence, sentence)


@cache
def _tables(name: str) -> dict[str, dict[str, str]]:
    if name == "en":
        return {}
    return tomllib.loads((files("xai.reports") / FOLDER / f"{name}.toml").read_text("utf-8"))


@cache
def _phrases(name: str) -> Phrases:
    table = _tables(name)
    audits = pairs(templates(), table["audits"])
    return Phrases({**table["phrases"], **dict(audits), **dict(english_pairs(table))})
