"""Replace the two files of a model folder as one: a writer that is killed leaves the old model or the new one.

Two files cannot be moved at once, so the description decides. It names the digest of its weights, and these lie ready
under a name made of that digest before the description is moved into place; only then do they take the name that people
know. Whoever reads between the two moves finds the weights by their digest. A tokenizer's file keeps the name that is
made of its digest.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Generator, Mapping
from pathlib import Path

from xai.base.errors import FolderError, OutputError
from xai.base.files import try_lock, write_atomically, written_aside
from xai.base.reading import MEBIBYTE, read_plain

__all__ = ["FILE", "LARGEST", "WEIGHTS", "find_weights", "replace_model", "state_of"]

FILE, WEIGHTS = "model.toml", "weights.safetensors"
LARGEST = 16 * MEBIBYTE  # of a description: the vocabulary of a text model is in it
DIGEST = re.compile(rb'^weights_sha256 = "([0-9a-f]{64})"$', re.M)
BESIDE = "tokenizer-" + "[0-9a-f]" * 12 + ".json"  # files by digest that the description names
PATIENCE = 60.0  # seconds that a writer waits for another one


def replace_model(folder: Path, description: bytes, weights: bytes, beside: Mapping[str, bytes]) -> None:
    """Write both files; the description holds the weights' digest as `weights_sha256`.

    beside: files that the description names, called by their digests; those that it names no more are removed.

    Raises OutputError where the folder cannot be written; the model that was there stays.
    """
    ready = _path_by_digest(folder, hashlib.sha256(weights).hexdigest())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            _finish_interrupted(folder)
            for name, content in beside.items():
                write_atomically(folder / name, content)
            try:
                with written_aside(folder, weights) as aside, written_aside(folder, description) as described:
                    os.replace(aside, ready)
                    os.replace(described, folder / FILE)
            except BaseException:
                if ready.exists() and _named_digest(folder) != ready.stem.rpartition("-")[2]:
                    ready.unlink()
                raise
            os.replace(ready, folder / WEIGHTS)
            _remove_unnamed(folder, description)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        wanted = "a folder that can be written"
        raise OutputError("folder", expected=wanted, got=f"{folder} ({error.strerror or error})") from error


def find_weights(folder: Path, digest: str | None) -> Path:
    """Return where the weights of a description lie: in the usual file, but for a writer that is between the moves."""
    ready = None if digest is None else _path_by_digest(folder, digest)
    return ready if ready is not None and ready.exists() else folder / WEIGHTS


def state_of(folder: Path) -> list[tuple | None]:
    """Return what changes whenever a writer replaces one of the files."""
    found: list[tuple | None] = []
    for name in (FILE, WEIGHTS):
        try:
            status = os.stat(folder / name)
        except OSError:
            found.append(None)
        else:
            found.append((status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns))
    return found


def _path_by_digest(folder: Path, digest: str) -> Path:
    return folder / f".weights-{digest}.safetensors"


def _named_digest(folder: Path) -> str | None:
    try:
        found = DIGEST.search(read_plain(folder / FILE, "a TOML file", limit=LARGEST))
    except (OSError, FolderError):
        return None
    return found[1].decode() if found else None


def _finish_interrupted(folder: Path) -> None:
    """Give the weights of the description their name where a writer was killed before it could; remove all others."""
    digest = _named_digest(folder)
    for path in folder.glob(".weights-*.safetensors"):
        if digest is not None and path == _path_by_digest(folder, digest):
            os.replace(path, folder / WEIGHTS)
        else:
            path.unlink(missing_ok=True)


def _remove_unnamed(folder: Path, description: bytes) -> None:
    """Remove the files by digest that the description does not name."""
    for path in folder.glob(BESIDE):
        if path.name.encode() not in description:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Wait until no other process writes this model; the lock goes with the process and leaves no file."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # Windows opens no folder: there the digest tells whether two writers met
        yield
        return
    try:
        ends = time.monotonic() + PATIENCE
        while try_lock(descriptor) is False:
            if time.monotonic() > ends:
                wanted = f"to be the only writer within {PATIENCE:g} s"
                raise OutputError("folder", expected=wanted, got=f"another that writes {folder}")
            time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)
