"""Options that are always the same, in `xai.toml` of the current folder: a table per command."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import click

__all__ = ["FILE", "read_settings"]

FILE = "xai.toml"
NEVER = ("trust_code",)  # whoever hands over a folder must not trust its code for its reader


def read_settings(commands: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Return the options of each command that `xai.toml` names, {} where there is none.

    Raises ClickException for a file that is no TOML, names an unknown command, or trusts code.
    """
    path = Path(FILE)
    if not path.is_file():
        return {}
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{FILE}: expected TOML, got {error}") from error
    settings = {}
    for command, options in found.items():
        if command not in commands or not isinstance(options, dict):
            expected = f"a table per command ([report], [explain], ...), one of {', '.join(commands)}"
            raise click.ClickException(f"{FILE}: expected {expected}; got {command!r}")
        named = {name.replace("-", "_"): value for name, value in options.items()}
        forbidden = [name for name in NEVER if name in named]
        if forbidden:
            raise click.ClickException(f"{FILE}: {forbidden[0]} is given on the command line only, folder by folder")
        settings[command] = named
    return settings
