"""What the user of this machine has decided, in a file that no model folder can write: whose code may be named."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from xai.base.errors import names_errors
from xai.base.reading import MEBIBYTE, parse_toml, read_plain

__all__ = ["allowed_packages", "settings_file"]


class Trust(msgspec.Struct, forbid_unknown_fields=True):
    """packages: whose module classes a model folder may name without --trust-code."""

    packages: list[str] = []


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    """The content of settings.toml."""

    trust: Trust = msgspec.field(default_factory=Trust)


def settings_file() -> Path | None:
    """Return where the settings are read from: xai/settings.toml in XDG_CONFIG_HOME, or in ~/.config."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    if os.path.isabs(base):  # a relative one would depend on the current folder
        return Path(base, "xai", "settings.toml")
    try:
        return Path.home() / ".config" / "xai" / "settings.toml"
    except RuntimeError:  # a process without a home
        return None


@names_errors("settings")
def allowed_packages(folder: Path | None) -> list[str]:
    """Return the packages that the user allows; none where the settings lie in the model folder that asks.

    Raises FolderError for a file that is no settings file.
    """
    path = settings_file()
    if path is None or (folder is not None and path.resolve().is_relative_to(folder.resolve())):
        return []
    try:
        content = read_plain(path, "a TOML file", limit=MEBIBYTE)
        return parse_toml(content, Settings, str(path)).trust.packages
    except FileNotFoundError:
        return []
