"""What two parts of an input do together that neither does alone: Shapley interactions, from all coalitions."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from xai.base.errors import InputError, describe, names_errors
from xai.inputs.hiding import masked_scores
from xai.model.model import Model
from xai.results.pair_results import Interactions

__all__ = ["shapley_interactions"]

INDEXES = ("taylor", "shapley")
MOST_PARTS = 14  # 16,384 coalitions of each row


@names_errors("shapley_interactions")
def shapley_interactions(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    index: str = "taylor",
    background: object = "zero",
    segments: object = None,
    of: str = "output",
    seed: int = 0,
    exact: bool = False,
    batch_size: int | None = None,
) -> Interactions:
    """Return the interaction of each pair of parts: what both together add beyond what each adds alone.

    All coalitions of the parts are evaluated. The sums of a matrix: of "taylor" the diagonal and the pairs, each once,
    add up to the output at the input minus its mean over the background, as do of "shapley" all entries (a pair's
    interaction is halved between its two entries, and the diagonal has the rest of the part's Shapley value).

    Args:
        model: What is explained.
        inputs: (N, columns), (N, C, H, W) or (N, steps, channels).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        index: "taylor" (Shapley-Taylor of order 2: the diagonal is what a part does alone) or "shapley" (the Shapley
            interaction index).
        background: What stands where a part is not shown: a baseline by name, a number, several, or rows of data.
        segments: Of images, as in `lime_image`; of others None, or labels of their positions. At most 14 parts.
        of: What is explained: "output", "probability" or "log_probability".
        seed: Of the cut into segments.
        exact: Run the network as it is, never a faster form of it.
        batch_size: How many evaluations at a time; None chooses it.

    Raises:
        InputError: An argument cannot be, or there are too many parts.
        TargetError: There is no such target.
        NetworkError: The network fails, or puts out something else than scores.

    Sources: Sundararajan, Dhamdhere, Agarwal 2020, arXiv:1902.05622; Grabisch, Roubens 1999, doi:10.1007/s001820050125.

    >>> class Product(torch.nn.Module):
    ...     def forward(self, x):
    ...         return x[:, 0] * x[:, 1] + x[:, 2]
    >>> shapley_interactions(Model(Product(), task="regression"), [[2.0, 3.0, 1.0]]).values[0]
    tensor([[0., 6., 0.],
            [6., 0., 0.],
            [0., 0., 1.]])
    """
    if index not in INDEXES:
        raise InputError("index", expected=f"one of {', '.join(INDEXES)}", got=repr(index))
    settings = {"of": of, "seed": seed, "passes": 1024, "exact": exact, "batch_size": batch_size, "scores_only": True}
    with model.explaining("shapley_interactions", inputs, target, **settings) as session:
        if not session.inputs.is_floating_point() or not session.kind.axes(session.inputs):
            wanted = "images, rows or series of numbers"
            raise InputError("inputs", expected=wanted, got=describe(session.inputs))
        parts = session.kind.parts(session.inputs, segments, seed)
        background_rows, name = session.background(background)
        hiding = session.kind.hiding(session.inputs, parts, background_rows)
        made: list[Tensor] = []
        for row, count in enumerate(parts.counts()):
            if not 2 <= count <= MOST_PARTS:
                wanted = f"2 to {MOST_PARTS} of them (all coalitions are evaluated)"
                raise InputError("segments", expected=wanted, got=f"{count} parts")
            shown = (torch.arange(2**count)[:, None] >> torch.arange(count)) % 2 == 1
            worth = masked_scores(session, hiding, shown, session.rows[row : row + 1], once=False)[0].cpu()
            made.append(pairs_of(worth, count, index).to(session.inputs.dtype))
        columns = session.kind.names if parts.over == "features" else ()
        by_row = parts.names or [tuple(columns)] * len(made)
        named = tuple(
            tuple(names) if len(names) == len(matrix) else tuple(map(str, range(len(matrix))))
            for names, matrix in zip(by_row, made, strict=True)
        )
        target_names = session.target.names(model.classes)
        options: dict[str, object] = {"index": index, "background": name, "of": of}
        return Interactions(made, named, index, target_names, parts.over, options, model.digest())


def pairs_of(worth: Tensor, parts: int, index: str) -> Tensor:
    """Return the matrix (M, M) of interactions from the worth of each coalition (2 ** M,), numbered by its bits."""
    numbers = torch.arange(2**parts)
    sizes = ((numbers[:, None] >> torch.arange(parts)) % 2).sum(1)
    matrix = torch.zeros(parts, parts, dtype=torch.float64)
    for first in range(parts):
        for second in range(first):
            bits = (1 << first) + (1 << second)
            others = numbers[(numbers & bits) == 0]  # the coalitions of the others
            both = worth[others + bits] - worth[others + (1 << first)] - worth[others + (1 << second)] + worth[others]
            matrix[first, second] = matrix[second, first] = both @ _weights(parts, index)[sizes[others]]
    if index == "taylor":
        alone = worth[1 << torch.arange(parts)] - worth[0]
        return matrix + torch.diag(alone)
    matrix /= 2
    return matrix + torch.diag(_values(worth, parts, numbers, sizes) - matrix.sum(1))


def _weights(parts: int, index: str) -> Tensor:
    """Return the weight of a coalition of the other parts, by its size."""
    sizes = range(parts - 1)
    if index == "taylor":
        return torch.tensor([2 / parts / math.comb(parts - 1, size) for size in sizes], dtype=torch.float64)
    return torch.tensor([1 / (parts - 1) / math.comb(parts - 2, size) for size in sizes], dtype=torch.float64)


def _values(worth: Tensor, parts: int, numbers: Tensor, sizes: Tensor) -> Tensor:
    """Return the Shapley value of each part."""
    weights = torch.tensor([1 / parts / math.comb(parts - 1, size) for size in range(parts)], dtype=torch.float64)
    found = []
    for part in range(parts):
        others = numbers[(numbers >> part) % 2 == 0]
        found.append((worth[others + (1 << part)] - worth[others]) @ weights[sizes[others]])
    return torch.stack(found)
