"""Hand chunks to workers, a few ahead of the work, and take back what they did; a worker that is lost is replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial

from xai.base.errors import NetworkError
from xai.runs.chunks import Chunk
from xai.runs.pool import Pool
from xai.runs.worker import Done, Job, explain_chunk

__all__ = ["Task", "in_this_process", "on_executor", "on_processes"]

AHEAD = 2  # tasks in flight for each worker: enough to keep it busy, few enough to hold little
LOST = 3  # pools in a row that end before they finish a single shard
Task = tuple[int, Chunk]


def in_this_process(tasks: Iterator[Task], job: Job) -> Iterator[Done]:
    """Do the tasks one after another."""
    for number, chunk in tasks:
        yield explain_chunk(job, number, chunk)


def on_executor(tasks: Iterator[Task], job: Job, executor: Executor, workers: int) -> Iterator[Done]:
    """Do the tasks on an executor of the caller's, which stays open."""
    waiting: dict[Future, Task] = {}
    try:
        yield from _flow(tasks, partial(executor.submit, explain_chunk, job), AHEAD * workers, waiting)
    finally:
        for future in waiting:
            future.cancel()


def on_processes(tasks: Iterator[Task], job: Job, workers: int) -> Iterator[Done]:
    """Do the tasks in processes of our own; those of a process that is lost are done again by others.

    Raises NetworkError where processes end again and again before they finish anything.
    """
    waiting: dict[Future, Task] = {}
    lost = 0
    while True:
        pool = Pool(workers, job)
        ended = False
        try:
            for done in _flow(tasks, partial(pool.submit, explain_chunk), AHEAD * workers, waiting):
                lost = 0
                yield done
            ended = True
            return
        except BrokenProcessPool as error:
            lost += 1
            if lost == LOST:
                wanted = "worker processes that live (a script that defines its model needs if __name__ == '__main__')"
                raise NetworkError("workers", expected=wanted, got=f"{LOST} times one that died") from error
        finally:
            pool.close(at_once=not ended)


def _flow(
    tasks: Iterator[Task], submit: Callable[..., Future], most: int, waiting: dict[Future, Task]
) -> Iterator[Done]:
    """Yield what is done, in the order in which it is; `waiting` holds the tasks in flight, those of before first."""
    again = list(waiting.values())
    waiting.clear()
    try:
        while True:
            while len(waiting) < most:
                task = again.pop(0) if again else next(tasks, None)
                if task is None:
                    break
                try:
                    waiting[submit(*task)] = task
                except BrokenProcessPool:
                    again.insert(0, task)
                    raise
            if not waiting:
                return
            finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in sorted(finished, key=lambda item: waiting[item][0]):
                done = future.result()
                del waiting[future]
                yield done
    finally:
        for task in again:  # those that were not sent once more
            waiting[Future()] = task
