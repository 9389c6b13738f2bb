"""Fitted estimators of scikit-learn, and of what speaks its language (XGBoost, LightGBM), as models of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xai.adapters.boosters import as_estimator
from xai.adapters.estimator_answers import Answers, answers_of
from xai.adapters.estimator_frames import Frames
from xai.base.errors import InputError, describe, names_errors
from xai.base.frames import as_frame, is_frame
from xai.inputs.groups import plain_groups
from xai.inputs.table import TabularInput
from xai.inputs.table_columns import kinds_of_columns
from xai.model.model import Model
from xai.network.function_module import FunctionModule

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EstimatorFunction", "estimator_of", "fitted_names", "from_sklearn"]


class EstimatorFunction:
    """What a fitted estimator answers to rows of numbers, (N, K).

    Attributes:
        estimator: The fitted one.
        frames: How rows become what it was fitted to.
        answers: How it is asked.
    """

    def __init__(self, estimator: Any, frames: Frames, answers: Answers) -> None:
        self.estimator, self.frames, self.answers = estimator, frames, answers

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return self.answers.ask(self.frames.of(values))


@names_errors("from_sklearn")
def from_sklearn(
    estimator: Any,
    frame: object,
    target_names: Sequence[str] | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    *,
    name: str | None = None,
) -> Model:
    """Return a fitted estimator or pipeline as a model of the table that it was fitted to.

    Rows are handed over as they are: words, categories, booleans, dates, numbers with gaps. Explanations are of the
    table's own columns in their own units, whatever a pipeline makes of them (scales, one-hot blocks). A cell without a
    value is a value of its own where the frame has some in that column and the estimator takes it.

    Args:
        estimator: Of scikit-learn, XGBoost, LightGBM (a raw booster too) or any other with `predict`: a classifier (of
            its `predict_proba`, else of its `decision_function`, whose softmax is no calibrated probability), a
            regression, or a classifier of several labels at once.
        frame: Rows such as it was fitted to: a DataFrame of pandas, Polars or Arrow, or an array. They say which
            columns there are, what their words are, and where values are missing.
        target_names: Names of the classes or outputs, in the estimator's order; by default its own `classes_`.
        groups: Columns that are hidden and drawn together and get one value, such as a one-hot block, by the name of
            the group.
        name: What reports call it; by default the estimator's class, of a pipeline that of its last step.

    Returns:
        The model. Methods that need no gradient take it: LIME, Kernel SHAP, occlusion, the methods for the whole model,
        and audits; new rows may be frames.

    Raises:
        InputError: It is no fitted estimator, the frame lacks a column that it was fitted to, or it does not take a
            value that the frame has.

    >>> import pandas as pd
    >>> from sklearn.linear_model import LinearRegression
    >>> frame = pd.DataFrame({"age": [20.0, 30.0, 40.0], "height": [1.7, 1.8, 1.6]})
    >>> model = from_sklearn(LinearRegression().fit(frame, [2.0, 3.0, 4.0]), frame)
    >>> model.input.names, [round(float(value)) for value in model.predict(frame)]
    (['age', 'height'], [2, 3, 4])
    """
    if not hasattr(estimator, "predict") or isinstance(estimator, type):
        raise InputError("estimator", expected="a fitted one with predict", got=describe(estimator))
    estimator = as_estimator(estimator)
    rows = _frame_of(estimator, frame)
    fitted = _fitted_columns(estimator, rows)
    names = fitted or [str(column) for column in rows.columns]
    booleans = {column: ["False", "True"] for column in names if _is_boolean(rows[column])}
    kinds = kinds_of_columns([rows], names, booleans, "frame")
    table = TabularInput(names, groups=plain_groups(groups or {}, names), **kinds)
    frames = Frames(table, rows[names], named=fitted is not None)
    answers = answers_of(estimator, frames.of(table.exact(_telling(rows[names]), "frame").numpy()))
    classes = answers.names
    if target_names is not None:
        classes = list(map(str, target_names))
        if len(classes) != answers.outputs:
            raise InputError("target_names", expected=f"{answers.outputs} names", got=f"{len(classes)}")
        known = answers.names or classes
        if known != classes and set(known) == set(classes):
            raise InputError("target_names", expected=f"the estimator's own order {known}", got=f"{classes}")
    network = FunctionModule(EstimatorFunction(estimator, frames, answers))
    called = name or type(_last_step(estimator)).__name__
    return Model(network, task=answers.task, output=answers.output, classes=classes, input=table, name=called)


def estimator_of(model: Model) -> EstimatorFunction | None:
    """Return the estimator that a model was made of, None where it was made of something else."""
    function = getattr(model.network, "function", None)
    return function if isinstance(function, EstimatorFunction) else None


def _frame_of(estimator: Any, frame: object) -> pd.DataFrame:
    import pandas as pd

    if is_frame(frame):
        rows = as_frame(frame, "frame")
        rows = rows.set_axis([str(column) for column in rows.columns], axis=1)
    else:
        values = np.asarray(frame)
        if values.ndim != 2:
            raise InputError("frame", expected="a DataFrame, or rows (N, columns)", got=describe(frame))
        named = fitted_names(estimator)
        names = named if named is not None and len(named) == values.shape[1] else None
        rows = pd.DataFrame(values, columns=names or [f"x{number}" for number in range(values.shape[1])])
    if not len(rows):
        raise InputError("frame", expected="at least one row", got="none")
    twice = rows.columns[rows.columns.duplicated()]
    if len(twice):
        raise InputError("frame", expected="columns of distinct names", got=f"{twice[0]!r} twice")
    return rows


def fitted_names(estimator: Any) -> list[str] | None:
    """Return the names of the columns that an estimator was fitted to, None where it was fitted to an array."""
    try:
        names = getattr(estimator, "feature_names_in_", None)
    except Exception:  # XGBoost raises where it was fitted to no names
        return None
    return None if names is None else [str(name) for name in names]


def _fitted_columns(estimator: Any, rows: pd.DataFrame) -> list[str] | None:
    """Return the names that an estimator was fitted to, None where it was fitted to places."""
    named = fitted_names(estimator)
    known = [str(column) for column in rows.columns]
    if named is not None and set(named) & set(known):
        missing = [name for name in named if name not in known]
        if missing:
            raise InputError(
                "frame", expected=f"the columns that it was fitted to, among them {missing[0]!r}", got="none"
            )
        return named
    width = getattr(estimator, "n_features_in_", len(known))
    if width != len(known):
        raise InputError("frame", expected=f"the {width} columns that it was fitted to", got=f"{len(known)}")
    return None


def _is_boolean(column: pd.Series) -> bool:
    import pandas as pd

    known = column.dropna()
    return pd.api.types.is_bool_dtype(column.dtype) or (
        column.dtype.kind == "O" and len(known) > 0 and all(isinstance(item, bool | np.bool_) for item in known)
    )


def _telling(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a few rows in which every column is missing once, where it is missing somewhere."""
    positions = {0, *range(min(4, len(rows)))}
    for column in rows.columns:
        gaps = rows[column].isna().to_numpy()
        if gaps.any():
            positions.add(int(gaps.argmax()))
    return rows.iloc[sorted(positions)]


def _last_step(estimator: Any) -> Any:
    steps = getattr(estimator, "steps", None)
    return steps[-1][1] if steps else estimator
