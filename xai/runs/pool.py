"""Worker processes of our own: spawned, gone when the run is, and replaced where one is lost.

A process that Python spawns runs the caller's script again, up to `if __name__ == "__main__"`. Ours leave it alone,
unless what they are sent was defined there.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import spawn
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any

__all__ = ["Pool"]

_JOB: list[object] = []
_STARTING = threading.Lock()


class _ScriptlessProcess(SpawnProcess):
    """A process that does not run the caller's script."""

    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Any:
        with _without_script():
            return SpawnProcess._Popen(process_obj)


class _ScriptlessContext(SpawnContext):
    """What starts such processes."""

    Process = _ScriptlessProcess


@contextmanager
def _without_script() -> Generator[None]:
    """Tell processes that start meanwhile everything but where the caller's script is."""
    with _STARTING:
        preparation = spawn.get_preparation_data

        def without(name: str) -> dict[str, object]:
            return {key: value for key, value in preparation(name).items() if not key.startswith("init_main_from")}

        vars(spawn)[preparation.__name__] = without
        try:
            yield
        finally:
            vars(spawn)[preparation.__name__] = preparation


class Pool:
    """Processes that share one job, which each of them is sent once.

    They hold the reading end of a pipe whose other end only this process has: when it closes, or this process is
    killed, they end at once.
    """

    def __init__(self, workers: int, job: object) -> None:
        defined_there = b"__main__" in bytes(ForkingPickler.dumps(job))
        context = multiprocessing.get_context("spawn") if defined_there else _ScriptlessContext()
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
