"""What an objective is: a number of each input, read off what a forward pass gave; objectives add up and scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import add, sub

from torch import Tensor

from xai.base.errors import InputError, describe

__all__ = ["Objective", "Reading"]


@dataclass(frozen=True)
class Reading:
    """What one forward pass gave.

    Args:
        activations: The recorded layers by name, (n, ...) each.
        scores: One per class, (n, K), where the pass ran to the end.
        probabilities: Likewise, (n, K).
        together: Whether its inputs are copies made for one objective, so that they may be compared with one another.
    """

    activations: dict[str, Tensor]
    scores: Tensor | None = None
    probabilities: Tensor | None = None
    together: bool = False

    def rows(self, start: int, stop: int) -> Reading:
        """Return the reading of inputs start to stop (exclusive)."""
        part = slice(start, stop)
        layers = {name: maps[part] for name, maps in self.activations.items()}
        outputs = (None if item is None else item[part] for item in (self.scores, self.probabilities))
        return Reading(layers, *outputs, together=self.together)


@dataclass(frozen=True)
class Objective:
    """A number per input, (n,), from a Reading.

    Args:
        name: What it is called.
        layers: Those it reads, none where it reads the output.
        value: From a Reading of n inputs to the numbers, (n,), connected to the graph.
        reads_output: Whether it reads scores or probabilities, so that the pass must run to the end.
        compares: Whether its copies are compared with one another.
        factor: Of one unit or layer, what it is multiplied by; None for a sum of several.
    """

    name: str
    layers: tuple[str, ...]
    value: Callable[[Reading], Tensor]
    reads_output: bool = False
    compares: bool = False
    factor: float | None = 1.0

    def __add__(self, other: Objective) -> Objective:
        return self._joined("+", other)

    def _joined(self, sign: str, other: Objective) -> Objective:
        if not isinstance(other, Objective):
            raise InputError(sign, expected="another objective", got=describe(other))
        joined = add if sign == "+" else sub
        is_sum = other.factor is None
        return Objective(
            f"{self.name} {sign} {f'({other.name})' if is_sum and sign == '-' else other.name}",
            tuple(dict.fromkeys((*self.layers, *other.layers))),
            lambda reading: joined(self.value(reading), other.value(reading)),
            self.reads_output or other.reads_output,
            self.compares or other.compares,
            None,
        )

    def __mul__(self, factor: float) -> Objective:
        if isinstance(factor, bool) or not isinstance(factor, int | float):
            raise InputError("*", expected="a number", got=describe(factor))
        name = f"-({self.name})" if factor == -1 else f"{factor:g} ({self.name})"
        scale = None if self.factor is None else self.factor * factor
        return replace(self, name=name, value=lambda reading: factor * self.value(reading), factor=scale)

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return self * -1

    def __sub__(self, other: Objective) -> Objective:
        return self._joined("-", other)
