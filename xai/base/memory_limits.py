"""How much memory there is, and a named error before work that asks for more."""

from __future__ import annotations

from pathlib import Path

from xai.base.errors import InputError

__all__ = ["check_room", "free_memory"]

GIBIBYTE = 2**30
SMALL = 2**26  # bytes: to ask the system how much is free takes longer than work on so little
SHARE = 0.9  # of what is free: the rest is for what the estimate leaves out


def free_memory() -> int | None:
    """Return how many bytes this process can still take, None where the system does not say (it is not Linux).

    >>> free_memory() is None or free_memory() > 0
    True
    """
    found = [value for value in (_of_system(), _of_group()) if value is not None]
    return max(min(found), 0) if found else None


def check_room(argument: str, needed: int, what: str, instead: str) -> None:
    """Raise InputError where work needs more memory than there is.

    Args:
        argument: what makes it so large.
        needed: bytes, estimated.
        what: the work, in words.
        instead: what would need less, in words.
    """
    free = None if needed < SMALL else free_memory()
    if free is not None and needed > SHARE * free:
        wanted = f"{what} to fit in the {free / GIBIBYTE:.3g} GiB of memory that are free; {instead}"
        raise InputError(argument, expected=wanted, got=f"one that takes about {needed / GIBIBYTE:.3g} GiB")


def _of_system() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None


def _of_group() -> int | None:
    """Return what the control group of a container leaves."""
    for most, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            return int(Path("/sys/fs/cgroup", most).read_text()) - int(Path("/sys/fs/cgroup", used).read_text())
        except (OSError, ValueError):  # "max" is no limit
            continue
    return None
