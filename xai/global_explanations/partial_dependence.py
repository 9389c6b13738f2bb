"""Partial dependence: set a column to a value in every row, and watch the answers, each row's and their mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from xai.base.arguments import whole_number
from xai.base.errors import InputError, describe, names_errors
from xai.global_explanations.table_calls import column_names, column_number, evaluate, require_table, words_of
from xai.model.model import Model
from xai.model.session import Session
from xai.results.global_results import Curve, Effects

__all__ = ["chosen_columns", "partial_dependence", "quantiles"]

OPERATION = "partial_dependence"


@names_errors("partial_dependence")
def partial_dependence(
    model: Model,
    data: object,
    columns: Sequence[object] | None = None,
    target: object = None,
    *,
    points: int = 20,
    grid: Mapping[str, Sequence[float]] = {},
    of: str = "probability",
    seed: int = 0,
    batch_size: int | None = None,
) -> Effects:
    """Return the mean answer over the rows when a column is set to each value of a grid, and every row's own curve.

    Of correlated columns it asks about rows that do not occur: `accumulated_local_effects` does not.

    Args:
        model: Of tables.
        data: Rows, (N, D).
        columns: Names or numbers, all by default.
        target: A class (the last one by default) or output.
        points: Values of a column of numbers, at even shares of the data; of a categorical column all its words count.
        grid: Values of your own, by the column's name.
        of: "probability", "log_probability" or "output".
        seed: Of what is drawn at random; the same gives the same numbers.
        batch_size: How many evaluations at a time; None chooses it.

    Returns:
        A Curve for each column: values (G,), the standard error of that mean over the rows (G,), and `individual` (N,
        G): where these cross, the mean hides an interaction.

    Raises:
        InputError: An argument cannot be.
        TargetError: There is no such target.
        NetworkError: The network fails, or puts out something else than scores.

    Source: Friedman 2001, doi:10.1214/aos/1013203451; Goldstein et al. 2015, arXiv:1309.6392.

    >>> model = Model(torch.nn.Linear(2, 1), task="regression")
    >>> effects = partial_dependence(model, torch.rand(30, 2), [0], points=4)
    >>> effects["x0"].individual.shape
    torch.Size([30, 4])
    """
    points = whole_number("points", points, 2)
    settings = {"of": of, "seed": seed, "passes": points, "batch_size": batch_size, "scores_only": True}
    with model.explaining(OPERATION, data, last_class(model, target), **settings) as session:
        require_table(model, session.inputs)
        names = column_names(model, session.inputs)
        curves = []
        for number in chosen_columns(names, columns):
            words = words_of(model, names[number])
            values = _grid(session.inputs[:, number], words, grid.get(names[number]), points, names[number])
            curves.append(_curve(session, number, values, names[number], words))
        return Effects(
            kind=OPERATION,
            curves=tuple(curves),
            target=session.target.labels()[0],
            classes=tuple(model.classes or ()),
            of=of,
            rows=len(session),
            options={"points": points, "of": of},
            model_digest=model.digest(),
        )


def last_class(model: Model, target: object) -> object:
    """Return the target, or where none is given the last class (in yes or no: yes)."""
    if target is not None or model.task == "regression":
        return 0 if target is None else target
    return len(model.classes) - 1 if model.classes else 1


def chosen_columns(names: list[str], columns: Sequence[object] | None) -> list[int]:
    """Return the indices of the columns asked for, all of them for None."""
    if columns is None:
        return list(range(len(names)))
    if isinstance(columns, str) or not isinstance(columns, Sequence) or not columns:
        raise InputError("columns", expected="a list of names or numbers", got=describe(columns))
    return [column_number(names, column) for column in columns]


def quantiles(values: Tensor, count: int) -> Tensor:
    """Return the distinct values of a column (N,) at `count` even shares of the data, the least and the largest too."""
    known = values[~values.isnan()]
    if not len(known):
        raise InputError("data", expected="columns with at least one value", got="one without any")
    found = np.quantile(known.double().cpu().numpy(), np.linspace(0, 1, count), method="inverted_cdf")
    return torch.from_numpy(np.unique(found)).to(values)


def _grid(values: Tensor, words: list[str] | None, chosen: Sequence[float] | None, points: int, name: str) -> Tensor:
    if chosen is not None:
        try:
            found = torch.as_tensor(chosen, dtype=values.dtype, device=values.device).flatten()
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"grid[{name!r}]", expected="numbers", got=describe(chosen)) from error
        if not len(found) or not bool(torch.isfinite(found).all()):
            raise InputError(f"grid[{name!r}]", expected="finite numbers", got=describe(chosen))
        return found
    return torch.arange(len(words)).to(values) if words is not None else quantiles(values, points)


def _curve(session: Session, number: int, values: Tensor, name: str, words: list[str] | None) -> Curve:
    individual = evaluate(session, number, values[:, None].expand(-1, len(session))).T.cpu()  # (N, G)
    count = len(session)
    error = individual.std(0) / count**0.5 if count > 1 else torch.full((len(values),), float("nan")).double()
    return Curve(
        name=name,
        grid=values.double().cpu(),
        words=None if words is None else tuple(words[int(code)] for code in values.tolist()),
        values=individual.mean(0),
        standard_error=error,
        individual=individual,
    )
