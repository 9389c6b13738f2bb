"""Receptive fields: how many pixels of an image one position of a layer sees, and in which axes its positions lie.

Both are read off the autograd graph of one pass. For whoever shows them: no explanation of pixels asks.
"""

from __future__ import annotations

import re
from itertools import permutations
from math import prod

from torch import Tensor
from torch.autograd.graph import Node

from xai.network.side_rules import through
from xai.network.sides import Side, Sides

__all__ = ["Known", "lies_in", "receptive_field", "shape_of", "side_axes", "sides_of"]

# By node of the graph, for each of its outputs; None where it does not depend on the image.
Known = dict[Node, "list[Sides] | None"]


def receptive_field(output: Tensor, source: Tensor, known: Known | None = None) -> tuple[int | None, int | None]:
    """Return the height and width in pixels that one position of `output` sees of `source`, before its borders cut it.

    None where a position may see everything, as behind a global mean or a linear layer. `source` is (N, C, H, W) and
    requires a gradient. known: what was found for other outputs of the same pass, to be handed on from call to call.
    """
    rows, columns = sides_of(output, source, known) or (None, None)
    return None if rows is None else rows.size, None if columns is None else columns.size


def side_axes(output: Tensor, source: Tensor, known: Known | None = None) -> tuple[int, int] | None:
    """Return in which axes of `output` (4 axes) the rows and the columns of `source` (N, C, H, W) lie.

    (2, 3) for (N, C, H, W), (1, 2) for (N, H, W, C); None where the graph does not tell. known: as `receptive_field`.
    """
    (rows, columns), shape = sides_of(output, source, known) or (None, None), tuple(output.shape)
    if len(shape) != 4 or rows is None or columns is None:
        return None
    for first, second in ((2, 3), (1, 2), *permutations(range(1, 4), 2)):
        if lies_in(rows, first, shape) and lies_in(columns, second, shape):
            return first, second
    return None


def lies_in(side: Side, axis: int, shape: tuple[int, ...]) -> bool:
    """Say whether a side is a whole axis of a tensor of that shape."""
    # A single position is index 0 of any axis.
    return side.length == shape[axis] and (side.length == 1 or side.inner == prod(shape[axis + 1 :]))


def sides_of(output: Tensor, source: Tensor, known: Known | None) -> Sides | None:
    """Return where the rows and columns of `source` lie in an output; None where it does not depend on it."""
    known, node = {} if known is None else known, output.grad_fn
    for here in _new_nodes(node, known):
        if getattr(here, "variable", None) is source:
            known[here] = [_of_image(source)]
            continue
        depends = any(known[child] for child, _ in here.next_functions if child is not None)
        known[here] = _answers(here, known) if depends else None
    fields = None if node is None else known.get(node)
    return fields[output.output_nr] if fields else None


def _of_image(source: Tensor) -> Sides:
    height, width = source.shape[2:]
    return Side(height, width, 1, 1, 0), Side(width, 1, 1, 1, 0)


def _answers(node: Node, known: Known) -> list[Sides]:
    name = re.sub(r"(Backward)?\d*$", "", node.name().split("::")[-1])
    sources = []
    for child, position in node.next_functions:
        fields = known.get(child) if child is not None else None
        sources.append((fields[position], shape_of(child, position)) if child is not None and fields else None)
    return [through(node, name, sources, shape_of(node, position)) for position in range(len(node._input_metadata))]


def shape_of(node: Node, position: int) -> tuple[int, ...]:
    """Return the shape of an output of a node."""
    variable = getattr(node, "variable", None)
    return tuple(node._input_metadata[position].shape if variable is None else variable.shape)


def _new_nodes(last: Node | None, known: Known) -> list[Node]:
    """Return the nodes behind one that are not known yet, each behind all that it reads; without recursion."""
    done, result, waiting = set(), [], [(last, False)]
    while waiting:
        node, ready = waiting.pop()
        if ready:
            result.append(node)
        elif node is not None and node not in done and node not in known:
            done.add(node)
            waiting.append((node, True))
            waiting.extend((child, False) for child, _ in node.next_functions)
    return result
