"""What is not as a report says: each difference with its place, and the chance that one would have been found."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeGuard

__all__ = ["Difference", "Recheck", "differences_between", "numbers_in"]

MISSING = "nothing"  # what stands on the side that lacks an entry
LONGEST = 80


class Difference(NamedTuple):
    """One entry that is not as reported: its place, what the report says, and what came out now."""

    where: str
    reported: object
    recomputed: object

    def __str__(self) -> str:
        return f"{self.where}: reported {_short(self.reported)}, recomputed {_short(self.recomputed)}"


@dataclass(frozen=True)
class Recheck:
    """What a recheck found.

    differences: none where the report holds. numbers: how many numbers it has; recomputed: how many of them were
    computed again. chance: of catching one altered number among them, whichever it is, had there been one. parts: what
    was computed again. covered: what was compared, in words. notes: what a reader must know, such as other versions.
    """

    differences: tuple[Difference, ...]
    numbers: int
    recomputed: int
    chance: float
    parts: tuple[str, ...]
    covered: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Say whether nothing differs."""
        return not self.differences


def differences_between(
    reported: object, recomputed: object, where: str = "", tolerance: float = 0.0
) -> Iterator[Difference]:
    """Yield each entry of plain data (dictionaries, lists, numbers, words) that is not the same on both sides.

    Findings in a list are matched by their names. tolerance: by how much a number may be off, as a share of it; 0 asks
    for the same bits.

    >>> [str(item) for item in differences_between({"score": 0.5, "rows": [1, 2]}, {"score": 0.25, "rows": [1, 2]})]
    ['score: reported 0.5, recomputed 0.25']
    """
    left, right = _entries(reported), _entries(recomputed)
    if left is None or right is None:
        if not _same(reported, recomputed, tolerance):
            yield Difference(where or "everything", reported, recomputed)
        return
    for name in [*left, *(name for name in right if name not in left)]:
        path = f"{where} / {name}" if where else name
        if name not in left or name not in right:
            yield Difference(path, left.get(name, MISSING), right.get(name, MISSING))
        else:
            yield from differences_between(left[name], right[name], path, tolerance)


def numbers_in(value: object) -> int:
    """Return how many numbers plain data holds."""
    found = _entries(value)
    if found is None:
        return int(_is_number(value))
    return sum(map(numbers_in, found.values()))


def _entries(value: object) -> dict[str, object] | None:
    """Return the entries of a dictionary or list by name, or None for a single value."""
    if isinstance(value, Mapping):
        return {str(name): item for name, item in value.items()}
    if isinstance(value, list | tuple):
        names = [item.get("check") if isinstance(item, Mapping) else None for item in value]
        checks = [name for name in names if isinstance(name, str)]
        named = bool(names) and len(checks) == len(names) and len(set(names)) == len(names)
        return dict(zip(checks if named else [f"#{index}" for index in range(len(value))], value, strict=True))
    return None


def _same(reported: object, recomputed: object, tolerance: float) -> bool:
    if not (_is_number(reported) and _is_number(recomputed)):
        return type(reported) is type(recomputed) and reported == recomputed
    return reported == recomputed or math.isclose(reported, recomputed, rel_tol=tolerance, abs_tol=tolerance)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: object) -> str:
    text = repr(value) if isinstance(value, float) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
