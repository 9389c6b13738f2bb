"""How well a model does on labelled inputs: scores with intervals, per class, and against the rows it learned from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from xai.auditing.checks.group_tests import wholly_wrong
from xai.auditing.checks.new_rows import by_metadata
from xai.auditing.checks.performance_counts import LabelPerformance, Performance, Scored
from xai.auditing.finding_figures import bars, table
from xai.auditing.kinds import class_names
from xai.auditing.row_metadata import weights_of
from xai.auditing.scores import ONE_CLASS, SCORES, balanced_skill, confusion_cells, confusion_matrix, mean_recall
from xai.auditing.split import Prepared, Split
from xai.auditing.verdicts import Measured, Untestable, tested
from xai.base.errors import InputError, names_errors
from xai.base.statistics import ALPHA, bootstrap_confusion, wilson
from xai.base.weighted_statistics import (
    bootstrap_weighted_confusion,
    effective_count,
    mean_interval,
    mean_of,
    weighted_mean,
    wilson_of_share,
)  # fmt: skip
from xai.model.labels import as_labels, check_outputs
from xai.model.model import Model
from xai.results.finding import Finding

__all__ = ["losses", "measure_performance", "performance"]

WORST = 6  # errors that a report explains


@names_errors("measure_performance")
def measure_performance(model: Model, inputs: object, labels: object) -> Scored:
    """Return how a classifier does on labelled inputs.

    Args:
        model: The classifier, of one class or of several labels.
        inputs: (N, ...), in any form that the model takes.
        labels: Numbers of classes (N,), or their names; of several labels 0 and 1 for each, (N, K).

    Raises:
        InputError: Anything else.
    """
    if model.task not in (*ONE_CLASS, "multilabel"):
        raise InputError("model", expected="a classifier", got=f"task {model.task!r}")
    probabilities = model.predict(inputs).cpu()
    outputs = probabilities.shape[1]
    labels = as_labels(model, labels, len(probabilities))
    check_outputs(labels, outputs)
    if model.task == "multilabel":
        names = tuple(class_names(model, outputs))
        return LabelPerformance(names, labels > 0.5, probabilities > 0.5, probabilities)
    predicted = probabilities.argmax(1)
    confusion = torch.zeros(outputs, outputs, dtype=torch.long)
    confusion.index_put_((labels, predicted), torch.ones_like(predicted), accumulate=True)
    names = tuple(class_names(model, outputs))
    return Performance(names, labels, predicted, probabilities, confusion)


def performance(model: Model, data: Prepared, *, seed: int = 0) -> list[Finding]:
    """Return whether the model has learned the task, does as well on rows it had not seen, and finds every class.

    Skill is the way from guessing (0) to perfect (1): of the mean recall over classes, or R² of a regression. Intervals
    are bootstrapped over rows. Rows that stand for unequal numbers of rows count by weight. Where it is said
    whose rows they are, when they were and how many each stands for, the score is also taken on new entities, on the
    latest rows and by weight.
    """
    return [
        tested("performance.skill", _skill, data.held_out, seed),
        tested("performance.overfitting", _overfitting, data.held_out, data.train, seed),
        tested("performance.classes", _classes, model, data.held_out),
        *by_metadata(data, seed),
    ]


def _skill(split: Split, seed: int) -> Measured:
    hardest = losses(split).argsort(descending=True, stable=True)[:WORST]
    details: dict[str, object] = {
        "tables": [table("Scores on held-out rows", _scores(split, seed))],
        "worst": split.index[hardest].tolist(),
    }
    if lost := wholly_wrong(split):  # said here too, for audits without the chapter on groups
        details["wholly_wrong"] = lost
    weights = split.weights
    effective = None if weights is None else effective_count(weights)
    if split.task == "regression":
        skill, interval = _score(split), mean_interval(split.weighed_quality, weights, seed)
        return Measured(skill, interval, {"skill": skill}, details, "regression", effective=effective)
    if split.task == "multilabel":
        called, labels = split.prediction > 0.5, split.labels > 0.5
        pairs = [(called[:, k], labels[:, k]) for k in range(split.outputs)]
        ends = np.array([_confused(*pair, 2, weights, balanced_skill, seed) for pair in pairs])
        tables = [confusion_matrix(*pair, 2, weights) for pair in pairs]
        skill = float(np.mean([balanced_skill(item[None])[0] for item in tables]))
        interval = (float(np.mean(ends[:, 0])), float(np.mean(ends[:, 1])))
        return Measured(skill, interval, {"skill": skill}, details, "multilabel", effective=effective)
    confusion = confusion_matrix(split.predicted, split.labels, split.outputs, weights)
    skill = float(balanced_skill(confusion[None])[0])
    details["confusion"] = confusion.tolist()
    facts = {"right": _score(split), "skill": skill, "classes": int((confusion.sum(1) > 0).sum())}
    interval = _confused(split.predicted, split.labels, split.outputs, weights, balanced_skill, seed)
    return Measured(skill, interval, facts, details, effective=effective)


def _score(split: Split) -> float:
    """Return the accuracy of a part, or its R², by weight where rows have weights."""
    weights = split.weights
    return float(split.quality.mean()) if weights is None else weighted_mean(split.weighed_quality, weights)


def _confused(
    predicted: Tensor, labels: Tensor, classes: int, weights: np.ndarray | None, statistic: Callable, seed: int
) -> tuple[float, float]:
    """Return the interval of a statistic of a confusion matrix, by weight where rows have weights."""
    if weights is None:
        return bootstrap_confusion(confusion_matrix(predicted, labels, classes), statistic, seed)
    cells = confusion_cells(predicted, labels, classes).numpy()
    return bootstrap_weighted_confusion(cells, weights, classes, statistic, seed)


def _overfitting(held_out: Split, train: Split | None, seed: int) -> Measured:
    if train is None:
        raise Untestable("no_training_rows")
    weights = weights_of([train.metadata, held_out.metadata])
    seen, unseen = (part.quality.numpy() if weights is None else part.weighed_quality for part in (train, held_out))
    by = (None, None) if weights is None else (weights[: len(seen)], weights[len(seen) :])
    means = {"learned from": mean_of(seen, by[0]), "held out": mean_of(unseen, by[1])}
    reach = float(np.quantile(np.abs(_split_at_random(seen, unseen, weights, seed)), 1 - ALPHA))
    score = SCORES[held_out.task]
    details = {
        "train": means["learned from"], "held_out": means["held out"], "control_reach": reach,
        "panels": [bars(f"{score} by part", "", score, {"model": list(means.values())}, list(means))],
    }  # fmt: skip
    facts = {"score": score, "train": means["learned from"], "held_out": means["held out"], "reach": reach}
    interval = mean_interval(seen, by[0], seed, unseen, by[1])
    effective = None if weights is None else effective_count(weights)
    return Measured(means["learned from"] - means["held out"], interval, facts, details, effective=effective)


def _split_at_random(seen: np.ndarray, unseen: np.ndarray, weights: np.ndarray | None, seed: int) -> list[float]:
    """Return the control of a difference of means: the same rows, split at random into two parts of these sizes."""
    both, generator = np.concatenate([seen, unseen]), np.random.default_rng(seed)
    differences, order = [], np.arange(len(both))
    for _ in range(199):
        generator.shuffle(both if weights is None else order)
        first, second = order[: len(seen)], order[len(seen) :]
        by = (None, None) if weights is None else (weights[first], weights[second])
        differences.append(mean_of(both[first], by[0]) - mean_of(both[second], by[1]))
    return differences


def _classes(model: Model, split: Split) -> Measured:
    if split.task not in ONE_CLASS:
        raise Untestable("no_classes", task=split.task)
    confusion = confusion_matrix(split.predicted, split.labels, split.outputs)
    members = confusion.sum(1)
    weights = split.weights
    present = np.flatnonzero(members if weights is None else np.bincount(split.labels, weights, split.outputs))
    if len(present) < 2:
        raise Untestable("one_class")
    names, even = class_names(model, split.outputs), len(present)
    found = []
    for number in present:
        # As many intervals as classes: each is wide enough that all of them hold together.
        recall, low, high = _recall(split, confusion, number, weights, 1 - ALPHA / len(present))
        found.append((recall * even, low * even, high * even, number))
    recall, low, high, worst = min(found, key=lambda item: (item[2], item[0]))
    lines = [
        {"class": names[number], "rows": int(members[number]), "found": share / even} for share, _, _, number in found
    ]
    facts = {"worst": names[worst], "recall": recall / even, "classes": even}
    details = {"class": names[worst], "tables": [table("Found by class", lines)]}
    effective = None if weights is None else effective_count(weights)
    return Measured(recall, (low, high), facts, details, effective=effective)


def _recall(
    split: Split, confusion: np.ndarray, number: int, weights: np.ndarray | None, confidence: float
) -> tuple[float, float, float]:
    """Return the share of a class that is found, with its interval, by weight where rows have weights."""
    if weights is None:
        right, members = int(confusion[number, number]), int(confusion[number].sum())
        return right / members, *wilson(right, members, confidence)
    rows = (split.labels == number).numpy()
    share = weighted_mean((split.predicted == number).numpy()[rows].astype(np.float64), weights[rows])
    return share, *wilson_of_share(share, effective_count(weights[rows]), confidence)


def _scores(split: Split, seed: int) -> list[dict[str, object]]:
    """Return the usual scores of a task, with intervals where a row has its own share in them."""
    from sklearn import metrics

    labels, predicted, weights = split.labels.numpy(), split.prediction.numpy(), split.weights
    lines = []

    def line(name: str, value: float, interval: tuple[float, float] | None = None) -> None:
        low, high = interval or (float("nan"), float("nan"))
        lines.append({"score": name, "value": float(value), "95 % low": low, "95 % high": high})

    def mean(name: str, values: np.ndarray) -> None:
        line(name, mean_of(values, weights), mean_interval(values, weights, seed))

    line(SCORES[split.task], _score(split), mean_interval(split.weighed_quality, weights, seed))
    if split.task == "regression":
        mean("mean absolute error", np.abs(labels - predicted).mean(1))
        line("root mean squared error", float(np.sqrt(_mean_square(labels - predicted, weights))))
        return lines
    mean("log loss", losses(split).numpy())
    by = {"sample_weight": weights}
    if split.task == "multilabel":
        pair = (labels > 0.5, predicted > 0.5)
        line("F1 over all labels", metrics.f1_score(*pair, average="micro", zero_division=0, **by))
        return lines
    confusion = confusion_matrix(split.predicted, split.labels, split.outputs, weights)
    recall = mean_recall(confusion[None])[0]
    interval = _confused(split.predicted, split.labels, split.outputs, weights, mean_recall, seed)
    line("mean recall over classes", recall, interval)
    f1 = metrics.f1_score(labels, predicted.argmax(1), average="macro", zero_division=0, **by)
    line("F1, mean over classes", f1)
    if split.outputs == 2 and len(set(labels.tolist())) == 2:
        line("area under the ROC curve", metrics.roc_auc_score(labels, predicted[:, 1], **by))
    return lines


def _mean_square(errors: np.ndarray, weights: np.ndarray | None) -> float:
    return float((errors**2).mean()) if weights is None else weighted_mean((errors**2).mean(1), weights)


def losses(split: Split) -> Tensor:
    """Return how wrong each answer is (N,): minus the log-probability of what is right, or the squared error."""
    if split.task == "regression":
        return (split.prediction - split.labels).pow(2).mean(1)
    tiny = torch.finfo(torch.float64).tiny
    if split.task == "multilabel":
        right = torch.where(split.labels > 0.5, split.prediction, 1 - split.prediction)
        return -right.clamp_min(tiny).log().sum(1)
    return -split.prediction.gather(1, split.labels[:, None])[:, 0].clamp_min(tiny).log()
