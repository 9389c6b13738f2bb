"""Worker processes of our own: spawned, gone when the run is, and replaced where one is lost.

A process that Python spawns runs the caller's script again, up to `if __name__ == "__main__"`. Ours leave it alone,
unless what they are sent was defined there. And it begins to import with the current folder first on its path, before
it is told the path of the process that made it: ours begin without, as anybody's files may lie there.
"""

from __future__ import annotations

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

SAFE_PATH = "PYTHONSAFEPATH"
_JOB: list[object] = []
_STARTING = threading.RLock()


class _Process(SpawnProcess):
    """A process that runs the caller's script, as what it is sent was defined there."""

    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Any:
        with _safe_path():
            return SpawnProcess._Popen(process_obj)


class _Context(SpawnContext):
    """What starts such processes."""

    Process = _Process


class _ScriptlessProcess(SpawnProcess):
    """A process that does not run the caller's script."""

    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Any:
        with _safe_path(), _without_script():
            return SpawnProcess._Popen(process_obj)


class _ScriptlessContext(SpawnContext):
    """What starts such processes."""

    Process = _ScriptlessProcess


@contextmanager
def _safe_path() -> Generator[None]:
    """Let processes that start meanwhile import nothing from the current folder before they know their path."""
    with _STARTING:
        before = os.environ.get(SAFE_PATH)
        os.environ[SAFE_PATH] = "1"
        try:
            yield
        finally:
            if before is None:
                del os.environ[SAFE_PATH]
            else:
                os.environ[SAFE_PATH] = before


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
        context = _Context() if defined_there else _ScriptlessContext()
        reading, self._writing = context.Pipe(duplex=False)
        job_and_environment = (reading, job, os.environ.get(SAFE_PATH))
        with _safe_path():  # of the process that keeps count of locks, too
            self._executor = ProcessPoolExecutor(workers, context, _start, job_and_environment)
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


def _start(parent: Connection, job: object, safe_path: str | None) -> None:
    """Prepare a process: Ctrl-C is for the parent, and it must not outlive it; what it starts finds what is usual."""
    from xai.base.allocator import keep_memory

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    keep_memory()
    if safe_path is None:
        os.environ.pop(SAFE_PATH, None)
    _JOB[:] = [job]


def _end_with(parent: Connection) -> None:
    try:
        parent.poll(None)
    finally:
        os._exit(1)
