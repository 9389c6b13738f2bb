"""What findings say: templates by finding and outcome in `sentences.toml`, and the few ways to write a number.

A template is a `str.format` string over the facts that a check measured. Another language is another such file.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files

__all__ = ["FORMATS", "plain_number", "sentence", "templates"]

# How a fact is written, by the word behind its colon: `{share:percent}`. Anything else is Python's own.
FORMATS: dict[str, Callable] = {
    "count": lambda value: f"{value:,.0f}",
    "percent": lambda value: f"{100 * value:.0f} %",
    "percent1": lambda value: f"{100 * value:.1f} %",
    "points": lambda value: f"{100 * value:.0f}",
    "points1": lambda value: f"{100 * value:.1f}",
    "change1": lambda value: f"{100 * value:+.1f}",
    "signed": lambda value: f"{value:+.2f}",
    "p": lambda value: f"p = {value:.2g}",
    "ratio": lambda value: plain_number(value, 3),
    "size": lambda value: plain_number(value, 2),
    "name": lambda value: f'"{value}"',
    "list": lambda values: ", ".join(map(str, values)),
    "words": lambda value: str(value).replace("_", " "),
    "first": lambda value: str(value)[:1].upper() + str(value)[1:],
}


def plain_number(value: float, digits: int) -> str:
    """Return a number with so many digits that count, large ones whole and with separators, never as 7.6e+03.

    >>> plain_number(7631.2, 3), plain_number(18.84, 3), plain_number(1e-7, 2)
    ('7,631', '18.8', '1e-07')
    """
    return f"{value:,.0f}" if 10**digits <= abs(value) < 1e12 else f"{value:.{digits}g}"


class _Facts(string.Formatter):
    def format_field(self, value: object, format_spec: str) -> str:
        written = FORMATS.get(format_spec)
        return super().format_field(value, format_spec) if written is None else written(value)


def sentence(name: str, outcome: str, facts: Mapping[str, object]) -> str:
    """Return what a finding of that name says of an outcome.

    >>> sentence("inside.pruning", "text", {"share": 0.4, "score": "accuracy"})
    '40 % of its connections, the smallest, can be set to 0 for at most a point of accuracy.'
    """
    return _Facts().vformat(templates()[name][outcome], (), facts)


@cache
def templates() -> dict[str, dict[str, str]]:
    """Return the templates by finding, then by outcome; `control` is what a finding is held against."""
    return tomllib.loads((files("xai.auditing") / "sentences.toml").read_text("utf-8"))
