"""Exact Shapley values of trees, computed by the package shap from the trees themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from xai.adapters.boosters import BoostedClassifier, BoostedTrees
from xai.adapters.sklearn import EstimatorFunction, estimator_of
from xai.adapters.tree_columns import columns_made_of
from xai.adapters.tree_values import block_values
from xai.base.errors import InputError, names_errors, one_line
from xai.base.extras import import_extra
from xai.inputs.table import TabularInput
from xai.results.explanation import Explanation

if TYPE_CHECKING:
    from xai.model.model import Model

__all__ = ["tree_shap"]

CLOSE = 1e-4  # of the spread of the answers: trees of LightGBM and XGBoost compute in float32


@names_errors("tree_shap")
def tree_shap(model: Model, inputs: object, target: object = None, *, background: object) -> Explanation:
    """Return the Shapley value of each column for a tree, a forest or boosted trees: exact, and fast.

    The values are those of `kernel_shap` with the same background: what a hidden column holds comes from its rows. Of
    trees that answer with numbers or shares (a decision tree, a forest, any regression) they are of the answer itself.
    Boosted classifiers add up log-odds, not probabilities, so the values are of the log-odds of one class rather than
    another. What they add up to is held against what the model answers; where that is something else, they are refused.

    Args:
        model: Of a tree, from `from_sklearn`: of columns of numbers, or behind a pipeline that makes each column that
            its trees see of one column of the table (categories in one-hot blocks or as numbers, dates, scales, gaps
            filled). What is made of one column is one player, so that its value is exact as well.
        inputs: Rows, (N, columns), or a DataFrame.
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class. Of boosted
            classifiers always a rather than b: None is the predicted class rather than the next.
        background: Rows of data, (B, columns) or a DataFrame; a hundred are plenty.

    Returns:
        values: (N, columns), signed, in units of the answer, or of log-odds.

    Raises:
        InputError: shap is not installed, the model is no tree that it knows, or the target is no pair where it must.
        TargetError: There is no such target.

    Source: Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9.

    >>> import xai
    >>> from sklearn.tree import DecisionTreeRegressor
    >>> rows = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    >>> model = xai.from_sklearn(DecisionTreeRegressor().fit(rows, [0.0, 0.0, 0.0, 4.0]), rows)
    >>> xai.tree_shap(model, [[1.0, 1.0]], background=rows).values  # doctest: +SKIP
    tensor([[1.5000, 1.5000]])
    """
    asked = _tree_of(model)
    shap = import_extra("shap", "trees")
    table, reference = model.prepare(inputs), model.prepare(background, "background")
    found = _raw_values(shap, asked, table, reference)
    answers = [model.predict(rows).double() for rows in (table, reference)]
    added = model.output == "probabilities" and found.shape[2] != answers[0].shape[1]
    added = added or _gap(found, answers) > CLOSE
    if not added:
        return _explained(model, table, reference, found, target, None)
    if model.task not in ("classification", "binary"):
        raise InputError("model", expected="trees whose values add up to the answer", got=f"task {model.task!r}")
    if found.shape[2] == 1:  # the log-odds of the second of two classes
        found = torch.cat([-found, found], 2) / 2
    logs = [answer.clamp_min(torch.finfo(torch.float64).tiny).log() for answer in answers]
    pairs = _pairs(target, answers[0])
    return _explained(model, table, reference, found, pairs, logs)


def _tree_of(model: Model) -> EstimatorFunction:
    asked = estimator_of(model)
    if asked is None or not model.input.tabular:
        raise InputError("model", expected="a tree from xai.from_sklearn", got=repr(model))
    table = TabularInput.of(model.input)
    words = [] if getattr(asked.estimator, "steps", None) else [*table.categorical, *table.dates]
    if words or table.groups:
        wanted = "trees of columns of numbers, or behind a pipeline, without groups (kernel_shap takes any model)"
        raise InputError("model", expected=wanted, got=f"the column {[*words, *table.groups][0]!r}")
    return asked


def _raw_values(shap: Any, asked: EstimatorFunction, rows: Tensor, reference: Tensor) -> Tensor:
    """Return what each column adds to each output of the trees, (N, columns, outputs), in float64."""
    if getattr(asked.estimator, "steps", None):
        return _behind_pipeline(shap, asked, rows, reference)
    frame, data = (asked.frames.of(part.numpy()) for part in (rows, reference))
    booster = asked.estimator.booster if isinstance(asked.estimator, BoostedTrees) else asked.estimator
    if isinstance(asked.estimator, BoostedClassifier) and asked.answers.outputs > 2:
        columns = np.arange(rows.shape[1])
        return _by_block(shap, booster, rows.numpy(), reference.numpy(), columns, asked.answers.outputs)
    try:
        explainer = shap.TreeExplainer(booster, data, feature_perturbation="interventional")
        values = np.asarray(explainer.shap_values(frame, check_additivity=False), dtype=np.float64)
    except Exception as error:  # of kinds of its own
        raise InputError("model", expected="trees that shap knows", got=one_line(error)) from error
    made = torch.from_numpy(values)
    return made if made.ndim == 3 else made[:, :, None]


def _behind_pipeline(shap: Any, asked: EstimatorFunction, rows: Tensor, reference: Tensor) -> Tensor:
    """Return the values of the table's columns, each with all that the pipeline makes of it."""
    steps, tree = asked.estimator[:-1], asked.estimator[-1]

    def made(values: np.ndarray) -> np.ndarray:
        found = steps.transform(asked.frames.of(values))
        found = found.toarray() if hasattr(found, "toarray") else found
        return np.asarray(found, dtype=np.float64)

    table, behind = rows.numpy(), reference.numpy()
    owner = columns_made_of(made, np.concatenate([table, behind]))
    return _by_block(shap, tree, made(table), made(behind), owner, asked.answers.outputs, table.shape[1])


def _by_block(
    shap: Any,
    tree: Any,
    rows: np.ndarray,
    behind: np.ndarray,
    owner: np.ndarray,
    outputs: int,
    players: int | None = None,
) -> Tensor:
    """Return the values of blocks of columns, by trees as shap reads them."""
    try:
        trees = shap.TreeExplainer(tree, behind, feature_perturbation="interventional").model
    except Exception as error:  # of kinds of its own
        raise InputError("model", expected="trees that shap knows", got=one_line(error)) from error
    values = block_values(trees, rows, behind, owner, players or rows.shape[1], outputs)
    return torch.from_numpy(values)


def _gap(found: Tensor, answers: list[Tensor]) -> float:
    """Return how far the values are from adding up to the answers, in units of the answers' spread."""
    rise = answers[0] - answers[1].mean(0)
    std = float(torch.cat(answers).std(0).max().clamp_min(1e-12))
    return float((found.sum(1) - rise).abs().max()) / std


def _pairs(target: object, answers: Tensor) -> list[tuple[int, int]]:
    """Return a rather than b for each row: as asked, or the predicted class rather than the next."""
    if target is None:
        return [(first, second) for first, second in answers.topk(2, 1).indices.tolist()]
    pairs = [target] * len(answers) if isinstance(target, tuple) else target
    wanted = "(a, b), a rather than b, since boosted trees add up log-odds"
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise InputError("target", expected=wanted, got=repr(target))
    return pairs


def _explained(
    model: Model, rows: Tensor, reference: Tensor, found: Tensor, target: object, logs: list[Tensor] | None
) -> Explanation:
    """Return the values of the target; of pairs those of a minus those of b. logs: log-probabilities, where meant."""
    of = "output" if logs is None else "log_probability"
    with model.explaining("tree_shap", rows, target) as session:
        index, against = session.target.index, session.target.against
        labels = session.target.labels()
    position = torch.arange(len(rows))
    values = found[position, :, index.cpu()]
    if against is not None:
        values = values - found[position, :, against.cpu()]
    if logs is not None and against is not None:
        rise = [log[:, index] - log[:, against] for log in (logs[0], logs[1])]
        of_class, middle = rise[0].diagonal(), rise[1].mean(0)
        off = float((values.sum(1) - (of_class - middle)).abs().max()) / max(float(rise[1].std(correction=0)), 1e-12)
        if off > CLOSE:
            got = f"ones that are off by {off:.2g} of its spread"
            raise InputError("model", expected="trees whose values add up to the answer or its log-odds", got=got)
    made = Explanation.of(
        model, rows, values.to(rows.dtype), list(labels), claim="additive", method="tree_shap", of=of,
        baseline=reference.nan_to_num().mean(0),
    )  # fmt: skip
    return replace(made, background=reference[:, None].clone(), baseline="data")
