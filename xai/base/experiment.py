"""What an experiment hands over: a claim, what was done, the numbers, whether it held, and the data of its figure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from xai.base.errors import InputError, names_errors

__all__ = ["Comparison", "Outcome", "Panel", "Series", "Surface", "WorkedExample"]


@dataclass(frozen=True)
class Series:
    """One curve, set of points, or set of bars; `error` is a standard error for each point."""

    name: str
    x: list[float]
    y: list[float]
    error: list[float] | None = None
    style: str = "line"

    @names_errors("Series")
    def __post_init__(self) -> None:
        if self.style not in ("line", "dashed", "points", "bars"):
            raise InputError("style", expected="line, dashed, points or bars", got=repr(self.style))
        lengths = {len(self.x), len(self.y), len(self.x if self.error is None else self.error)}
        if len(lengths) > 1:
            raise InputError(self.name, expected="as many x as y and errors", got=sorted(lengths))


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
            raise InputError(
                "numbers", expected="finite ones", got=f"{wrong[0]} = {self.numbers[wrong[0]]}", operation=self.name
            )


@dataclass(frozen=True)
class Comparison:
    """Numbers that follow by hand, beside those that the code computes.

    slide: what the slide has in their place, where it errs. tolerance: the largest difference that counts as none; of
    random draws, several of their standard errors.

    >>> Comparison("1/3", [0.33], [1 / 3], tolerance=0.01).agrees
    True
    """

    name: str
    wanted: list[float]
    got: list[float]
    slide: str = ""
    tolerance: float = 1e-6

    @property
    def difference(self) -> float:
        """Return the largest absolute difference; infinite where one has more numbers than the other, or NaN."""
        if len(self.wanted) != len(self.got):
            return math.inf
        gaps = [abs(wanted - got) for wanted, got in zip(self.wanted, self.got, strict=True)]
        return math.inf if any(math.isnan(gap) for gap in gaps) else max(gaps, default=0.0)

    @property
    def agrees(self) -> bool:
        """Say whether the difference is none."""
        return self.difference <= self.tolerance


@dataclass(frozen=True)
class WorkedExample:
    """A row of the lecture with numbers small enough to check by hand.

    row: what the lecture treats. shown: how the numbers arise. errata: which errors of the slides it meets, by name.
    """

    name: str
    row: str
    shown: str
    comparisons: list[Comparison] = field(default_factory=list)
    errata: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool:
        """Say whether every number agrees."""
        return all(comparison.agrees for comparison in self.comparisons)
