"""Which tokens of a layer are the patches of an image, in rows and columns, and how many others stand before them.

Read off the autograd graph of one pass: where maps (N, C, H, W) become tokens (N, H W, C), and where class tokens or
registers are joined to those. Behind that, layers are identified by their number of tokens.
"""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from torch import Tensor
from torch.autograd.graph import Node

from xai.network.receptive import Known, lies_in, shape_of, sides_of
from xai.network.sides import Sides

__all__ = ["TokenGrid", "TokenGrids"]


class TokenGrid(NamedTuple):
    """How many tokens stand `before` the patches, and the rows and columns of those."""

    before: int
    grid: tuple[int, ...]


class TokenGrids:
    """What is known of the tokens of one pass on an image (N, C, H, W), to be asked for its layers in order."""

    def __init__(self, image: Tensor, known: Known) -> None:
        self._image, self._known, self._read = image, known, 0
        self._grid: tuple[int, int] | None = None
        self._by_count: dict[int, TokenGrid | None] = {}

    def of(self, tokens: Tensor) -> TokenGrid | None:
        """Return where the patches are among tokens (N, T, C); None where that is not known."""
        found = self.among(tokens, tokens.shape[1])
        return found if tokens.ndim == 3 else None

    def among(self, made: Tensor, count: int) -> TokenGrid | None:
        """Return where the patches are among so many tokens that a tensor was made from; None where it is not known."""
        sides_of(made, self._image, self._known)
        for node, fields in islice(self._known.items(), self._read, None):
            if fields:
                self._learn(node, fields[0])
        self._read = len(self._known)
        return self._by_count.get(count)

    def _learn(self, node: Node, sides: Sides) -> None:
        shape = shape_of(node, 0)
        grid = _grid(sides, shape)
        if grid is not None:
            self._grid = grid
            self._by_count[grid[0] * grid[1]] = TokenGrid(0, grid)
        elif "Cat" in node.name() and len(shape) == 3 and self._grid is not None:
            self._joined(node, shape[1])

    def _joined(self, node: Node, total: int) -> None:
        """Learn from what is joined along the tokens: one operand has the patches, others stand around it."""
        grid, sizes = self._grid, []
        for child, position in node.next_functions:
            sizes.append(None if child is None else shape_of(child, position)[1])
        patches = grid[0] * grid[1] if grid is not None else 0
        if grid is None or sizes.count(patches) != 1 or total == patches:
            return
        at = sizes.index(patches)
        first, last = sizes[:at], sizes[at + 1 :]
        if None not in first:
            found = TokenGrid(sum(size or 0 for size in first), grid)
        elif None not in last:
            found = TokenGrid(total - patches - sum(size or 0 for size in last), grid)
        else:
            found = None  # constants before and behind: how many of each, the graph does not keep
        self._by_count[total] = found


def _grid(sides: Sides, shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Return rows and columns where they are two axes of maps, or together that of tokens (N, H W, C)."""
    rows, columns = sides
    if rows is None or columns is None or rows.length * columns.length < 2:
        return None
    grid = rows.length, columns.length
    if len(shape) == 4:
        fits = any(lies_in(rows, axis, shape) and lies_in(columns, axis + 1, shape) for axis in (2, 1))
        return grid if fits else None
    if len(shape) != 3 or shape[1] != grid[0] * grid[1]:
        return None
    inner = shape[2] * grid[1], shape[2]
    fits = all(side.length == 1 or side.inner == at for side, at in zip((rows, columns), inner, strict=True))
    return grid if fits else None
