"""DeepLift: each nonlinearity by its slope from a baseline to the input, so that the parts add up to the difference.

The baseline runs first and leaves what went into each operation; then the input runs, and each operation is put in the
graph with the slope between the two. A baseline that is the same for all rows runs once, as one row.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from xai.attribution.backward_rules import Operation, Table, check_graph, ruled_gradient, rules
from xai.attribution.deeplift_rules import TABLE
from xai.attribution.gradient_methods import note_completeness
from xai.attribution.rewritten import REWRITTEN
from xai.base.errors import InputError, NetworkError, XaiError, describe, names_errors
from xai.model.model import Model
from xai.model.session import Session
from xai.network.gradients import variable_of
from xai.results.explanation import Explanation

__all__ = ["deeplift"]


@names_errors("deeplift")
def deeplift(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    baseline: object = "zero",
    background: object = None,
    layer: str | None = None,
    exact: bool = False,
    batch_size: int | None = None,
) -> Explanation:
    """Return by how much each value moved the output away from that of a baseline, by the rescale rule.

    The values of a row add up to the output at the input minus the output at the baseline; how far they miss it is
    `completeness_error`. Every activation that takes one number to one number has this rule, whether module, function,
    reused or in place; max pooling as well. Products of two parts, quotients and normalization get the mean gradient
    along the straight path, and softmax one rule that a constant on all logits does not change.

    Args:
        model: What is explained.
        inputs: A batch that the model's input takes, (N, ...).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        baseline: "zero", "mean", "noise", "blur", a number, or a tensor.
        background: In place of a baseline several, whose mean is taken: names and numbers, or rows of data (B, ...).
        layer: Whose output to explain in place of the inputs; the baseline is then one of that output.
        exact: Run the network as it is, never a faster form of it.
        batch_size: How many inputs at a time; None chooses it.

    Returns:
        values: (N, ...), signed, in output units.

    Raises:
        InputError: An argument cannot be.
        TargetError: There is no such target.
        NetworkError: An operation has no rule; it is named before anything is made.

    Sources: Shrikumar, Greenside, Kundaje 2017, arXiv:1704.02685; of several baselines Lundberg, Lee 2017,
    arXiv:1705.07874.

    >>> class Product(torch.nn.Module):
    ...     def forward(self, x):
    ...         return torch.relu(x[:, 0]) * x[:, 1]
    >>> deeplift(Model(Product(), task="regression"), [[2.0, 3.0]]).values
    tensor([[3., 3.]])
    """
    settings = {"exact": exact, "batch_size": batch_size, "layer": layer, "differentiable": True}
    with model.explaining("deeplift", inputs, target, **settings) as session:
        if background is None:
            start, name = session.baseline(baseline)
            starts, options = start[None], {"baseline": name}
        else:
            if not (isinstance(baseline, str) and baseline == "zero"):
                raise InputError("baseline", expected="none beside a background", got=describe(baseline))
            starts, name = session.background(background)
            options = {"background": "given" if name == "data" else background}
        found = [_from(session, one) for one in starts]
        values, difference = (torch.stack(part).mean(0) for part in zip(*found, strict=True))
        note_completeness(session, values, difference)
        return session.explanation("deeplift", values, "input", baseline=name, options=options)


def _from(session: Session, start: Tensor) -> tuple[Tensor, Tensor]:
    """Return the values (N, ...) against one baseline (N, ...), and what they should add up to (N,)."""
    # Behind a layer or an embedding, each row may also see the rest of its own input, such as a mask.
    same = session.layer is None and session.words is None and bool((start == start[:1]).all())
    try:
        return _multiplied(session, start, same)
    except _OtherShape:
        return _multiplied(session, start, False)


def _multiplied(session: Session, start: Tensor, same: bool) -> tuple[Tensor, Tensor]:
    """Return the multipliers times the difference to the baseline (N, ...), and the difference of the scores (N,)."""
    parts, full, empty, reference = [], [], [], None
    for rows in session.chunks(len(session)):
        if not same or reference is None:
            starts, numbers = (start[:1], rows[:1]) if same else (start[rows], rows)
            reference = _Reference(same)
            with rules(reference.table(reference.keep)):
                variable = variable_of(starts)
                # Of one baseline, what each row asks for: rows have targets of their own.
                scores = (
                    session.scores_of_all(variable, session.rows)[:, 0] if same else session.score(variable, numbers)
                )
            empty.append(scores.detach().double())
        reference.position = 0
        table = reference.table(reference.compare)
        scores, multipliers = ruled_gradient(session, session.inputs[rows], rows, table, check_graph)
        full.append(scores.double())
        parts.append(multipliers * (session.inputs[rows] - start[rows]))
    return torch.cat(parts), torch.cat(full) - torch.cat(empty)


class _OtherShape(XaiError):
    """One row of the baseline does not stand for many: the network mixes rows into other axes."""


class _Reference:
    """What went into each operation of the baseline's forward pass, in order, and the rules that compare with it."""

    def __init__(self, same: bool) -> None:
        self.same = same
        self.seen: list[tuple[str, tuple[Tensor, ...]]] = []
        self.position = 0

    def table(self, rule: Callable) -> Table:
        return {**dict.fromkeys(TABLE, rule), **REWRITTEN}

    def keep(self, operation: Operation) -> None:
        # Copies, since the network may go on in place.
        self.seen.append((operation.name, tuple(source.detach().clone() for source in operation.sources)))

    def compare(self, operation: Operation) -> Tensor | tuple | None:
        name, baseline_sources = self.seen[self.position] if self.position < len(self.seen) else ("nothing", ())
        self.position += 1
        sources = operation.sources
        if name != operation.name or len(baseline_sources) != len(sources):
            wanted = "the same operations for the baseline as for the input"
            raise NetworkError("network", expected=wanted, got=f"{name} in place of {operation.name}")
        for source, other in zip(sources, baseline_sources, strict=True):
            if not _stands_for(other, source):
                if self.same:
                    raise _OtherShape("baseline")
                got = f"{tuple(other.shape)} in place of {tuple(source.shape)} in {name}"
                raise NetworkError("network", expected="the same shapes for the baseline", got=got)
        return TABLE[name](operation, baseline_sources)


def _stands_for(one: Tensor, many: Tensor) -> bool:
    """Does a tensor of one row broadcast to that of several?"""
    return one.ndim == many.ndim and all(a == b or a == 1 for a, b in zip(one.shape, many.shape, strict=True))
