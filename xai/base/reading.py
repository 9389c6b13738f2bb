"""The one place that opens files from outside: plain files of bounded size, without waiting, with named errors."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import TypeVar

import msgspec

from xai.base.errors import FolderError, XaiError, one_line

__all__ = ["MEBIBYTE", "as_kind", "open_plain", "parse_json", "parse_toml", "read_plain"]

MEBIBYTE = 2**20
DEEPEST = 64  # levels of lists and tables within each other
T = TypeVar("T")


def open_plain(
    path: str | Path, wanted: str, *, argument: str | None = None, error: type[XaiError] = FolderError
) -> BufferedReader:
    """Open a plain file for reading; a pipe, device, socket or folder is refused without waiting for it.

    argument: what the error names, by default the path. wanted: what the file should have been. error: the class
    raised. Raises FileNotFoundError for a missing file, which each caller words in its own way.
    """
    name = str(path) if argument is None else argument
    try:
        # Without O_NONBLOCK, opening a pipe waits for somebody to write to it.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as reason:  # ValueError: a null byte in the path
        raise error(name, expected=wanted, got=_why(path, reason)) from reason
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise error(name, expected=wanted, got=f"{path}, which is {_kind(mode)}")
    return open(descriptor, "rb")


def read_plain(
    path: str | Path,
    wanted: str,
    *,
    limit: int,
    argument: str | None = None,
    error: type[XaiError] = FolderError,
) -> bytes:
    """Return the content of a plain file of at most `limit` bytes; errors as of `open_plain`."""
    name = str(path) if argument is None else argument
    with open_plain(path, wanted, argument=argument, error=error) as file:
        try:
            # A file may grow, or not say its size; None is what one gives that would have to be waited for.
            content = file.read(limit + 1) or b""
        except OSError as reason:
            raise error(name, expected=wanted, got=_why(path, reason)) from reason
    if len(content) > limit:
        raise error(name, expected=f"{wanted} of at most {limit // MEBIBYTE} MiB", got=f"{path}, a larger file")
    return content


def parse_json(content: bytes | str, argument: str, *, error: type[XaiError] = FolderError) -> object:
    """Return what a JSON text holds: at most `DEEPEST` levels, numbers of a length that Python takes."""
    return _parsed(json.loads, content, argument, "JSON", error)


def parse_toml(content: bytes, kind: type[T], argument: str, *, error: type[XaiError] = FolderError) -> T:
    """Return what a TOML text holds as a structure, checked; else as `parse_json`."""
    plain = _parsed(tomllib.loads, content, argument, "TOML", error)
    return as_kind(plain, kind, argument, error=error)


def as_kind(
    plain: object,
    kind: type[T],
    argument: str,
    *,
    wanted: str = "",
    error: type[XaiError] = FolderError,
) -> T:
    """Return plain data as a structure; raises the error where a part is missing, unknown or of another type.

    wanted: what the data should have been, said before what is wrong.
    """
    try:
        return msgspec.convert(plain, kind)
    except (msgspec.ValidationError, XaiError, RecursionError, UnicodeError) as reason:  # half a character in a name
        prefix = f"expected {wanted}, got something else: " if wanted else ""
        raise error(f"{argument}: {prefix}{one_line(reason)}") from reason


def _parsed(
    parse: Callable[[str], object],
    content: bytes | str,
    argument: str,
    language: str,
    error: type[XaiError],
) -> object:
    try:
        plain = parse(content.decode() if isinstance(content, bytes) else content)
    except RecursionError as reason:
        raise error(argument, expected=f"at most {DEEPEST} levels", got="a deeper nesting") from reason
    except ValueError as reason:  # broken text, or a number of thousands of digits
        raise error(argument, expected=f"readable {language}", got=one_line(reason)) from reason
    _check_depth(plain, argument, error)
    return plain


def _check_depth(plain: object, argument: str, error: type[XaiError]) -> None:
    """Code that reads the data later may be recursive."""
    level = [plain]
    for _ in range(DEEPEST):
        below = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        level = [item for part in below for item in part if isinstance(item, dict | list)]
        if not level:
            return
    raise error(argument, expected=f"at most {DEEPEST} levels", got="a deeper nesting")


def _why(path: str | Path, reason: Exception) -> str:
    return f"{path} ({getattr(reason, 'strerror', None) or reason})"


def _kind(mode: int) -> str:
    kinds = {
        stat.S_ISDIR: "a folder",
        stat.S_ISFIFO: "a pipe",
        stat.S_ISSOCK: "a socket",
        stat.S_ISCHR: "a device",
        stat.S_ISBLK: "a device",
    }
    return next((word for test, word in kinds.items() if test(mode)), "no plain file")
