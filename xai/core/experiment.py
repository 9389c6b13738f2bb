"""What an experiment hands over: a claim, what was done, the numbers, whether it held, and the data of its figure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from xai.core.errors import InputError, expected

__all__ = ["Outcome", "Panel", "Series", "Surface"]


@dataclass(frozen=True)
class Series:
    """One curve, set of points, or set of bars; `error` is a standard error for each point."""

    name: str
    x: list[float]
    y: list[float]
    error: list[float] | None = None
    style: str = "line"

    def __post_init__(self) -> None:
        if self.style not in ("line", "dashed", "points", "bars"):
            raise InputError(expected("Series", "style", "line, dashed, points or bars", repr(self.style)))
        lengths = {len(self.x), len(self.y), len(self.x if self.error is None else self.error)}
        if len(lengths) > 1:
            raise InputError(expected("Series", self.name, "as many x as y and errors", sorted(lengths)))


@dataclass(frozen=True)
class Surface:
    """Heights z[row][column] over a grid: one y for each row, one x for each column; drawn as contours."""

    x: list[float]
    y: list[float]
    z: list[list[float]]


@dataclass(frozen=True)
class Panel:
    """One pair of axes. categories: names in place of the numbers 0, 1, ... along x."""

    title: str
    x_label: str
    y_label: str
    series: list[Series]
    log_x: bool = False
    log_y: bool = False
    categories: list[str] | None = None
    surface: Surface | None = None


@dataclass(frozen=True)
class Outcome:
    """The result of one experiment.

    sentence: the claim. done: what was run, with its sizes. criterion: when it counts as held, fixed in the code
    before the result is known. measured: the number in a few words. numbers: all of them by name.
    remark: what a reader should know beside the verdict. seconds: of processor time.
    """

    name: str
    sentence: str
    done: str
    criterion: str
    measured: str
    held: bool
    numbers: dict[str, float]
    panels: list[Panel]
    remark: str = ""
    number: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        wrong = [name for name, value in self.numbers.items() if not math.isfinite(value)]
        if wrong:
            raise InputError(expected(self.name, "numbers", "finite ones", f"{wrong[0]} = {self.numbers[wrong[0]]}"))
