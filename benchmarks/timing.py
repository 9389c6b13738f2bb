"""How things are timed here: interleaved, several times, the least CPU time of each, because the machine is shared."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch

__all__ = ["least_seconds", "peak_bytes"]


def least_seconds(contenders: dict[str, Callable[[], object]], rounds: int = 5) -> dict[str, float]:
    """Run the contenders in turn, `rounds` times after one warm-up, and return the least CPU time of each.

    On one thread, where CPU time is what the work takes while nobody else is there: busy neighbors do not count.
    """
    torch.set_num_threads(1)
    best = dict.fromkeys(contenders, float("inf"))
    for turn in range(rounds + 1):
        for name, run in contenders.items():
            started = time.process_time()
            run()
            elapsed = time.process_time() - started
            if turn:
                best[name] = min(best[name], elapsed)
    return best


def peak_bytes() -> int:
    """Return the largest resident memory that this process has had so far."""
    # Not getrusage: its peak is inherited from the process that started this one.
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
