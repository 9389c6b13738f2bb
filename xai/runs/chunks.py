"""Chunks of a data set: what one task is handed, small enough to send, and how it becomes rows in the worker."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
import torch
from torch import Tensor

from xai.base.digest import value_digest
from xai.base.errors import InputError, XaiError, one_line
from xai.base.frames import is_pandas
from xai.base.reading import MEBIBYTE, read_plain
from xai.inputs.base import Input
from xai.inputs.streams import combined

if TYPE_CHECKING:
    import pandas as pd

    Rows = pd.DataFrame | Tensor | np.ndarray | list

__all__ = [
    "ArrayRows",
    "Chunk",
    "Files",
    "HeldRows",
    "Loaded",
    "TarMember",
    "TarRows",
    "frame_bytes",
    "take",
]

LARGEST = 1024 * MEBIBYTE  # of a file that is one row


@dataclass
class Loaded:
    """Rows of one chunk: an id and a label for each, and the inputs of those that could be read.

    read: which row each of `inputs` is; errors: what was wrong with the others. named: labels that are numbers are
    names of classes, as in a column of a table, not their indices.
    """

    ids: list[str]
    labels: list[object]
    inputs: Rows
    read: list[int]
    errors: dict[int, str] = field(default_factory=dict)
    named: bool = False


class Chunk(Protocol):
    """What a task is handed."""

    def load(self, input: Input) -> Loaded:
        """Return the rows, as a kind of input takes them."""
        ...


@dataclass(frozen=True)
class HeldRows:
    """Rows that travel with the task: of tables, arrays in memory, datasets and generators."""

    ids: list[str]
    labels: list[object]
    inputs: Rows
    errors: dict[int, str] = field(default_factory=dict)
    named: bool = False
    content: str = ""  # SHA-256, where the source as a whole has none

    def load(self, input: Input) -> Loaded:
        """Return the rows that came along."""
        read = [row for row in range(len(self.ids)) if row not in self.errors]
        return Loaded(self.ids, self.labels, combined(self.inputs, input), read, dict(self.errors), self.named)

    def digest(self) -> str:
        """Return the hexadecimal SHA-256 of all that it holds."""
        inputs = frame_bytes(self.inputs) if is_pandas(self.inputs) else self.inputs
        return value_digest([self.ids, [str(label) for label in self.labels], inputs, self.errors])


@dataclass(frozen=True)
class ArrayRows:
    """Rows of a .npy file, which the worker maps into memory."""

    path: str
    start: int
    stop: int
    labels: list[object]

    def load(self, input: Input) -> Loaded:
        """Return a copy of these rows alone."""
        rows = np.array(np.load(self.path, mmap_mode="r", allow_pickle=False)[self.start : self.stop])
        count = len(rows)
        ids = [str(row) for row in range(self.start, self.start + count)]
        return Loaded(ids, self.labels, rows, list(range(count)))


@dataclass(frozen=True)
class Files:
    """Files of a folder, one input each."""

    root: str
    names: list[str]
    labels: list[object]

    def load(self, input: Input) -> Loaded:
        """Read the files; one that is missing or damaged is an error of its row."""
        return _decoded(self.names, self.labels, [self._reader(name) for name in self.names], self.names, input)

    def _reader(self, name: str) -> Callable[[], bytes]:
        return partial(
            read_plain, Path(self.root, name), "a plain file", limit=LARGEST, argument=name, error=InputError
        )


@dataclass(frozen=True)
class TarMember:
    """Where one input lies in a tar file, in bytes. key: of its sample; name: with its ending."""

    key: str
    path: str
    name: str
    offset: int
    size: int

    def content(self) -> bytes:
        """Return the bytes of the member."""
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


@dataclass(frozen=True)
class TarRows:
    """Samples of webdataset tar files, read by their places."""

    members: list[TarMember]
    labels: list[object]

    def load(self, input: Input) -> Loaded:
        """Read the members; a damaged one is an error of its row."""
        keys = [member.key for member in self.members]
        names = [member.name for member in self.members]
        return _decoded(keys, self.labels, [member.content for member in self.members], names, input)


def _decoded(
    ids: list[str], labels: list[object], contents: list[Callable[[], bytes]], names: list[str], input: Input
) -> Loaded:
    """Return rows that are read one by one."""
    found, rows, errors = [], [], {}
    for row, (content, name) in enumerate(zip(contents, names, strict=True)):
        try:
            found.append(input.decode(content(), name))
        except OSError as error:
            errors[row] = f"{name}: {error.strerror or one_line(error)}"
        except XaiError as error:
            errors[row] = str(error)
        else:
            rows.append(row)
    whole = bool(found) and all(isinstance(part, Tensor) and part.shape == found[0].shape for part in found)
    return Loaded(ids, labels, torch.cat(found) if whole else found, rows, errors)


def take(inputs: Rows, rows: Sequence[int]) -> Rows:
    """Return chosen rows of inputs of any form."""
    if is_pandas(inputs):
        return inputs.iloc[list(rows)]
    if isinstance(inputs, Tensor | np.ndarray):
        return inputs[list(rows)]
    return [inputs[row] for row in rows]


def frame_bytes(frame: pd.DataFrame) -> bytes:
    """Return what a DataFrame's digest is made of: the names, types and values of its columns."""
    import pandas as pd

    hashed = cast("Callable[..., pd.Series]", pd.util.hash_pandas_object)  # pandas gives it no type
    digest = hashlib.sha256()
    for name in frame.columns:
        digest.update(f"{name}|{frame[name].dtype}|".encode(errors="backslashreplace"))
        digest.update(hashed(frame[name], index=False).to_numpy().tobytes())
    return digest.digest()
