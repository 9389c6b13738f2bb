"""What a command prints: a path or a table for people, or one line of JSON with `xai --json`."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

__all__ = ["AS_JSON", "say", "say_table", "wants_json"]

AS_JSON = "xai.json"


def wants_json() -> bool:
    """Say whether the command was called with `xai --json`."""
    context = click.get_current_context(silent=True)
    return bool(context is not None and context.meta.get(AS_JSON))


def say(path: object, **facts: object) -> None:
    """Print the path of what was written, with further facts where JSON is wanted."""
    click.echo(json.dumps({"path": str(path), **facts}) if wants_json() else path)


def say_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under a header, or as a list of objects where JSON is wanted."""
    if wants_json():
        click.echo(json.dumps([dict(zip(header, row, strict=True)) for row in rows], ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in header:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # Text, so that brackets in a name are not read as markup
    console = Console()
    console.print(table) if console.is_terminal else Console(width=200).print(table)
