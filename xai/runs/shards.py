"""Which shards of a run are whole, and what they hold together."""

from __future__ import annotations

from pathlib import Path

from xai.runs.manifest import Finished
from xai.runs.worker import rows_path, values_path

__all__ = ["content_of", "done_shards", "totals"]


def done_shards(out: Path) -> frozenset[int]:
    """Return the numbers of the shards that need not be done again: those whose values and lines are there."""
    numbers = [int(path.stem) for path in (out / "rows").glob("*.parquet") if path.stem.isdecimal()]
    return frozenset(number for number in numbers if values_path(out, number).is_file())


def content_of(out: Path, number: int) -> str | None:
    """Return the digest of the rows that a shard is of, where the shard has one of its own."""
    import pyarrow.parquet as parquet

    metadata = parquet.read_schema(rows_path(out, number)).metadata or {}
    return metadata[b"content"].decode() if b"content" in metadata else None


def totals(out: Path, shards: int, methods: int) -> Finished:
    """Return how many rows and failures so many shards hold."""
    import pyarrow.parquet as parquet

    lines = failed = 0
    for number in range(shards):  # one file after another: a data set of all keeps what each says of itself
        with parquet.ParquetFile(rows_path(out, number)) as file:
            errors = file.read(["error"]).column(0)
        lines, failed = lines + len(errors), failed + len(errors) - errors.null_count
    return Finished(lines // methods, shards, failed)
