"""Synthetic worlds whose truth is known by intervention: the ground on which checks of explanations are judged.

A family is a way to draw worlds, a seed draws one, and a case is a network of it with a few rows: see docs/worlds.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmarks.worlds import color, digits, objects, series, tables, texts, watermark
from benchmarks.worlds.case import SEEDS, Case, Family, Rejected

__all__ = ["FAMILIES", "SEEDS", "Case", "Family", "Rejected", "cases"]

FAMILIES: dict[str, Family] = {
    "color": color.FAMILY,
    "watermark": watermark.FAMILY,
    "objects": objects.FAMILY,
    "digits": digits.FAMILY,
    "tables": tables.FAMILY,
    "texts": texts.FAMILY,
    "series": series.FAMILY,
}


def cases(
    family: str, seeds: Iterable[int], *, rows: int = 4, refused: list[tuple[int, str, str]] | None = None
) -> Iterator[Case]:
    """Yield the accepted case of each seed, shapes of network in turn; (seed, shape, reason) of others in `refused`."""
    shapes = FAMILIES[family].shapes
    for seed in seeds:
        shape = shapes[seed % len(shapes)]
        try:
            yield FAMILIES[family].make(seed, shape, rows)
        except Rejected as reason:
            if refused is not None:
                refused.append((seed, shape, str(reason)))
