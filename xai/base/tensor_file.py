"""A safetensors file whose header is held against its content before a number is read.

The format: 8 bytes with the header's length, a JSON header (per tensor its type, shape and offsets), then the numbers.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Generator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from xai.base.errors import FolderError
from xai.base.reading import open_plain

__all__ = ["DTYPES", "TensorFile", "open_tensors"]

DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "C64": torch.complex64,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "BOOL": torch.bool,
    "U64": torch.uint64, "U32": torch.uint32, "U16": torch.uint16, "U8": torch.uint8,
}  # fmt: skip
LONGEST_HEADER = 100_000_000  # bytes, as the format's own library has it
MOST_AXES = 32


class Entry(msgspec.Struct, forbid_unknown_fields=True):
    """What the header says of one tensor; offsets are bytes from the header's end."""

    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


class TensorFile:
    """An open file. entries: by name, in the file's order; metadata: words beside the tensors."""

    def __init__(self, file: BufferedReader, path: Path, wanted: str) -> None:
        self._file, self._path, self._wanted = file, path, wanted
        size = os.fstat(file.fileno()).st_size
        # Files of /proc say that they are empty: nothing is read of those.
        length = int.from_bytes(self._bytes(8), "little") if size >= 8 else 0
        self._start = 8 + length
        if size < 8 or length > min(LONGEST_HEADER, size - 8):
            raise self._refused("no header, or a shorter file than it says")
        self.metadata, self.entries = self._header(self._bytes(length))
        self._check_offsets(size - self._start)

    def digest(self) -> str:
        """Return the hexadecimal SHA-256 of the whole file."""
        try:
            self._file.seek(0)
            return hashlib.file_digest(self._file, "sha256").hexdigest()
        except OSError as error:
            raise self._refused(f"one that cannot be read ({error})") from error

    def read(self, name: str) -> Tensor:
        """Return one tensor, its memory its own."""
        entry = self.entries[name]
        begin, end = entry.data_offsets
        try:
            data = bytearray(end - begin)
            self._file.seek(self._start + begin)
            if self._file.readinto(data) != len(data):
                raise self._refused(f"{name} cut short")
        except (OSError, MemoryError) as error:
            raise self._refused(f"{name} that cannot be read ({error or 'too little memory'})") from error
        if not data:
            return torch.empty(entry.shape, dtype=DTYPES[entry.dtype])
        return torch.frombuffer(data, dtype=DTYPES[entry.dtype]).reshape(entry.shape)

    def read_all(self) -> dict[str, Tensor]:
        """Return all tensors by name."""
        return {name: self.read(name) for name in self.entries}

    def _bytes(self, count: int) -> bytes:
        try:
            return self._file.read(count) or b""  # None of a file that would have to be waited for
        except OSError as error:
            raise self._refused(f"one that cannot be read ({error})") from error

    def _header(self, raw: bytes) -> tuple[dict[str, str], dict[str, Entry]]:
        try:
            parts = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
            metadata = msgspec.json.decode(parts.pop("__metadata__", b"{}"), type=dict[str, str])
            return metadata, {name: msgspec.json.decode(part, type=Entry) for name, part in parts.items()}
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self._refused(f"an invalid header ({error})") from error

    def _check_offsets(self, size: int) -> None:
        """Each tensor begins where the one before ends, and the last ends with the file: no hole, nothing shared."""
        reached = 0
        for name, entry in sorted(self.entries.items(), key=lambda item: item[1].data_offsets):
            if entry.dtype not in DTYPES:
                raise self._refused(f"{name} of type {entry.dtype}, known are {', '.join(DTYPES)}")
            if len(entry.shape) > MOST_AXES or min(entry.shape, default=0) < 0:
                raise self._refused(f"{name} of a shape that cannot be")
            begin, end = entry.data_offsets
            if begin != reached or end - begin != math.prod(entry.shape) * DTYPES[entry.dtype].itemsize:
                raise self._refused(f"{name} at bytes {begin} to {end}, not behind the one before or not its size")
            reached = end
        if reached != size:
            raise self._refused(f"{size} bytes of numbers where the header speaks of {reached}")

    def _refused(self, got: str) -> FolderError:
        return FolderError(str(self._path), expected=self._wanted, got=got)


@contextmanager
def open_tensors(path: str | Path, wanted: str = "a safetensors file") -> Generator[TensorFile]:
    """Open a safetensors file; errors name what was wanted.

    Raises FolderError for any other file, FileNotFoundError where there is none.

    >>> import tempfile, safetensors.torch
    >>> path = tempfile.mkdtemp() + "/numbers.safetensors"
    >>> safetensors.torch.save_file({"a": torch.tensor([1, 2])}, path)
    >>> with open_tensors(path, "load") as file:
    ...     file.read_all()
    {'a': tensor([1, 2])}
    """
    with open_plain(path, wanted) as file:
        yield TensorFile(file, Path(path), wanted)
