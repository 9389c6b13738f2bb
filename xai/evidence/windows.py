"""Windows of an input and the sets of them that are hidden, so that a map's claim can be put to the test."""

from __future__ import annotations

import math
from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

__all__ = ["LEAST_WINDOWS", "Sets", "draw_sets", "windows_of"]

WINDOWS = 36  # of an image; a list of units is cut into about as many windows where it has more units
MOST_SEGMENTS = 64  # of an image that are windows themselves; a map of more is cut into squares like any other
LEAST_WINDOWS = 3  # the correlation of two pairs is always 1 or -1
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)  # of the windows that are hidden at once
EACH = 3.6  # so many sets for each window
LEAST_SETS = 64
ENUMERATED = 7  # up to so many windows, every set is asked


class Sets(NamedTuple):
    """Which windows are hidden together.

    Attributes:
        hidden: (S, windows) of bool.
        sizes: how many are hidden in each set, (S,).
    """

    hidden: np.ndarray
    sizes: np.ndarray


def windows_of(shape: tuple[int, ...], present: Tensor | None = None, segments: Tensor | None = None) -> Tensor:
    """Return the window of each unit, of this shape, as numbers 0 .. K-1, and -1 where nothing is present.

    Of an image the map's own segments, where it has 3 to 64, else about 36 squares; of a volume cubes; single units of
    a list, or runs of equal length where it has many.

    >>> [int(windows_of(shape).max()) + 1 for shape in ((4, 4), (12, 12, 12), (80,))]
    [16, 27, 40]
    """
    if segments is not None and LEAST_WINDOWS <= int(segments.max()) + 1 <= MOST_SEGMENTS:
        return segments
    if len(shape) > 1:
        side = max(1, math.ceil(round((math.prod(shape) / WINDOWS) ** (1 / len(shape)), 9)))
        windows = torch.zeros(shape, dtype=torch.long)
        for axis, length in enumerate(shape):
            along = (torch.arange(length) // side).view(-1, *[1] * (len(shape) - 1 - axis))
            windows = windows * (int(along.max()) + 1) + along
        return windows
    present_mask = torch.ones(shape, dtype=torch.bool) if present is None else present.cpu()
    length = max(1, math.ceil(int(present_mask.sum()) / (WINDOWS + 4)))
    return torch.where(present_mask, (present_mask.cumsum(0) - 1) // length, -1)


def draw_sets(windows: int, seed: int, share: float = 1.0) -> Sets:
    """Return sets of windows to hide: a tenth to nine tenths of them; all sets there are where windows are few.

    Sets come in strata of one size, so that what is hidden says nothing about how much is.

    Args:
        windows: how many there are, at least 3.
        seed: of the draw.
        share: of the usual number of sets.
    """
    if windows <= ENUMERATED:
        chosen = [part for size in range(1, windows) for part in combinations(range(windows), size)]
        hidden = np.zeros((len(chosen), windows), dtype=bool)
        for position, part in enumerate(chosen):
            hidden[position, list(part)] = True
        return Sets(hidden, hidden.sum(1))
    generator = np.random.default_rng(seed)
    sizes = [min(windows - 1, max(1, round(part * windows))) for part in SHARES]
    count = math.ceil(share * max(LEAST_SETS, EACH * windows) / len(sizes))
    hidden = np.concatenate([_of_size(generator, windows, size, count) for size in sizes])
    return Sets(hidden, hidden.sum(1))


def _of_size(generator: np.random.Generator, windows: int, size: int, count: int) -> np.ndarray:
    """Return sets of one size, (count, windows), that have all windows nearly equally often."""
    if 2 * size > windows:
        return ~_of_size(generator, windows, windows - size, count)
    found = np.zeros((count, windows), dtype=bool)
    left = np.empty(0, dtype=int)
    for row in found:
        taken, left = left[:size], left[size:]
        if len(taken) < size:  # a new round begins, with windows that this set does not have yet
            fresh = generator.permutation(windows)
            more = fresh[~np.isin(fresh, taken)][: size - len(taken)]
            taken, left = np.concatenate([taken, more]), fresh[~np.isin(fresh, more)]
        row[taken] = True
    return found
