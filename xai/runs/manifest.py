"""The manifest of a run: which model, data and settings its shards are of, so that nothing else is added to them."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np
import torch

import xai
from xai.base.digest import text_digest
from xai.base.errors import FolderError, InputError, OutputError, one_line
from xai.base.files import try_lock, write_atomically
from xai.base.reading import MEBIBYTE, read_plain
from xai.inputs.tensor import TensorInput
from xai.model.model import Model
from xai.runs.settings import Settings
from xai.runs.sources import Source

__all__ = ["FILE", "Finished", "Manifest", "is_run", "made_by", "open_manifest", "read_manifest", "sole_writer"]

FILE = "manifest.msgpack"
SCHEMA_VERSION = 1
LARGEST = 64 * MEBIBYTE


class OfModel(msgspec.Struct, frozen=True):
    """digest: of the weights; about: of the task, classes and kind of input; drawing: how its values are drawn."""

    name: str
    digest: str
    about: str
    task: str
    classes: list[str]
    input: str
    drawing: str


class OfData(msgspec.Struct, frozen=True):
    """digest: of the content, or of a sample of it; see `xai.runs.sources.Source`."""

    kind: str
    name: str
    digest: str


class Finished(msgspec.Struct, frozen=True):
    """What a whole run holds."""

    rows: int
    shards: int
    failed: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that a run's bytes depend on; no time, no place and no number of workers is in it."""

    schema_version: int
    model: OfModel
    data: OfData
    settings: Settings
    versions: dict[str, str]
    finished: Finished | None = None


def made_by(model: Model, source: Source, settings: Settings) -> Manifest:
    """Return the manifest of a run that begins."""
    classes = list(model.classes or [])
    # Which axis is time may be found on the way; which of several outputs is explained has to be the same.
    kind = TensorInput() if type(model.input) is TensorInput else model.input
    key = () if model.output_key is None else (model.output_key,)
    about = text_digest(repr((model.task, model.output, classes, kind, *key)))
    described = OfModel(
        str(model.name), model.digest(), about, model.task, classes, model.input.kind, model.input.drawing
    )
    versions = {
        "xai-toolkit": xai.__version__, "torch": str(torch.__version__), "numpy": np.__version__,
        "pyarrow": version("pyarrow"),
    }  # fmt: skip
    return Manifest(SCHEMA_VERSION, described, OfData(source.kind, source.name, source.digest), settings, versions)


def open_manifest(out: Path, wanted: Manifest) -> Manifest:
    """Return the manifest of a folder: the one that is there, where it is of the same run, or the wanted one, written.

    Raises InputError, by name, for a run of another model, other data, other settings or versions.
    """
    if not (out / FILE).exists():
        others = [item.name for item in out.iterdir() if not item.name.startswith(".")] if out.is_dir() else []
        if others:
            raise InputError("out", expected="a run, or an empty folder", got=f"{out} with {others[0]}")
        write(out, wanted)
        return wanted
    present = read_manifest(out)
    for name, was, now in _differences(present, wanted):
        raise InputError(name, expected=f"{was}, as the run in {out} has it", got=now)
    return present


def write(out: Path, manifest: Manifest) -> None:
    """Write the manifest, whole or not at all."""
    write_atomically(out / FILE, msgspec.msgpack.encode(manifest))


def read_manifest(out: Path) -> Manifest:
    """Return the manifest of a run; raises FolderError for a folder that is none."""
    path = Path(out) / FILE
    try:
        content = read_plain(path, "the manifest of a run", limit=LARGEST)
        return msgspec.msgpack.decode(content, type=Manifest)
    except FileNotFoundError as error:
        raise FolderError("run", expected=f"a folder with {FILE}", got=f"none in {out}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FolderError(str(path), expected="the manifest of a run", got=one_line(error)) from error


def is_run(folder: str | Path) -> bool:
    """Say whether a folder holds a run."""
    return (Path(folder) / FILE).is_file()


def _differences(present: Manifest, wanted: Manifest) -> Iterator[tuple[str, object, object]]:
    """Yield what differs: its name, and both values in a few letters."""
    yield from _unequal(
        "model",
        (present.model.digest[:12], present.model.about[:12]),
        (wanted.model.digest[:12], wanted.model.about[:12]),
    )
    before, after = present.data, wanted.data
    yield from _unequal("data", (before.kind, before.digest[:12]), (after.kind, after.digest[:12]))
    for name in Settings.__struct_fields__:
        yield from _unequal(f"settings: {name}", getattr(present.settings, name), getattr(wanted.settings, name))
    yield from _unequal("versions", present.versions, wanted.versions)


def _unequal(name: str, before: object, after: object) -> Iterator[tuple[str, object, object]]:
    if msgspec.msgpack.encode(before) != msgspec.msgpack.encode(after):
        yield name, _short(before), _short(after)


def _short(value: object) -> str:
    text = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return text if len(text) <= 200 else f"{text[:197]}..."


@contextmanager
def sole_writer(out: Path) -> Generator[None]:
    """Hold a folder for one run at a time; the lock goes with the process, however it ends. Raises OutputError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(out, os.O_RDONLY)
    except OSError as error:
        raise OutputError("out", expected="a folder that can be written", got=f"{out} ({error.strerror})") from error
    try:
        if try_lock(descriptor) is False:
            raise OutputError("out", expected="a folder that no other run writes", got=f"{out}, at work in another")
        yield
    finally:
        os.close(descriptor)
