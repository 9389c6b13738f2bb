"""The two sides of an image inside a network: where its rows and columns lie in a tensor, and what each sees.

A side is followed as a factor of the row-major numbering of a tensor. So no view changes it, however it cuts or joins
axes: channels last, heads, groups of channels, tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import NamedTuple

__all__ = [
    "NOWHERE",
    "Side",
    "Sides",
    "Source",
    "axis_of",
    "carried",
    "each",
    "grid",
    "in_grid",
    "in_shape",
    "joined",
    "kept",
]


class Side(NamedTuple):
    """One side of an image in a tensor: its `length` positions lie `inner` numbers apart.

    One position sees `size` pixels (None: perhaps all); the next one sees as many, `jump` pixels further; the first
    one's begin at pixel `start`, below 0 in the padding.
    """

    length: int
    inner: int
    size: int | None
    jump: int
    start: int

    def whole(self) -> Side:
        """Return the side where each position may see all of it."""
        return self._replace(size=None)


# Rows and columns. None where an operation mixed them all, or where what it does with them is not known.
Sides = tuple["Side | None", "Side | None"]
Source = tuple[Sides, tuple[int, ...]]  # an operand that depends on the image, and its shape
NOWHERE: Sides = (None, None)


def each(sides: Sides, change: Callable[[Side], Side | None]) -> Sides:
    """Return both sides, each changed where it is known."""
    rows, columns = sides
    return None if rows is None else change(rows), None if columns is None else change(columns)


def carried(source: Source, shape: tuple[int, ...], to: Mapping[int, int]) -> Sides:
    """Return sides by where each axis has gone; nowhere where their axis is lost."""
    sides, old = source
    return each(sides, lambda side: in_shape(side, old, shape, to))


def in_shape(side: Side, old: tuple[int, ...], shape: tuple[int, ...], to: Mapping[int, int]) -> Side | None:
    """Return the side of a tensor of shape `old` as it lies in one of `shape`; None where its axis is lost."""
    if side.length == 1:
        return side  # it is index 0 of any axis
    axis = axis_of(side, old)
    if axis is None or axis not in to:
        return None
    return side._replace(inner=side.inner // prod(old[axis + 1 :]) * prod(shape[to[axis] + 1 :]))


def axis_of(side: Side, shape: tuple[int, ...]) -> int | None:
    """Return the axis that a side is, or is a factor of."""
    for axis, length in enumerate(shape):
        below = prod(shape[axis + 1 :])
        if side.inner % below == 0 and (below * length) % (side.inner * side.length) == 0:
            return axis
    return None


def joined(parts: list[Sides]) -> Sides:
    """Return sides that cover what several operands see."""
    return _union([rows for rows, _ in parts]), _union([columns for _, columns in parts])


def _union(sides: list[Side | None]) -> Side | None:
    """Return a side that covers what several sides of one position see."""
    known = [side for side in sides if side is not None]
    most = max((side.length for side in known), default=0)
    known = [side for side in known if side.length == most]
    if len({side.inner for side in known}) != 1 and most != 1:
        return None
    first = known[0]
    ends = [side.start + side.size for side in known if side.size is not None]
    if len(ends) < len(sides) or len({side.jump for side in known}) > 1:
        return first.whole()
    start = min(side.start for side in known)
    return first._replace(size=max(ends) - start, start=start)


def kept(shape: tuple[int, ...], shift: int = 0, but: tuple[int, ...] = ()) -> dict[int, int]:
    """Return where axes go that stay as they are: `shift` to the right, none of `but`."""
    return {axis: axis + shift for axis in range(len(shape)) if axis not in but}


def grid(shape: tuple[int, ...]) -> tuple[Side, Side]:
    """Return the sides of maps (N, C, H, W) where each position may see all."""
    return Side(shape[2], shape[3], None, 1, 0), Side(shape[3], 1, None, 1, 0)


def in_grid(sides: Sides, shape: tuple[int, ...]) -> bool:
    """Say whether sides are the last two axes of maps (N, C, H, W)."""
    return all(
        side is not None and side.length == position.length and (side.length == 1 or side.inner == position.inner)
        for side, position in zip(sides, grid(shape), strict=True)
    )
