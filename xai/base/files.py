"""Write a file whole or not at all, and leave nothing beside it: what a killed writer left goes with the next write.

A file is written aside under a name of its own, which its writer keeps locked, and moved into place when it is whole.
The lock goes with the process, so a file of that kind that is not locked is one that nobody will finish.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

from xai.base.errors import OutputError

try:
    import fcntl
except ImportError:  # Windows has no such lock
    fcntl = None

__all__ = ["check_writable", "clean_up", "try_lock", "write_atomically", "written_aside"]

PREFIX, SUFFIX = ".xai-", ".part"
ABANDONED = 24 * 3600.0  # seconds; only where the file system knows no locks
SHARE = 100  # looking for leftovers takes at most a hundredth of a process's time
_NEXT_CLEANUP: dict[Path, float] = {}


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
    """Write to a temporary file beside the path, then move it there.

    Returns the path as it was asked for. Raises OutputError where it cannot be written; what stood there then stays.
    """
    asked = check_writable(path)
    path = asked.resolve()  # a link stays, and what it points to is replaced
    # A file name that is no text (a lone surrogate) is written as an escape rather than failing at the end.
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_aside(path.parent, data) as temporary:
            os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError("output", expected="a path that can be written", got=f"{path} ({reason})") from error
    return asked


@contextlib.contextmanager
def written_aside(folder: Path, data: bytes) -> Generator[Path]:
    """Give a locked temporary file of a folder that holds the data; it is gone afterwards where it was not moved."""
    clean_up(folder)
    descriptor, temporary = _new_file(folder)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.fsync(descriptor)  # else a machine that stops may keep the move and lose the content
        if fcntl is None:  # Windows moves no open file
            os.close(descriptor)
            descriptor = None
        yield Path(temporary)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        if descriptor is not None:
            os.close(descriptor)


def _new_file(folder: Path) -> tuple[int, str]:
    """Return a new locked file; another process may have taken it for a leftover before it was locked."""
    while True:
        descriptor, path = tempfile.mkstemp(SUFFIX, PREFIX, folder)
        try_lock(descriptor)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor, path
        os.close(descriptor)


def clean_up(folder: Path, *, now: bool = False) -> None:
    """Remove what writers that were killed left in a folder; `now`: however lately that was done."""
    started = time.monotonic()
    if started < _NEXT_CLEANUP.get(folder, 0.0) and not now:
        return
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX) and entry.name.endswith(SUFFIX):
                _remove_if_dead(entry.path)
    ended = time.monotonic()
    _NEXT_CLEANUP[folder] = ended + SHARE * (ended - started)


def _remove_if_dead(path: str) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        try:
            locked = try_lock(descriptor)
            old = time.time() - os.fstat(descriptor).st_mtime > ABANDONED
            if locked or (locked is None and old):
                os.unlink(path)
        finally:
            os.close(descriptor)


def try_lock(descriptor: int) -> bool | None:
    """Lock an open file or folder for this descriptor; False where another holds it, None where there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
