"""Write a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from xai.base.errors import OutputError

__all__ = ["check_writable", "write_atomically"]


def check_writable(path: str | Path) -> Path:
    """Return the path, or raise OutputError where nothing can be written there; asked before long work starts."""
    path = Path(path)
    if path.is_dir():
        raise OutputError("output", expected="a file", got=f"the folder {path}")
    if path.exists() and not path.is_file():
        raise OutputError("output", expected="a plain file", got=f"{path}, which is a device or pipe")
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):  # asked of the file system: permissions alone do not tell
            pass
    except OSError as error:
        raise OutputError("output", expected="a path that can be written", got=f"{path}") from error
    return path


def write_atomically(path: str | Path, content: bytes | str) -> Path:
    """Write to a temporary file beside the path, then move it there."""
    asked = check_writable(path)
    path = asked.resolve()  # a link stays, and what it points to is replaced
    # A file name that is no text (a lone surrogate) is written as an escape rather than failing at the end.
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = file.name
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError("output", expected="a path that can be written", got=f"{path} ({reason})") from error
    finally:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
    return asked
