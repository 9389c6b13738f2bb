"""The style of a notebook fragment: of the report's style sheet, only the rules that something inside it can match."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from markupsafe import Markup

from xai.reports.escape import asset

__all__ = ["fragment_style"]

ROOT = re.compile(r":root \{(.*?)\}", re.S)
COMMENT = re.compile(r"/\*.*?\*/", re.S)
TAG = re.compile(r"<([a-z][a-z0-9]*)")
CLASSES = re.compile(r'class="([^"]*)"')
NEEDS = re.compile(r"\.([A-Za-z][\w-]*)|(?:^|[\s>+~])([a-z][a-z0-9]*)")
INSIDE = re.compile(r"\([^()]*\)|\[[^\]]*\]|::?[a-z-]+")  # of a selector: what asks for a state, not for an element
OWN = "& { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); padding: .5rem; }\n"
OUTSIDE = {"html", "body", "main", "nav", "h1", "h2"}  # a fragment has none of them


def fragment_style(body: str) -> Markup:
    """Return the style for what is inside a fragment alone, in the notebook's own light or dark."""
    light, dark = ROOT.findall(_sheet())
    themes = (
        f'[data-jp-theme-light="true"] &, .vscode-light & {{{light}}}\n'
        f'[data-jp-theme-light="false"] &, .vscode-dark & {{{dark} color-scheme: dark; }}\n'
    )
    there = set(TAG.findall(body)) | {name for names in CLASSES.findall(body) for name in names.split()}
    rules = "".join(_kept(_sheet(), there)).replace(":root", "&")
    return Markup(f".xai-result {{\n{rules}{themes}{OWN}}}")


@cache
def _sheet() -> str:
    # What follows is for paper. As text: markup would escape the &.
    return COMMENT.sub("", str(asset("report.css"))).split("@page")[0]


def _kept(sheet: str, there: set[str]) -> Iterator[str]:
    for head, inside in _rules(sheet):
        if head.startswith(("@media", "@container")):
            kept = "".join(_kept(inside, there))
            if kept:
                yield f"{head} {{\n{kept}}}\n"
            continue
        selectors = [part.strip() for part in head.split(",") if _matches(part, there)]
        if selectors:
            yield f"{', '.join(selectors)} {{{inside}}}\n"


def _matches(selector: str, there: set[str]) -> bool:
    plain = INSIDE.sub("", selector)
    needed = {first or second for first, second in NEEDS.findall(plain)}
    return not needed & OUTSIDE and needed <= there


def _rules(sheet: str) -> Iterator[tuple[str, str]]:
    """Return each rule as what stands before its braces and what stands in them."""
    depth, start, opened = 0, 0, 0
    for index, character in enumerate(sheet):
        if character == "{":
            depth += 1
            opened = index if depth == 1 else opened
        elif character == "}":
            depth -= 1
            if depth == 0:
                yield sheet[start:opened].strip(), sheet[opened + 1 : index].strip()
                start = index + 1
