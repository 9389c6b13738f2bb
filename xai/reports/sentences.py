"""The sentences of reports, read from one file: on methods, checks of explanations, audits and comparisons."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, NamedTuple

from markupsafe import escape

from xai.methods import all_methods
from xai.reports.phrases import pairs

__all__ = [
    "AUDIT_SENTENCES", "CHECK_SENTENCES", "COMPARISON_SENTENCES", "METHOD_SENTENCES", "VERDICT_SENTENCES",
    "AuditSentences", "MethodSentences", "english_pairs", "finding_title", "sentences_of",
]  # fmt: skip


class MethodSentences(NamedTuple):
    """title: the method's name in a report. unit: of its values. look: what to look for. limits: what it hides."""

    title: str
    unit: str
    look: str
    limits: str


class AuditSentences(NamedTuple):
    """how: what was done. act: what to do where a finding fails. limits: what the check cannot say."""

    how: str
    act: str
    limits: str


_SENTENCES = tomllib.loads((files("xai.reports") / "sentences.toml").read_text("utf-8"))
# What the sentences of images say of them, in the words of another kind, by its word for a part.
_WORDS: dict[str, dict[str, str]] = _SENTENCES["words"]
_NOISE = _SENTENCES["comparison"]["noise"]
METHOD_SENTENCES = {name: MethodSentences(**texts) for name, texts in _SENTENCES["methods"].items()}
CHECK_SENTENCES: dict[str, str] = _SENTENCES["checks"]
VERDICT_SENTENCES: dict[str, str] = _SENTENCES["verdicts"]
AUDIT_SENTENCES = {name: AuditSentences(**texts) for name, texts in _SENTENCES["audit"].items()}
COMPARISON_SENTENCES = {
    name: AuditSentences(texts["how"].format(noise=_NOISE), texts["act"], texts["limits"])
    for name, texts in _SENTENCES["comparison"].items()
    if name != "noise"
}


def sentences_of(method: str, part: str = "pixel") -> MethodSentences:
    """Return the sentences of a method, in the words of the kind of input: `part` is that for a part of it.

    A method of another package has its own summary; of values from elsewhere it is not known what they should be.

    >>> sentences_of("kernel_shap", "column").limits
    'Not what the network does on real rows: most of what it is asked has many columns missing.'
    """
    if method in METHOD_SENTENCES:
        words = _WORDS.get(part, {"pixel": part})
        return MethodSentences(*(_filled(text, words) for text in METHOD_SENTENCES[method]))
    spec = all_methods().get(method)
    if spec is None:  # a name that a caller gave, where templates expect a sentence of the library's own
        return MethodSentences(
            escape(method), *(_SENTENCES["elsewhere"][field] for field in ("unit", "look", "limits"))
        )
    look = spec.summary.capitalize() + "."
    return MethodSentences(method.replace("_", " "), "output", look, "See its documentation.")


def english_pairs(other: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each sentence beside that of another language; those on methods in the words of every kind of input."""
    for section in ("elsewhere", "checks", "verdicts", "audit", "comparison", "findings"):
        yield from pairs(_SENTENCES[section], other[section])
    for english, translated in pairs(_SENTENCES["methods"], other["methods"]):
        for words in _WORDS.values():
            yield _filled(english, words), translated


def _filled(text: str, words: dict[str, str]) -> str:
    """Return a text with words in place of others; longer ones first, since they hold the shorter."""
    for word in sorted(words, key=len, reverse=True):
        text = text.replace(word, words[word])
    return text


def finding_title(name: str) -> str:
    """Return what a finding is called in a report.

    >>> finding_title("bias.equal_opportunity")
    'Equal opportunity'
    """
    named = _SENTENCES["findings"].get(name)
    return named or name.partition(".")[2].replace("_", " ").capitalize() or name.capitalize()
