"""From what workers did to what a run tells: the cost after the first shard, then rate, time left and failures."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

from xai.base.errors import XaiWarning
from xai.evidence.levels import cost_per_row
from xai.runs.manifest import Finished
from xai.runs.progress import Event
from xai.runs.settings import Settings
from xai.runs.tasks import Tasks
from xai.runs.worker import Done

__all__ = ["Telling"]


class Telling:
    """Counts what is done, and sends an event for each shard."""

    def __init__(
        self,
        settings: Settings,
        total: int | None,
        tasks: Tasks,
        done: int,
        workers: int,
        log: Callable[[Event], None],
    ) -> None:
        self.settings, self.total, self.workers, self.log = settings, total, max(1, workers), log
        self.to_do = tasks.rows_to_do
        self.rows = self.failed = self.explanations = 0
        self.shards, self.before = done, 0 if total is None or self.to_do is None else total - self.to_do
        self.sent: set[str] = set()
        self.started = time.monotonic()
        log({"event": "started", "rows": self.before, "total_rows": total, "shards": done, "workers": self.workers})

    def shard(self, done: Done) -> None:
        """Tell that a shard is done."""
        first = self.rows == 0
        self.rows += done.rows
        self.failed += done.failed
        self.explanations += done.explanations
        self.shards += 1
        elapsed = time.monotonic() - self.started
        if first:
            self._cost(done, elapsed)
        for text in done.warnings:
            self._warn(text)
        if done.first_error is not None and self.failed == done.failed:
            self.log({"event": "warning", "text": f"the first row that failed: {done.first_error}"})
        rate = self.rows / max(elapsed, 1e-9)
        left = None if self.to_do is None else (self.to_do - self.rows) / rate
        self.log(
            {
                "event": "shard", "shard": done.number, "rows": self.before + self.rows, "total_rows": self.total,
                "failed": self.failed, "shards": self.shards, "rate": rate, "seconds": done.seconds,
                "seconds_left": left, "bytes": done.size,
            }
        )  # fmt: skip

    def _cost(self, done: Done, elapsed: float) -> None:
        """Tell what the whole call will take: what it took to start, and every row as long as those of this shard."""
        each = done.seconds / max(1, done.rows)
        at_once = self.workers
        if self.to_do is not None:  # fewer shards than workers leave some of them idle
            at_once = min(at_once, -(-self.to_do // self.settings.shard_rows))
        start = max(0.0, elapsed - done.seconds)
        self.log(
            {
                "event": "cost", "passes": cost_per_row(self.settings.methods, self.settings.checks),
                "seconds_per_row": each, "rows_to_do": self.to_do, "workers": self.workers,
                "seconds": None if self.to_do is None else start + each * self.to_do / at_once,
                "bytes_per_row": done.size / max(1, done.rows),
            }
        )  # fmt: skip

    def _warn(self, text: str) -> None:
        if text not in self.sent:
            self.sent.add(text)
            self.log({"event": "warning", "text": text})
            warnings.warn(text, XaiWarning, stacklevel=2)

    def stopped(self, error: BaseException) -> None:
        """Tell that the run ends before its end."""
        self.log({"event": "stopped", "error": f"{type(error).__name__}: {error}", "shards": self.shards})

    def finished(self, finished: Finished) -> None:
        """Tell what the whole run holds, with what was done before."""
        self.log(
            {
                "event": "finished", "rows": finished.rows, "failed": finished.failed, "shards": finished.shards,
                "explanations": finished.rows * len(self.settings.methods),
                "seconds": time.monotonic() - self.started,
            }
        )  # fmt: skip
