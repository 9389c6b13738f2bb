"""What a command prints: a path or a table for people, or one line of JSON with `xai --json`."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from xai.base.printable import printable_text

__all__ = ["AS_JSON", "say", "say_json", "say_table", "tell", "wants_json"]

AS_JSON = "xai.json"


def tell(text: object = "", *, err: bool = False) -> None:
    """Print a text: the one way to the terminal, on which nothing from outside is obeyed or vanishes.

    Escape sequences and other characters that a terminal acts on are shown as a sign; lines and tabs stay.
    """
    click.echo(printable_text(text), err=err)


def _json(value: object) -> str:
    """Return a value as JSON in which letters of every script stand as they are, and what cannot be seen as escapes."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in text)


def wants_json() -> bool:
    """Say whether the command was called with `xai --json`."""
    context = click.get_current_context(silent=True)
    return bool(context is not None and context.meta.get(AS_JSON))


def say_json(value: object) -> None:
    """Print a value as one line of JSON."""
    tell(_json(value))


def say(path: object, **facts: object) -> None:
    """Print the path of what was written, with further facts where JSON is wanted."""
    tell(_json({"path": str(path), **facts}) if wants_json() else path)


def say_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under a header, or as a list of objects where JSON is wanted."""
    if wants_json():
        tell(_json([dict(zip(header, row, strict=True)) for row in rows]))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in header:
        table.add_column(Text(printable_text(name)), overflow="fold")
    for row in rows:  # Text, so that brackets in a name are not read as markup
        table.add_row(*(Text(printable_text(cell)) for cell in row))
    console = Console()
    console.print(table) if console.is_terminal else Console(width=200).print(table)
