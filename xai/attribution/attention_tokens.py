"""Which parts of the input the tokens are that attention looks at, and what each part is given."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

from xai.base.errors import InputError
from xai.base.resizing import resized
from xai.model.map_layers import given_grid
from xai.model.session import Session
from xai.model.token_session import TokenSession
from xai.network.token_grids import TokenGrid, TokenGrids

__all__ = ["AttendedTokens"]

WANTED = "whole numbers (tokens before the parts, the sides of their grid)"


class AttendedTokens:
    """The tokens of one session: patches of an image, words of a text, steps of a series, or columns of a table.

    reshape: (tokens before the first part, the sides of the grid), where a caller says it.
    """

    def __init__(self, session: Session, reshape: tuple[int, ...] | None) -> None:
        self._session = session
        self._asked = None if reshape is None else given_grid(reshape, WANTED)
        self._grid: TokenGrid | None = None

    def locate(self, batch: Tensor, values: Tensor) -> None:
        """Find out where the parts of a batch are among the tokens of the values (..., T, D) of its first attention."""
        if self._grid is not None:
            return
        count, sides = values.shape[-2], self.sides(batch)
        found = self._asked
        if found is None and prod(sides) == count:
            found = TokenGrid(0, sides)
        if found is None and batch.ndim == 4 and len(sides) == 2:
            found = TokenGrids(batch, {}).among(values, count)
        wanted = f"(tokens before the parts, {'H, W' if len(sides) == 2 else 'their number'})"
        if found is None:
            got = f"none, for {count} tokens of {sides}: which tokens are the parts of the input is not known"
            raise InputError("reshape", expected=wanted, got=got)
        if len(found.grid) != len(sides) or found.before + prod(found.grid) > count:
            got = f"{(found.before, *found.grid)} for {count} tokens of {sides}"
            raise InputError("reshape", expected=wanted, got=got)
        if self._whole and found.grid != sides:
            raise InputError("reshape", expected=f"a token for each part {sides}", got=f"{found.grid}")
        self._grid = found

    def values(self, of_tokens: Tensor) -> tuple[Tensor, str]:
        """Return what the parts of the input are given, in input size, and what they are: see `Explanation.over`.

        of_tokens: (N, T), of all rows.
        """
        inputs, (before, grid) = self._session.inputs, self.found
        parts = of_tokens[:, before : before + prod(grid)].to(inputs.dtype)
        if self._whole:  # of words a vector each, of which one number says all
            return (parts[:, :, None] if self._words else parts), "input"
        sides, parts = self.sides(inputs), parts.unflatten(1, grid)[:, None]
        wide = resized(parts, sides)[:, 0]
        present = self._session.present
        return (wide if present is None else torch.where(present, wide, 0)), "layer"

    def run(self) -> dict[str, object]:
        """Return what an explanation says of where the parts were."""
        return {} if self._whole else {"tokens_before": self.found.before, "grid": list(self.found.grid)}

    @property
    def found(self) -> TokenGrid:
        """Return how many tokens stand before the parts of the input, and the sides of their grid."""
        if self._grid is None:
            raise ValueError("locate() finds the tokens, in the first pass")
        return self._grid

    @property
    def _whole(self) -> bool:
        """Is there a value for each part as it is: a word, a column?"""
        inputs = self._session.inputs
        return self._words or tuple(inputs.shape[1:]) == self.sides(inputs)

    @property
    def _words(self) -> bool:
        return isinstance(self._session, TokenSession)

    def sides(self, batch: Tensor) -> tuple[int, ...]:
        """Return how many parts the input has along each side."""
        known = tuple(batch.shape[1:2]) if self._words else tuple(self._session.kind.positions(batch))
        return known or tuple(batch.shape[2:])
