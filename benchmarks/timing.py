"""How things are timed here: interleaved, several times, the least of each, because the machine is shared."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["least_seconds"]


def least_seconds(contenders: dict[str, Callable[[], object]], rounds: int = 5) -> dict[str, float]:
    """Run the contenders in turn, `rounds` times after one warm-up, and return the least time of each."""
    best = dict.fromkeys(contenders, float("inf"))
    for turn in range(rounds + 1):
        for name, run in contenders.items():
            started = time.perf_counter()
            run()
            elapsed = time.perf_counter() - started
            if turn:
                best[name] = min(best[name], elapsed)
    return best
