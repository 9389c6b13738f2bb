"""What a fitted estimator answers, as scores (N, K) whose meaning is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from xai.base.errors import InputError, describe_error

__all__ = ["Answers", "answers_of"]

Rows = Any


@dataclass(frozen=True)
class Answers:
    """How an estimator is asked.

    Attributes:
        ask: From rows as it takes them to (N, outputs) in float64.
        task: As of `Model`.
        output: As of `Model`.
        outputs: How many there are.
        names: Of the classes or outputs, None where they have none.
    """

    ask: Callable[[Rows], np.ndarray]
    task: str
    output: str
    outputs: int
    names: list[str] | None = None


def answers_of(estimator: Any, rows: Rows) -> Answers:
    """Return how an estimator is asked, found out on some rows such as it was fitted to.

    Raises InputError where it is not fitted, does not take the rows, or predicts several things of several classes.
    """
    if not _is_classifier(estimator):
        found = _tried(lambda: _columns(estimator.predict(rows)))
        return Answers(lambda rows: _columns(estimator.predict(rows)), "regression", "logits", found.shape[1])
    if not hasattr(estimator, "predict_proba"):
        return _of_decisions(estimator, rows)
    found = _tried(lambda: estimator.predict_proba(rows))
    if isinstance(found, list):  # several labels, each with the probabilities of its classes
        if any(np.asarray(part).shape[1] != 2 for part in found):
            wanted = "labels that are there or not (explain one output of several classes at a time)"
            raise InputError("estimator", expected=wanted, got="one that predicts several things of several classes")
        return Answers(
            lambda rows: np.stack([_columns(part)[:, 1] for part in estimator.predict_proba(rows)], 1),
            "multilabel", "probabilities", len(found),
        )  # fmt: skip
    shape = _columns(found)
    one_of = shape.shape[1] > 1 and bool(np.allclose(shape.sum(1), 1, atol=1e-4)) and not _several_labels(estimator)
    task = "classification" if one_of else "multilabel"
    names = _class_names(estimator, shape.shape[1])
    return Answers(lambda rows: _columns(estimator.predict_proba(rows)), task, "probabilities", shape.shape[1], names)


def _of_decisions(estimator: Any, rows: Rows) -> Answers:
    if not hasattr(estimator, "decision_function"):
        got = type(estimator).__name__
        raise InputError("estimator", expected="a classifier with predict_proba or decision_function", got=got)
    found = _tried(lambda: _columns(estimator.decision_function(rows)))
    task = "binary" if found.shape[1] == 1 else "multilabel" if _several_labels(estimator) else "classification"
    outputs = 2 if task == "binary" else found.shape[1]
    names = _class_names(estimator, outputs)
    return Answers(lambda rows: _columns(estimator.decision_function(rows)), task, "logits", outputs, names)


def _is_classifier(estimator: Any) -> bool:
    try:
        if getattr(estimator, "classes_", None) is not None:
            return True
    except Exception:  # a pipeline asks its last step, which may not have it
        pass
    return hasattr(estimator, "predict_proba") or getattr(estimator, "_estimator_type", None) == "classifier"


def _several_labels(estimator: Any) -> bool:
    """Say whether an estimator was fitted to rows of 0 and 1, one for each label."""
    inner = estimator.steps[-1][1] if getattr(estimator, "steps", None) else estimator
    return bool(getattr(inner, "multilabel_", False)) or (
        getattr(inner, "out_activation_", "") == "logistic" and (len(getattr(inner, "classes_", ())) > 2)
    )


def _class_names(estimator: Any, outputs: int) -> list[str] | None:
    try:
        known = estimator.classes_
    except Exception:
        return None
    if isinstance(known, list) or np.ndim(known) != 1 or len(known) != outputs:
        return None
    return [str(item) for item in known]


def _columns(answers: Any) -> np.ndarray:
    values = answers.to_numpy() if hasattr(answers, "to_numpy") else np.asarray(answers)
    values = np.asarray(values, dtype=np.float64)
    return values[:, None] if values.ndim == 1 else values


def _tried(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except Exception as error:  # of any library, with words of its own
        got = describe_error(error)
        raise InputError("estimator", expected="a fitted one that takes the rows of the frame", got=got) from error
