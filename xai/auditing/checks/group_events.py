"""What may happen to a row, by group: it is called something, labelled, found, answered wrongly; for every task."""

from __future__ import annotations

import numpy as np
import torch

from xai.auditing.kinds import class_names
from xai.auditing.scores import ONE_CLASS
from xai.auditing.split import Split
from xai.model.model import Model

__all__ = ["called", "found", "labelled", "residuals", "wrong_answers", "wrongly"]

MOST_CLASSES = 20
ABOVE = "above the median"
Events = dict[str, np.ndarray]


def labelled(model: Model, parts: list[Split]) -> Events:
    """Return by name which rows (N,) of all parts are labelled what: 1.0 or 0.0."""
    return _named(model, parts, [part.labels for part in parts])


def called(model: Model, parts: list[Split]) -> Events:
    """Return by name which rows (N,) of all parts the model calls what: 1.0 or 0.0.

    A class; of several labels each that is more likely than not; of a regression, a value above its median.
    """
    one_class = parts[0].task in ONE_CLASS
    return _named(model, parts, [part.predicted if one_class else part.prediction for part in parts])


def found(model: Model, split: Split) -> Events:
    """Return by name which rows (N,) of a label are also predicted so, 1.0 or 0.0; NaN for rows without the label."""
    truth, answers = labelled(model, [split]), called(model, [split])
    return {name: np.where(truth[name] == 1, answers[name], np.nan) for name in truth}


def wrongly(model: Model, split: Split) -> Events:
    """Return which rows (N,) are answered wrongly; of several labels, also each of them."""
    events = {"answered wrongly": wrong_answers(split)}
    if split.task == "multilabel" and split.outputs <= MOST_CLASSES:
        wrong = ((split.prediction > 0.5) != (split.labels > 0.5)).double().numpy()
        names = class_names(model, split.outputs)
        events |= {f'answered wrongly in "{name}"': wrong[:, number] for number, name in enumerate(names)}
    return events


def wrong_answers(split: Split) -> np.ndarray:
    """Return 1.0 where an answer is wrong; of a regression, where its error is among the largest quarter."""
    if split.task != "regression":
        return 1 - split.quality.numpy()
    errors = (split.prediction - split.labels).abs().mean(1).numpy()
    return (errors > np.quantile(errors, 0.75)).astype(np.float64)


def residuals(model: Model, split: Split) -> Events:
    """Return by name the probability minus the outcome (1 or 0), or the error in standard deviations of the labels."""
    if split.task == "regression":
        std = split.labels.double().std(0).clamp_min(1e-12)
        errors = ((split.prediction - split.labels) / std).numpy()
        return {name: errors[:, number] for number, name in enumerate(_values(split.outputs))}
    truth = labelled(model, [split])
    names = class_names(model, split.outputs)
    return {name: split.prediction[:, names.index(name)].numpy() - truth[name] for name in truth}


def _named(model: Model, parts: list[Split], values: list[torch.Tensor]) -> Events:
    split, whole = parts[0], torch.cat(values)
    if split.task in ONE_CLASS:
        names = class_names(model, split.outputs)
        # Of two classes the second alone, since the first is what is left.
        numbers = [1] if split.outputs == 2 else range(min(split.outputs, MOST_CLASSES))
        return {names[number]: (whole == number).double().numpy() for number in numbers}
    if split.task == "multilabel":
        names = class_names(model, split.outputs)[:MOST_CLASSES]
        return {name: (whole[:, number] > 0.5).double().numpy() for number, name in enumerate(names)}
    above = (whole > whole.median(0).values).double().numpy()
    return {
        ABOVE if split.outputs == 1 else f"{name} {ABOVE}": above[:, number]
        for number, name in enumerate(_values(split.outputs))
    }


def _values(outputs: int) -> list[str]:
    """Return what the values of a regression are called."""
    return ["the answer"] if outputs == 1 else [f"value {number + 1}" for number in range(min(outputs, MOST_CLASSES))]
