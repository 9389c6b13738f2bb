"""The one door for files from outside: plain files of a bounded size, opened without waiting, with named errors."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from xai.core.errors import FolderError, XaiError, expected

__all__ = ["MEBIBYTE", "open_plain", "read_plain"]

MEBIBYTE = 2**20


def open_plain(
    path: str | Path, operation: str, wanted: str, *, argument: str | None = None, error: type[XaiError] = FolderError
) -> BinaryIO:
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
        raise error(expected(operation, name, wanted, _why(path, reason))) from reason
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise error(expected(operation, name, wanted, f"{path}, which is {_kind(mode)}"))
    return open(descriptor, "rb")


def read_plain(
    path: str | Path,
    operation: str,
    wanted: str,
    *,
    limit: int,
    argument: str | None = None,
    error: type[XaiError] = FolderError,
) -> bytes:
    """Return the content of a plain file of at most `limit` bytes; errors as of `open_plain`."""
    name = str(path) if argument is None else argument
    with open_plain(path, operation, wanted, argument=argument, error=error) as file:
        try:
            content = file.read(limit + 1)  # a file may grow, or not say its size
        except OSError as reason:
            raise error(expected(operation, name, wanted, _why(path, reason))) from reason
    if len(content) > limit:
        raise error(expected(operation, name, f"{wanted} of at most {limit // MEBIBYTE} MiB", f"{path}, a larger file"))
    return content


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
