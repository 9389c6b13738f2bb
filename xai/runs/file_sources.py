"""Data sets that lie in files: folders of images, tar files, tables and arrays, read in chunks."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from xai.base.errors import InputError, one_line
from xai.inputs.base import Input
from xai.runs.chunks import ArrayRows, Chunk, Files, TarMember, TarRows
from xai.runs.frame_columns import Columns, as_list, check_count
from xai.runs.table_sources import TABLES, cut_tables

__all__ = ["Opened", "open_path"]

Cut = Callable[[int, frozenset[int]], Iterator[tuple[int, Chunk | None]]]


class Opened(NamedTuple):
    """A data set in files: its kind and name, its rows where they are known, its digest, and its chunks."""

    kind: str
    name: str
    rows: int | None
    digest: str
    cut: Cut


def open_path(path: Path, input: Input, classes: list[str], columns: Columns) -> Opened:
    """Return the data set at a path; raises InputError where there is none, or one of a kind that is not read."""
    if path.is_dir():
        files = sorted(item for item in path.rglob("*") if item.is_file() and not _hidden(item, path))
        for suffixes, opened in ((input.suffixes, _files), ((".tar",), _tars), (TABLES, _tables)):
            chosen = [item for item in files if _suffix(item) in suffixes]
            if chosen:
                return opened(path, chosen, input, classes, columns)
        raise InputError("data", expected=f"{', '.join(input.suffixes)}, tables or tar files", got=f"none in {path}")
    if not path.is_file():
        raise InputError("data", expected="a file or folder", got=f"nothing at {path}")
    if _suffix(path) in TABLES:
        return _tables(path, [path], input, classes, columns)
    if path.suffix.lower() == ".npy":
        return _array(path, columns)
    if path.suffix.lower() == ".tar":
        return _tars(path, [path], input, classes, columns)
    wanted = "a folder, or a file named .csv, .parquet, .arrow, .npy or .tar"
    raise InputError("data", expected=wanted, got=path.name)


def _suffix(path: Path) -> str:
    """Return what a file is by its name, packed or not: .csv of table.csv.gz."""
    return path.with_suffix("").suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.relative_to(root).parts)


def _files(path: Path, files: list[Path], input: Input, classes: list[str], columns: Columns) -> Opened:
    """A folder of files, one input each; the first subfolder is the label where it is called like a class."""
    names = [item.relative_to(path).as_posix() for item in files]
    tops = [name.partition("/")[0] if "/" in name else None for name in names]
    labels = _labels([_class(top, classes) for top in tops], columns, len(names))

    def chunk(start: int, stop: int) -> Chunk:
        return Files(str(path), names[start:stop], labels[start:stop])

    return Opened("files", path.name, len(names), _digest_of(files, names), _by_number(len(names), chunk))


def _class(word: str | None, classes: list[str]) -> str | None:
    if word is None or word in classes or not classes:
        return word
    number = int(word) if word.isdecimal() else len(classes)
    return classes[number] if number < len(classes) else None


def _array(path: Path, columns: Columns) -> Opened:
    """A .npy file, mapped by each worker."""
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError("data", expected="an array of numbers", got=f"{path.name} ({one_line(error)})") from error
    if values.ndim == 0 or len(values) == 0:
        raise InputError("data", expected="at least one row", got=f"shape {values.shape}")
    labels = _labels([None] * len(values), columns, len(values))

    def chunk(start: int, stop: int) -> Chunk:
        return ArrayRows(str(path.resolve()), start, stop, labels[start:stop])

    return Opened("array", path.name, len(values), _digest_of([path], [path.name]), _by_number(len(values), chunk))


def _tables(path: Path, files: list[Path], input: Input, classes: list[str], columns: Columns) -> Opened:
    names = [item.relative_to(path).as_posix() if item != path else path.name for item in files]
    return Opened("table", path.name, None, _digest_of(files, names), cut_tables(files, input, columns))


def _tars(path: Path, files: list[Path], input: Input, classes: list[str], columns: Columns) -> Opened:
    """Webdataset tar files: members of one key are one sample; .cls or .json says its label."""
    members, labels = [], []
    for file in files:
        try:
            found = list(_samples(file, input))
        except tarfile.TarError as error:
            raise InputError("data", expected="a tar file", got=f"{file.name} ({one_line(error)})") from error
        members += [member for member, _ in found]
        labels += [_class(label, classes) for _, label in found]
    if not members:
        raise InputError("data", expected=f"members named {', '.join(input.suffixes)}", got="none")
    labels = _labels(labels, columns, len(members))

    def chunk(start: int, stop: int) -> Chunk:
        return TarRows(members[start:stop], labels[start:stop])

    names = [file.name for file in files]
    return Opened("tar", path.name, len(members), _digest_of(files, names), _by_number(len(members), chunk))


def _samples(path: Path, input: Input) -> Iterator[tuple[TarMember, str | None]]:
    """Yield the inputs of a tar file in their order, each with its label."""
    member: TarMember | None = None
    label, key = None, None
    with tarfile.open(path, "r:") as archive:
        for item in archive:
            if not item.isfile():
                continue
            folder, _, base = item.name.rpartition("/")
            stem, dot, ending = base.partition(".")
            here, suffix = f"{folder}/{stem}" if folder else stem, f".{ending.lower()}" if dot else ""
            if here != key:
                if member is not None:
                    yield member, label
                member, label, key = None, None, here
            if suffix in input.suffixes:
                member = TarMember(here, str(path.resolve()), item.name, item.offset_data, item.size)
            elif suffix == ".cls" and (opened := archive.extractfile(item)) is not None:
                label = opened.read().decode("utf-8", "replace").strip()
    if member is not None:
        yield member, label


def _labels(found: Sequence[object], columns: Columns, count: int) -> list[object]:
    if columns.labels is None:
        return list(found)
    labels = as_list(columns.labels)
    check_count(labels, count)
    return labels


def _by_number(count: int, chunk: Callable[[int, int], Chunk]) -> Cut:
    """Return the chunks of rows that can be read from anywhere: what is done is not touched."""

    def cut(size: int, done: frozenset[int]) -> Iterator[tuple[int, Chunk | None]]:
        for number, start in enumerate(range(0, count, size)):
            yield number, None if number in done else chunk(start, min(start + size, count))

    return cut


def _digest_of(files: Sequence[Path], names: Sequence[str]) -> str:
    """Return the SHA-256 of files: their names, sizes and contents."""
    digest = hashlib.sha256()
    for path, name in zip(files, names, strict=True):
        try:
            with open(path, "rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            content = error.strerror or "unreadable"  # an error of its row, later
        digest.update(f"{name}|{content}|".encode(errors="backslashreplace"))
    return digest.hexdigest()
