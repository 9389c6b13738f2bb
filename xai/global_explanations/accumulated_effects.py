"""Accumulated local effects: move each row a little along a column, where it stands, and add up the changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from xai.base.arguments import whole_number
from xai.base.errors import InputError, describe, names_errors
from xai.global_explanations.partial_dependence import chosen_columns, last_class, quantiles
from xai.global_explanations.table_calls import column_names, evaluate, require_table, words_of
from xai.model.model import Model
from xai.model.session import Session
from xai.results.global_results import Curve, Effects

__all__ = ["accumulated_local_effects"]

OPERATION = "accumulated_local_effects"


@names_errors("accumulated_local_effects")
def accumulated_local_effects(
    model: Model,
    data: object,
    columns: Sequence[object] | None = None,
    target: object = None,
    *,
    bins: int = 20,
    order: Mapping[str, Sequence[str]] = {},
    of: str = "probability",
    seed: int = 0,
    batch_size: int | None = None,
) -> Effects:
    """Return how the answer changes along a column, from changes within the rows' own neighborhood, centered on 0.

    A row is only moved to the ends of its own bin, so that correlated columns make no rows that do not occur. In a
    model that adds up functions of single columns it gives each of them, but for its mean, at the ends of the bins.

    Args:
        model: Of tables.
        data: Rows, (N, D).
        columns: Names or numbers; by default all columns of numbers, and categorical ones with an order.
        target: A class (the last one by default) or output.
        bins: At most so many, with as many rows in each as can be.
        order: The words of a categorical column from first to last, by name; neighbors in it are compared.
        of: "probability", "log_probability" or "output".
        seed: Of what is drawn at random; the same gives the same numbers.
        batch_size: How many evaluations at a time; None chooses it.

    Returns:
        A Curve for each column: values (G,) at the ends of the bins, and their standard error: that of the mean change
        in each bin, added up from where the curve is centered (the bins being independent).

    Raises:
        InputError: An argument cannot be.
        TargetError: There is no such target.
        NetworkError: The network fails, or puts out something else than scores.

    Source: Apley, Zhu 2020, arXiv:1612.08468.

    >>> model = Model(torch.nn.Linear(2, 1), task="regression")
    >>> effects = accumulated_local_effects(model, torch.rand(30, 2), [0], bins=4)
    >>> effects["x0"].values.shape
    torch.Size([5])
    """
    bins = whole_number("bins", bins, 1)
    settings = {"of": of, "seed": seed, "passes": 2, "batch_size": batch_size}
    with model.explaining(OPERATION, data, last_class(model, target), **settings) as session:
        require_table(model, session.inputs)
        names = column_names(model, session.inputs)
        ordered = [number for number, name in enumerate(names) if words_of(model, name) is None or name in order]
        numbers = ordered if columns is None else chosen_columns(names, columns)
        if not all(isinstance(words, Iterable) for words in order.values()):
            raise InputError("order", expected="the words of columns, by name", got=describe(order))
        curves = []
        for number in numbers:
            words = words_of(model, names[number])
            if words is None:
                curves.append(_of_numbers(session, number, names[number], bins))
            else:
                curves.append(_of_words(session, number, names[number], words, order.get(names[number])))
        return Effects(
            kind=OPERATION,
            curves=tuple(curves),
            target=session.target.labels()[0],
            classes=tuple(model.classes or ()),
            of=of,
            rows=len(session),
            options={"bins": bins, "of": of, "order": {name: list(words) for name, words in order.items()}},
            model_digest=model.digest(),
        )


def _of_numbers(session: Session, number: int, name: str, bins: int) -> Curve:
    column = session.inputs[:, number].contiguous()
    ends = quantiles(column, bins + 1)
    if len(ends) < 2:
        raise InputError("data", expected=f"different values in column {name!r}", got="the same one everywhere")
    position = torch.searchsorted(ends, column).clamp(1, len(ends) - 1) - 1  # the bin (low, high] of each row
    sides = torch.stack([ends[position], ends[position + 1]])  # (2, N)
    low, high = evaluate(session, number, sides)
    known = ~column.isnan()  # a row without a value stands in no bin
    means, squares, counts = _by_bin((high - low)[known], position[known], len(ends) - 1)
    # A row stands somewhere in its bin: on average in the middle of the two ends.
    weights = torch.zeros(len(ends), dtype=torch.float64)
    weights[:-1] += counts / 2
    weights[1:] += counts / 2
    values, error = _centered(means, squares, weights / weights.sum())
    return Curve(name, ends.double().cpu(), None, values, error, None)


def _of_words(session: Session, number: int, name: str, words: list[str], order: Sequence[str] | None) -> Curve:
    if order is None:
        wanted = f"the words of {name!r} from first to last, since changes add up along an order"
        raise InputError("order", expected=wanted, got="none")
    if isinstance(order, str) or sorted(order) != sorted(words):
        raise InputError(f"order[{name!r}]", expected=f"each of {words} once", got=describe(list(order)))
    codes = torch.tensor([words.index(word) for word in order], device=session.inputs.device)
    rank = torch.empty_like(codes)
    rank[codes] = torch.arange(len(codes), device=codes.device)
    position = rank[session.inputs[:, number].long()]  # where in the order each row stands
    counts = torch.bincount(position, minlength=len(codes)).double().cpu()
    present = counts > 0
    if int(present.sum()) < 2:
        raise InputError("data", expected=f"different words in column {name!r}", got="the same one everywhere")
    shown = torch.where(present)[0]  # a word that no row has cannot be a neighbor
    level = torch.full((len(codes),), -1)
    level[shown] = torch.arange(len(shown))
    here = level[position.cpu()].to(position.device)
    kept = codes[shown.to(codes.device)].to(session.inputs)
    neighbors = torch.stack([kept[(here - 1).clamp_min(0)], kept[here], kept[(here + 1).clamp_max(len(kept) - 1)]])
    before, at, after = evaluate(session, number, neighbors)
    # The step from each word to the next is measured on the rows of both words, each set to the other.
    steps = torch.cat([here, here - 1])
    differences = torch.cat([after - at, at - before])
    inside = (steps >= 0) & (steps < len(kept) - 1)
    means, squares, _ = _by_bin(differences[inside], steps[inside], len(kept) - 1)
    values, error = _centered(means, squares, counts[present] / counts.sum())
    named = tuple(words[int(code)] for code in kept.tolist())
    return Curve(name, kept.double().cpu(), named, values, error, None)


def _by_bin(differences: Tensor, position: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the mean change in each bin, the square of its standard error, and how many rows it is from."""
    differences, position = differences.double().cpu(), position.cpu()
    counts = torch.bincount(position, minlength=count).double()
    means = torch.bincount(position, differences, minlength=count) / counts.clamp_min(1)
    squares = torch.bincount(position, (differences - means[position]) ** 2, minlength=count)
    # The variance in a bin of one row is unknown; that of the other bins is used.
    pooled = squares.sum() / (counts - 1).clamp_min(0).sum().clamp_min(1)
    variance = torch.where(counts > 1, squares / (counts - 1).clamp_min(1), pooled)
    return means, variance / counts.clamp_min(1), counts


def _centered(means: Tensor, squares: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Add changes (B,) up to values (B + 1,) whose weighted mean is 0; standard errors from independent changes."""
    size = len(means)
    add = torch.ones(size + 1, size, dtype=torch.float64).tril(-1)  # value k is the sum of the changes before it
    add = add - weights @ add
    return add @ means, ((add**2) @ squares).sqrt()
