"""An explained number that is no class of the model, as a result names it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NamedTarget"]


@dataclass(frozen=True, eq=False, repr=False)
class NamedTarget:
    """What was explained, where it is no class: a pixel, a box, a token, a user's own function.

    name: what a report calls it. written: how a caller or a file writes it ("pixel:40,60,3"); None where it holds what
    cannot be written (a mask, a function), so that a file keeps its name only.
    """

    name: str
    written: str | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def __str__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        """Say whether both are one number of one output: written alike, or the same object.

        >>> NamedTarget("step 3", "step:3") == NamedTarget("the third step", "step:3")
        True
        """
        if self.written is None or not isinstance(other, NamedTarget):
            return self is other
        return self.written == other.written

    def __reduce__(self) -> tuple:
        """Return what a file or another process gets: the words, from which what can be written is made again."""
        return NamedTarget, (self.name, self.written)

    def __deepcopy__(self, memo: dict) -> NamedTarget:
        return self  # nothing in it changes

    def __hash__(self) -> int:
        return id(self) if self.written is None else hash(self.written)
