"""Worker processes of our own: spawned, gone when the run is, and replaced where one is lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.connection import Connection

__all__ = ["Pool"]

_JOB: list[object] = []


class Pool:
    """Processes that share one job, which each of them is sent once.

    They hold the reading end of a pipe whose other end only this process has: when it closes, or this process is
    killed, they end at once.
    """

    def __init__(self, workers: int, job: object) -> None:
        context = multiprocessing.get_context("spawn")
        reading, self._writing = context.Pipe(duplex=False)
        self._executor = ProcessPoolExecutor(workers, context, _start, (reading, job))
        self._reading = reading

    def submit(self, function: Callable, *arguments: object) -> Future:
        """Call a function with the job and these arguments in one of the processes."""
        return self._executor.submit(_with_job, function, *arguments)

    def close(self, *, at_once: bool) -> None:
        """End the processes; `at_once`: whatever they are doing."""
        if at_once:
            self._writing.close()
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._writing.close()
        self._reading.close()


def _with_job(function: Callable, *arguments: object) -> object:
    return function(_JOB[0], *arguments)


def _start(parent: Connection, job: object) -> None:
    """Prepare a process: Ctrl-C is for the parent, and it must not outlive it."""
    from xai.base.allocator import keep_memory

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    keep_memory()
    _JOB[:] = [job]


def _end_with(parent: Connection) -> None:
    try:
        parent.poll(None)
    finally:
        os._exit(1)
