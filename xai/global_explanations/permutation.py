"""Permutation importance: shuffle a column over the rows, and see how much worse the model answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from xai.base.arguments import whole_number
from xai.base.errors import InputError, describe, names_errors
from xai.global_explanations.correlated import correlated_columns
from xai.global_explanations.table_calls import column_names, column_number, require_table, words_of
from xai.inputs.groups import group_positions, plain_groups
from xai.inputs.hiding import masked_scores
from xai.inputs.parts import Parts
from xai.inputs.streams import MOST_DRAWN, draw_numbers, draw_rows, is_stream
from xai.model.labels import as_labels, check_outputs
from xai.model.model import Model
from xai.model.session import Session
from xai.results.global_results import Importance

__all__ = ["METRICS", "permutation_importance"]

OPERATION = "permutation_importance"
METRICS = ("accuracy", "log_likelihood", "r2")


@names_errors("permutation_importance")
def permutation_importance(
    model: Model,
    data: object,
    labels: object = None,
    *,
    rows: int | None = None,
    metric: str | None = None,
    groups: Sequence[Sequence[str]] | Mapping[str, Sequence[str]] | None = None,
    repeats: int = 10,
    seed: int = 0,
    batch_size: int | None = None,
) -> Importance:
    """Return by how much the model's score falls when a column's values are shuffled over the rows.

    Args:
        model: Of tables.
        data: Rows that the model did not learn from, (N, D), or a torch Dataset, DataLoader or generator of
            (row, label) or of dictionaries with a `label`, of which no more is held than the rows that are drawn.
        labels: Class numbers or names (N,), or a regression's numbers; None where they come with the rows.
        rows: At most so many, drawn at random; None is all of a table, and 10,000 of what comes a row at a time.
        metric: "accuracy" or "log_likelihood" (of the right class, the mean), by default accuracy; of a regression
            "r2".
        groups: Columns that are shuffled together, lists of names or such lists by the name of the group; each group
            then stands for its columns. By default those of the model's input.
        repeats: Shuffles of each column.
        seed: Of the shuffles; the same gives the same numbers.
        batch_size: How many evaluations at a time; None chooses it.

    Returns:
        values: (D,), the mean fall over the shuffles, in units of the metric. standard_error: over the rows, each in
        both its parts (as one that is answered, and as one that lends its value), so that it covers which rows were
        drawn. `correlated` names columns that can stand in for each other: shuffled alone each seems needless, and
        makes rows that do not occur; put them into one group.

    Raises:
        InputError: An argument cannot be.
        NetworkError: The network fails, or puts out something else than scores.

    Source: Breiman 2001, doi:10.1023/A:1010933404324; Fisher, Rudin, Dominici 2019, arXiv:1801.01489.

    >>> model = Model(torch.nn.Linear(2, 1, bias=False), task="regression")
    >>> with torch.no_grad():
    ...     _ = model.network.weight.copy_(torch.tensor([[1.0, 0.0]]))
    >>> rows = torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    >>> [round(value) for value in permutation_importance(model, rows, rows[:, 0]).values.tolist()]
    [2, 0]
    """
    data, labels = _rows(model, data, labels, rows, seed)
    repeats = whole_number("repeats", repeats, 1)
    passes = repeats * 12
    settings = {"passes": passes, "batch_size": batch_size, "scores_only": True}
    with model.explaining(OPERATION, data, 0, seed=seed, **settings) as session:
        require_table(model, session.inputs)
        if len(session) < 2:
            raise InputError("data", expected="at least two rows", got="one")
        if model.task == "multilabel":
            raise InputError("model", expected="a classifier or a regression", got="task 'multilabel'")
        names = column_names(model, session.inputs)
        targets = as_labels(model, labels, len(session))
        check_outputs(targets, session.prediction.shape[1])
        targets = targets.to(session.inputs.device)
        chosen = _metric(metric, model.task)
        parts = _parts(names, getattr(model.input, "groups", {}) if groups is None else groups)
        plain = _scores(model, session.prediction.double(), targets, chosen)  # (N,)
        falls = torch.empty(len(parts), repeats, len(session), dtype=torch.float64)
        lent = torch.empty_like(falls)  # the scores that a row's value led to, by that row
        for number, columns in enumerate(parts.values()):
            for repeat in range(repeats):
                order = torch.randperm(len(session), generator=session.generator(None, repeat * len(parts) + number))
                scores = _scores(model, _shuffled(session, columns, order.to(session.inputs.device)), targets, chosen)
                falls[number, repeat] = (plain - scores).cpu()
                lent[number, repeat, order] = scores.cpu()
        by_row = falls.mean(1)  # (parts, N)
        # Each score depends on a pair of rows, so the mean is a U-statistic: a row's influence is the sum over both
        # roles.
        influence = by_row - lent.mean(1)
        if chosen == "r2":  # a ratio: each row changes its denominator too
            deviations = (targets - targets.mean(0)) ** 2 / targets.var(0, correction=0)
            influence = influence - by_row.mean(1, keepdim=True) * deviations.mean(1).cpu()
        categorical = {name for name in names if words_of(model, name) is not None}
        return Importance(
            names=tuple(parts),
            values=by_row.mean(1),
            standard_error=influence.std(1) / len(session) ** 0.5,
            repeats=falls.mean(2),
            score=float(plain.mean()) + (1.0 if chosen == "r2" else 0.0),
            metric=chosen,
            rows=len(session),
            correlated=tuple(correlated_columns(session.inputs.double().cpu().numpy(), names, categorical)),
            options={"metric": chosen, "groups": _plain(groups), "repeats": repeats, "rows": rows},
            seed=seed,
            model_digest=model.digest(),
        )


def _rows(model: Model, data: object, labels: object, rows: int | None, seed: int) -> tuple[object, object]:
    """Return the rows that are used, with their labels."""
    most = None if rows is None else whole_number("rows", rows, 2)
    if is_stream(data):
        drawn = draw_rows(data, MOST_DRAWN if most is None else most, model.input, seed=whole_number("seed", seed))
        data, labels = drawn.rows, drawn.labels if labels is None else drawn.beside(labels, "labels")
    elif most is not None:
        data = model.prepare(data, "data")
        chosen = draw_numbers(len(data), most, whole_number("seed", seed))
        targets = as_labels(model, labels, len(data))
        data, labels = data[chosen], targets[chosen]
    if labels is None:
        raise InputError("labels", expected="one per row", got="none")
    return data, labels


def _metric(metric: str | None, task: str) -> str:
    allowed = ("r2",) if task == "regression" else METRICS[:2]
    if metric is not None and metric not in allowed:
        raise InputError("metric", expected=f"one of {', '.join(allowed)}", got=repr(metric))
    return metric or allowed[0]


def _plain(groups: Sequence[Sequence[str]] | Mapping[str, Sequence[str]] | None) -> object:
    if groups is None or isinstance(groups, Mapping):
        return None if groups is None else {name: list(group) for name, group in groups.items()}
    return [list(group) for group in groups]


def _parts(names: list[str], groups: Sequence[Sequence[str]] | Mapping[str, Sequence[str]]) -> dict[str, list[int]]:
    """Return the columns of each part by the part's name: the groups, and each other column alone."""
    if isinstance(groups, Mapping):
        return group_positions(plain_groups(groups, names), names)
    if isinstance(groups, str) or any(isinstance(group, str) for group in groups):
        raise InputError("groups", expected="lists of column names", got=describe(groups))
    together = [[column_number(names, column) for column in group] for group in groups]
    used = [column for group in together for column in group]
    if len(set(used)) != len(used) or any(not group for group in together):
        raise InputError("groups", expected="each column in one group at most, none empty", got=describe(groups))
    parts = {" + ".join(names[column] for column in group): group for group in together}
    return parts | {name: [number] for number, name in enumerate(names) if number not in used}


def _shuffled(session: Session, columns: list[int], order: Tensor) -> Tensor:
    """Return the prediction (N, K) with some columns taken together from the rows in that order, in float64."""
    labels = torch.zeros(1, session.inputs.shape[1], dtype=torch.int64, device=session.inputs.device)
    labels[:, columns] = 1
    parts = Parts(labels.expand(len(session), -1), "features")
    hiding = session.kind.hiding(session.inputs, parts, session.inputs[order][None])

    def predict(batch: Tensor, rows: Tensor) -> Tensor:
        with torch.no_grad():
            return session.model.probabilities(session.model.forward_on(session.plan.network, batch)).double()

    return masked_scores(session, hiding, torch.tensor([[True, False]]), session.rows, once=False, answer=predict)[:, 0]


def _scores(model: Model, answers: Tensor, targets: Tensor, metric: str) -> Tensor:
    """Return what each row adds to the mean score, (N,): rows right, log-likelihoods, or minus squared errors."""
    if metric == "accuracy":
        return (answers.argmax(1) == targets).double()
    if metric == "log_likelihood":
        least = torch.finfo(torch.float32).tiny
        return answers.gather(1, targets[:, None])[:, 0].clamp_min(least).log()
    variance = targets.var(0, correction=0)
    if not bool((variance > 0).all()):
        raise InputError("labels", expected="numbers that vary", got="the same one everywhere")
    return -((answers - targets) ** 2 / variance).mean(1)
