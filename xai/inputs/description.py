"""What a kind of input says of itself, before any batch is there: names, limits, how it is drawn and where it lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from xai.base.structs import NamesArguments

__all__ = ["Described"]


class Described(msgspec.Struct, frozen=True, metaclass=NamesArguments):
    """What is true of any floating-point batch whose axes nobody named; a kind overrides what it knows better."""

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Return the shape of one input without the batch axis, None where inputs may have several."""
        return None

    @property
    def names(self) -> Sequence[str]:
        """Return a name for each number along the last axis, none where they have no names."""
        return ()

    @property
    def categorical(self) -> Mapping[str, list[str]]:
        """Return the words behind the codes of a name's numbers, for names whose numbers are codes."""
        return {}

    @property
    def limits(self) -> tuple[float, float] | None:
        """Return the range in which all values lie, None where any value may occur."""
        return None

    @property
    def drawing(self) -> str:
        """Return how inputs are drawn: as a picture ("map"), along time ("series"), as "text", or not ("numbers")."""
        return "numbers"

    @property
    def layout(self) -> Mapping[str, list]:
        """Return, of several inputs in one row, how each is drawn and of what shape it is, by name; else nothing."""
        return {}

    @property
    def tabular(self) -> bool:
        """Say whether inputs are rows of a table: each number is a column with a name."""
        return False

    @property
    def in_columns(self) -> bool:
        """Say whether inputs may be rows of a table: those of a plain tensor may be, where they have one axis."""
        return self.tabular

    @property
    def labels_in(self) -> str:
        """Return where a data set in files has its labels: in a "column" beside the inputs, by "folder", or ""."""
        return "" if self.column is None else "column"

    @property
    def noun(self) -> str:
        """Return what several such inputs are called in a sentence."""
        return "rows"

    @property
    def ordered(self) -> bool:
        """Say whether an input is read from its first position to its last, as a text or a series is."""
        return False

    @property
    def embedded(self) -> bool:
        """Say whether the network turns these inputs into vectors first: a gradient exists only from there on."""
        return False

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Return the endings of files that hold one input each."""
        return (".npy",)

    @property
    def column(self) -> str | None:
        """Return the column of a table that holds whole inputs, None where each column is a number of it."""
        return None
