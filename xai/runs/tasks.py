"""The chunks that are left to do, and proof that those that are done are of the same data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xai.base.errors import InputError
from xai.runs.chunks import Chunk, HeldRows
from xai.runs.shards import content_of
from xai.runs.sources import Source
from xai.runs.worker import Job

__all__ = ["Tasks"]


class Tasks:
    """Yields the chunks that are not done. reached: how many chunks have been met, done or not; rows: of those to do.

    Raises InputError where a chunk that is done was made of other rows: a generator is read from the front each time.
    """

    def __init__(self, source: Source, job: Job, done: frozenset[int]) -> None:
        self.source, self.job, self.done = source, job, done
        self.reached = 0

    def __iter__(self) -> Iterator[tuple[int, Chunk]]:
        out = Path(self.job.out)
        for number, chunk in self.source.chunks(self.job.settings.shard_rows, self.done):
            self.reached = number + 1
            if chunk is not None and number not in self.done:
                yield number, chunk
            elif isinstance(chunk, HeldRows) and chunk.content and content_of(out, number) != chunk.content:
                start = number * self.job.settings.shard_rows
                wanted = f"the rows from {start} on that the run in {out.name} has"
                raise InputError("data", expected=wanted, got="others")
        beyond = [number for number in self.done if number >= self.reached]
        if beyond:
            raise InputError("data", expected=f"at least {max(beyond) + 1} shards", got=self.reached)

    @property
    def rows_to_do(self) -> int | None:
        """Return how many rows are not done; None where only reading tells."""
        total, size = self.source.rows, self.job.settings.shard_rows
        if total is None:
            return None
        return total - sum(min(size, total - number * size) for number in self.done)
