"""The windows in which a map is put to the test, what it claims of them, and maps with the same values elsewhere."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from xai.evidence.claims import claim_of, claimed_units, in_windows, segments_of
from xai.evidence.controls import control_maps
from xai.evidence.windows import windows_of
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["MapWindows", "map_windows"]


class MapWindows(NamedTuple):
    """A row's map in windows: its own segments where it has a few dozen, else squares, units, or runs of units.

    Attributes:
        claim: what the map claims, see `xai.evidence.claims`.
        units: what it claims of each unit of the row.
        labels: the window of each unit, numbers from 0 on, -1 for none.
        own: whether the windows are the map's own segments.
    """

    claim: str
    units: Tensor
    labels: Tensor
    own: bool

    @property
    def number(self) -> int:
        """Return how many windows there are."""
        return int(self.labels.max()) + 1

    def claimed(self, maps: Tensor) -> Tensor:
        """Return what maps over the same units (n, *units) claim of each window, (n, windows)."""
        return in_windows(maps, self.labels, self.number, self.claim)

    def controls(self, count: int, generator: Generator) -> tuple[Tensor, str]:
        """Return what maps with the same values elsewhere claim of each window, (n, windows), and what they are.

        Segments are no pattern that could be moved: their values are given to other segments.
        """
        if self.own:
            return control_maps(self.claimed(self.units[None])[0], count, generator)
        maps, name = control_maps(self.units, count, generator)
        return self.claimed(maps), name


def map_windows(session: Session, explanation: Explanation, row: int) -> MapWindows:
    """Return a row's map in the windows that it is tested in."""
    units, segments = claimed_units(explanation, row, session.model.input), segments_of(explanation, row)
    present = None if session.present is None or units.ndim > 1 else session.present[row]
    if present is not None and len(present) != len(units):
        present = None
    labels = windows_of(tuple(units.shape), present, segments)
    own = segments is not None and torch.equal(labels, segments)
    return MapWindows(claim_of(explanation), units, labels, own)
