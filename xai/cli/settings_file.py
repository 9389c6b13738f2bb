"""Options that are always the same, in `xai.toml` of the current folder: a table per command.

It may have come with a folder that somebody else made. So it trusts no code, names no machine that sends some, and has
nothing written outside the current folder: that is for the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from xai.base.errors import XaiError
from xai.base.reading import MEBIBYTE, parse_toml, read_plain

__all__ = ["FILE", "read_settings"]

FILE = "xai.toml"
NEVER = ("trust_code", "scheduler")
WRITTEN = ("output", "json_path")  # options that say where something is written


def read_settings(commands: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Return the options of each command that `xai.toml` names, {} where there is none.

    Raises ClickException for a file that is no TOML, names an unknown command, or an option that is for the command
    line.
    """
    try:
        content = read_plain(FILE, "a TOML file", limit=MEBIBYTE)
        found = parse_toml(content, dict[str, object], FILE)
    except FileNotFoundError:
        return {}
    except XaiError as error:
        raise click.ClickException(str(error)) from error
    settings = {}
    for command, options in found.items():
        if command not in commands or not isinstance(options, dict):
            expected = f"a table per command ([report], [explain], ...), one of {', '.join(commands)}"
            raise click.ClickException(f"{FILE}: expected {expected}; got {command!r}")
        settings[command] = _options(options)
    return settings


def _options(options: Mapping[str, object]) -> dict[str, object]:
    """Return the options of a command, or of a group those of its commands, as click names them."""
    found = {}
    for written, value in options.items():
        name = written.replace("-", "_")
        if name in NEVER:
            raise click.ClickException(f"{FILE}: {written} is given on the command line only")
        if name in WRITTEN and not _inside(value):
            raise click.ClickException(f"{FILE}: {written}: expected a path inside this folder; got {value!r}")
        found[name] = _options(value) if isinstance(value, dict) else value
    return found


def _inside(path: object) -> bool:
    """Say whether a path lies in the current folder, links followed."""
    try:
        return isinstance(path, str) and Path(path).resolve().is_relative_to(Path.cwd().resolve())
    except (OSError, ValueError, RuntimeError):  # a null byte, a link to itself
        return False
