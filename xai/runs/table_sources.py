"""CSV, Parquet and Arrow files as chunks: read from the front, a chunk at a time, never whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from xai.base.errors import InputError, one_line
from xai.inputs.base import Input
from xai.runs.chunks import Chunk
from xai.runs.frame_columns import Columns, frame_rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TABLES", "cut_tables", "need_pyarrow"]

TABLES = (".csv", ".parquet", ".arrow", ".feather")


def cut_tables(
    files: list[Path], input: Input, columns: Columns
) -> Callable[[int, frozenset[int]], Iterator[tuple[int, Chunk | None]]]:
    """Return the chunks of tables that follow each other; those that are done are read over."""
    chunk_of = frame_rows(columns, input)

    def cut(size: int, done: frozenset[int]) -> Iterator[tuple[int, Chunk | None]]:
        number = 0
        for frame in _even(files, size):
            yield number, None if number in done else chunk_of(frame, number * size)
            number += 1
        if number == 0:
            raise InputError("data", expected="at least one row", got="none")

    return cut


def _even(files: list[Path], size: int) -> Iterator[pd.DataFrame]:
    """Yield the rows of all files in frames of `size`, the last one as long as it is."""
    import pandas as pd

    held, count = [], 0
    for file in files:
        for frame in _frames(file, size):
            start = 0
            while start < len(frame):
                part = frame.iloc[start : start + size - count]
                held.append(part)
                start, count = start + len(part), count + len(part)
                if count == size:
                    yield held[0] if len(held) == 1 else pd.concat(held, ignore_index=True)
                    held, count = [], 0
    if held:
        yield pd.concat(held, ignore_index=True)


def _frames(path: Path, size: int) -> Iterator[pd.DataFrame]:
    """Yield the rows of one file, some at a time."""
    import pandas as pd

    try:
        if ".csv" in [suffix.lower() for suffix in path.suffixes]:
            with pd.read_csv(path, chunksize=size) as chunks:
                yield from chunks
            return
        need_pyarrow("data")
        import pyarrow.dataset as dataset

        form = "parquet" if path.suffix.lower() == ".parquet" else "ipc"
        for batch in dataset.dataset(path, format=form).to_batches(batch_size=size, batch_readahead=1):
            if batch.num_rows:
                yield batch.to_pandas()
    except (OSError, ValueError, UnicodeDecodeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("data", expected="a whole table", got=f"{path.name} ({one_line(error)})") from error


def need_pyarrow(argument: str) -> None:
    """Raise InputError where pyarrow, an optional dependency, is not installed."""
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        got = "none installed: pip install 'xai-toolkit[parquet]'"
        raise InputError(argument, expected="pyarrow, which reads and writes Parquet", got=got) from error
