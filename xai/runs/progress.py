"""What a run tells while it works: events, as a bar on a terminal, as lines, or as JSON for machines."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import TextIO, TypedDict

__all__ = ["Event", "as_bar", "as_json", "as_lines", "cost_line", "default_log"]

EVERY = 10.0  # seconds between two lines


class Event(TypedDict, total=False):
    """What a run tells at one moment. event: "started", "cost", "shard", "warning", "stopped", "finished" or "audited".

    rows: done so far, total_rows: of the data set, None where that is not known; rows_to_do: by this call. shard: the
    number of one, shards: how many are done. failed: explanations that could not be made. rate: rows a second.
    seconds: of the shard, or of all that is ahead; seconds_left: about. bytes: of the shard. text, error: in words.
    passed, findings: of the audit, these by status.
    """

    event: str
    rows: int
    total_rows: int | None
    shards: int
    shard: int
    workers: int
    failed: int
    explanations: int
    rate: float
    seconds: float | None
    seconds_left: float | None
    bytes: int
    passes: int
    seconds_per_row: float
    rows_to_do: int | None
    bytes_per_row: float
    text: str
    error: str
    passed: bool
    findings: dict[str, int]


def default_log() -> Callable[[Event], None]:
    """Return the bar where standard error is a terminal, else a log that writes nothing."""
    return as_bar(sys.stderr) if sys.stderr.isatty() else lambda event: None


def as_json(stream: TextIO) -> Callable[[Event], None]:
    """Return a log that writes every event as a line of JSON."""

    def log(event: Event) -> None:
        stream.write(json.dumps(dict(event)) + "\n")
        stream.flush()

    return log


def as_lines(stream: TextIO, clock: Callable[[], float] = time.monotonic) -> Callable[[Event], None]:
    """Return a log that writes the cost, what is worth a warning, the end, and in between a line every ten seconds."""
    last = clock()

    def log(event: Event) -> None:
        nonlocal last
        text = _line(event)
        if text is None or (event["event"] == "shard" and clock() - last < EVERY):
            return
        last = clock()
        stream.write(text + "\n")
        stream.flush()

    return log


def as_bar(stream: TextIO) -> Callable[[Event], None]:
    """Return a log that draws a bar on a terminal, with the other events as lines above it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(file=stream)
    bar = Progress(TextColumn("{task.description}", markup=False), BarColumn(), console=console, transient=True)
    task = bar.add_task("run", total=None)

    def log(event: Event) -> None:
        kind = event["event"]
        if kind == "started":
            bar.start()
        if kind in ("shard", "started"):
            bar.update(task, total=event.get("total_rows"), completed=event["rows"], description=_line(event) or "run")
        elif kind in ("finished", "stopped"):
            bar.stop()
            if kind == "finished":
                console.print(_line(event), markup=False, highlight=False)
        elif (text := _line(event)) is not None:
            bar.console.print(text, markup=False, highlight=False)

    return log


def _line(event: Event) -> str | None:
    kind = event["event"]
    if kind == "cost":
        return cost_line(event)
    if kind == "warning":
        return f"warning: {event['text']}"
    if kind == "shard":
        total = f" of {event['total_rows']:,}" if event.get("total_rows") else ""
        seconds = event.get("seconds_left")
        left = "" if seconds is None else f", {_time(seconds)} left"
        return (
            f"{event['rows']:,}{total} rows, {event['rate']:.3g} rows/s{left}, {event['failed']:,} failed, "
            f"{event['shards']:,} shards"
        )
    if kind == "finished":
        return f"{event['rows']:,} rows, {event['failed']:,} of {event['explanations']:,} explanations failed"
    if kind == "audited":
        counts = ", ".join(f"{count} {status}" for status, count in event["findings"].items() if count)
        return f"audit: {'passed' if event['passed'] else 'not passed'} ({counts})"
    return None


def cost_line(event: Event) -> str:
    """Return the line that says what is ahead, measured on the first shard.

    >>> cost_line({"passes": 867, "seconds_per_row": 0.1, "rows_to_do": 900, "seconds": 45.0, "workers": 2,
    ...            "bytes_per_row": 2000})
    'about 867 passes and 0.1 s a row: 45 s for 900 rows on 2 workers, 1.8 MB'
    """
    each = f"about {event['passes']:,} passes and {event['seconds_per_row']:.2g} s a row"
    where = f"on {event['workers']} workers" if event["workers"] > 1 else "on one worker"
    if event["rows_to_do"] is None or event["seconds"] is None:
        return f"{each} {where}, {event['bytes_per_row'] / 1e3:,.2g} kB each"
    size = event["bytes_per_row"] * event["rows_to_do"] / 1e6
    return f"{each}: {_time(event['seconds'])} for {event['rows_to_do']:,} rows {where}, {size:,.1f} MB"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
