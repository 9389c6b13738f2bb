"""The one place where text from outside becomes HTML: everything is escaped unless this file made it."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from xai.base.json_values import as_plain, visible_text
from xai.reports.language import say, translated

__all__ = ["MARKS", "asset", "content_hash", "render", "script_json"]

MARKS = {"pass": "✓", "warn": "~", "fail": "✗", "untestable": "?"}  # of a finding's status
# Inside a script element these could end it, open a comment, or break a line of JavaScript.
UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def render(template: str, **values: object) -> Markup:
    """Return a template of `xai/reports/templates` as HTML, with every value escaped."""
    return Markup(visible_text(_environment().get_template(template).render(**values)))


def script_json(value: object) -> Markup:
    """Return a value as JSON that may stand inside a script element; NaN and infinity become null.

    >>> print(script_json({"name": "</script><script>alert(1)"}))
    {"name":"\\u003c/script\\u003e\\u003cscript\\u003ealert(1)"}
    """
    text = json.dumps(as_plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character, escaped in UNSAFE.items():
        text = text.replace(character, escaped)
    return Markup(visible_text(text))  # an escape of JSON too


def asset(name: str) -> Markup:
    """Return one of the library's own style sheets or scripts."""
    return Markup((files("xai.reports") / "assets" / name).read_text("utf-8"))


def content_hash(content: str) -> str:
    """Return what a Content-Security-Policy calls a style or script by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _notes(notes: list[str]) -> str:
    """Return short notes as one line."""
    return "; ".join(map(translated, notes))


def _number(value: float) -> str:
    """Return few digits, but counts whole: 7,632 and not 7.63e+03."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.3g}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("xai.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    known: dict[str, Any] = environment.globals  # declared as what it holds at first
    known |= {"say": say, "translated": translated, "notes": _notes, "marks": MARKS}
    environment.filters["translated"] = translated
    environment.filters["capitalize_first"] = lambda text: str(text)[:1].upper() + str(text)[1:]
    environment.filters["percent"] = percent
    environment.filters["number"] = lambda value: "–" if value is None or value != value else _number(value)
    environment.filters["brief"] = lambda value: f"{value:.2f}".replace("-0.00", "0").replace("0.00", "0")
    # Few digits, but a whole number whole: 1 and not 1.00; a minus sign as long as the plus.
    environment.filters["numbers"] = lambda values: ", ".join(f"{v:.6g}".replace("-", "\N{MINUS SIGN}") for v in values)
    return environment


def percent(value: float) -> str:
    """Return a share as a page has it.

    >>> percent(0.25)
    '25.0\xa0%'
    """
    return "–" if value != value else f"{100 * value:.1f}\N{NO-BREAK SPACE}%"
