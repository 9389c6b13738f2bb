"""How well a model does on labelled inputs: scores with intervals, per class, and against the rows it learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from xai.auditing.audit_data import Prepared, Rows
from xai.auditing.correctness import SCORES
from xai.auditing.finding_figures import bars, table
from xai.auditing.limits import ALPHA, judge, untestable
from xai.base.errors import InputError, names_errors
from xai.base.statistics import bootstrap_confusion, bootstrap_mean, wilson
from xai.model.labels import as_labels, check_outputs
from xai.model.model import Model
from xai.results.finding import Finding

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Performance", "balanced_skill", "measure_performance", "performance"]

WORST = 6  # errors that a report explains


@dataclass(frozen=True)
class Performance:
    """Counts of a classifier on n labelled inputs; `confusion[i, j]` of class i were called class j."""

    classes: tuple[str, ...]
    labels: Tensor
    predicted: Tensor
    probability: Tensor
    confusion: Tensor

    @property
    def count(self) -> int:
        return len(self.labels)

    @property
    def accuracy(self) -> float:
        return float((self.labels == self.predicted).double().mean())

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % Wilson interval of the accuracy."""
        return wilson(int((self.labels == self.predicted).sum()), self.count)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per class that occurs: its name, count, recall with its 95 % interval, precision."""
        import pandas as pd

        rows = []
        for number, name in enumerate(self.classes):
            right, members = int(self.confusion[number, number]), int(self.confusion[number].sum())
            called = int(self.confusion[:, number].sum())
            if members or called:
                low, high = wilson(right, members) if members else (float("nan"), float("nan"))
                rows.append(
                    {
                        "class": name,
                        "count": members,
                        "recall": right / members if members else float("nan"),
                        "low": low,
                        "high": high,
                        "precision": right / called if called else float("nan"),
                    }
                )
        return pd.DataFrame(rows)


@names_errors("measure_performance")
def measure_performance(model: Model, inputs: object, labels: object) -> Performance:
    """Return how a classifier does on labelled inputs.

    inputs: (N, ...) as the model takes them. labels: class numbers (N,) or names. Raises InputError for others.
    """
    if model.task not in ("classification", "binary"):
        raise InputError("model", expected="a classifier", got=f"task {model.task!r}")
    probabilities = model.predict(inputs).cpu()
    outputs = probabilities.shape[1]
    labels = as_labels(model, labels, len(probabilities))
    check_outputs(labels, outputs)
    predicted = probabilities.argmax(1)
    confusion = torch.zeros(outputs, outputs, dtype=torch.long)
    confusion.index_put_((labels, predicted), torch.ones_like(predicted), accumulate=True)
    names = tuple(model.classes or (str(number) for number in range(outputs)))
    return Performance(names, labels, predicted, probabilities, confusion)


def performance(model: Model, data: Prepared, *, seed: int = 0) -> list[Finding]:
    """Return whether the model has learned the task, does as well on rows it had not seen, and finds every class.

    Skill is the way from guessing (0) to perfect (1): of the mean recall over classes, or R² of a regression. Intervals
    are bootstrapped over rows.
    """
    held_out = data.held_out
    return [_skill(held_out, seed), _overfitting(held_out, data.train, seed), _classes(model, held_out)]


def _skill(rows: Rows, seed: int) -> Finding:
    name = "performance.skill"
    losses = _losses(rows)
    details: dict[str, object] = {
        "tables": [table("Scores on held-out rows", _scores(rows, seed))],
        "worst": rows.places[losses.argsort(descending=True, stable=True)[:WORST]].tolist(),
    }
    if rows.task == "regression":
        skill, interval = float(rows.quality.mean()), bootstrap_mean(rows.quality.numpy(), seed)
        control = "always answering the mean, which has R² 0"
        text = f"The model explains {100 * skill:.0f} % of the variance of held-out goals (R²)."
        return judge(name, skill, interval, control, text, details)
    if rows.task == "multilabel":
        tables = [_confusion(rows.prediction[:, k] > 0.5, rows.labels[:, k] > 0.5, 2) for k in range(rows.outputs)]
        parts = [bootstrap_confusion(item, balanced_skill, seed) for item in tables]
        skill = float(np.mean([balanced_skill(item[None])[0] for item in tables]))
        interval = (float(np.mean([low for low, _ in parts])), float(np.mean([high for _, high in parts])))
        control = "guessing each label, which finds half of both answers"
        text = f"Over its labels, the model goes {100 * skill:.0f} % of the way from guessing to perfect."
        return judge(name, skill, interval, control, text, details)
    confusion = _confusion(rows.predicted, rows.labels, rows.outputs)
    skill = float(balanced_skill(confusion[None])[0])
    interval = bootstrap_confusion(confusion, balanced_skill, seed)
    details["confusion"] = confusion.tolist()
    present = int((confusion.sum(1) > 0).sum())
    control = f"guessing, which finds 1 in {present} of each class"
    text = (
        f"The model is right on {100 * float(rows.quality.mean()):.1f} % of held-out rows and, class by class, goes "
        f"{100 * skill:.0f} % of the way from guessing to perfect."
    )
    return judge(name, skill, interval, control, text, details)


def _overfitting(held_out: Rows, train: Rows | None, seed: int) -> Finding:
    name = "performance.overfitting"
    if train is None:
        return untestable(name, "the rows that the model learned from were not given.")
    seen, unseen = train.quality.numpy(), held_out.quality.numpy()
    gap = float(seen.mean() - unseen.mean())
    interval = bootstrap_mean(seen, seed, minus=unseen)
    # The control: the same rows, dealt at random into two parts of these sizes.
    both = np.concatenate([seen, unseen])
    generator = np.random.default_rng(seed)
    dealt = []
    for _ in range(199):
        generator.shuffle(both)
        dealt.append(both[: len(seen)].mean() - both[len(seen) :].mean())
    reach = float(np.quantile(np.abs(dealt), 1 - ALPHA))
    score = SCORES[held_out.task]
    details = {
        "train": float(seen.mean()), "held_out": float(unseen.mean()), "control_reach": reach,
        "panels": [bars(f"{score} by part", "", score, {"model": [seen.mean(), unseen.mean()]},
                        ["learned from", "held out"])],
    }  # fmt: skip
    control = f"rows dealt at random into two such parts differ by at most {reach:.3f} in 95 of 100 deals"
    text = f"Its {score} is {seen.mean():.3f} on rows it learned from and {unseen.mean():.3f} on held-out ones."
    return judge(name, gap, interval, control, text, details)


def _classes(model: Model, rows: Rows) -> Finding:
    name = "performance.classes"
    if rows.task not in ("classification", "binary"):
        return untestable(name, f"a {rows.task} model has no classes to tell apart.")
    confusion = _confusion(rows.predicted, rows.labels, rows.outputs)
    members = confusion.sum(1)
    present = np.flatnonzero(members)
    if len(present) < 2:
        return untestable(name, "held-out rows of only one class were given.")
    names = model.classes or [str(number) for number in range(rows.outputs)]
    found = []
    for number in present:
        right = int(confusion[number, number])
        # As many intervals as classes: each is wide enough that all of them hold together.
        low, high = wilson(right, int(members[number]), 1 - ALPHA / len(present))
        found.append((right / members[number] * len(present), low * len(present), high * len(present), number))
    least = min(found, key=lambda item: (item[2], item[0]))
    worst = names[least[3]]
    lines = [
        {"class": names[number], "rows": int(members[number]), "found": share / len(present)}
        for share, _, _, number in found
    ]
    control = f"guessing evenly finds 1 in {len(present)} of each class; intervals hold for all classes together"
    text = f"Of the class it finds least often, {worst}, it finds {100 * least[0] / len(present):.0f} %."
    details = {"class": worst, "tables": [table("Found by class", lines)]}
    return judge(name, least[0], (least[1], least[2]), control, text, details)


def _scores(rows: Rows, seed: int) -> list[dict[str, object]]:
    """Return the usual scores of a task, with intervals where a row has its own share in them."""
    from sklearn import metrics

    goals, said = rows.labels.numpy(), rows.prediction.numpy()
    lines = []

    def line(name: str, value: float, interval: tuple[float, float] | None = None) -> None:
        low, high = interval or (float("nan"), float("nan"))
        lines.append({"score": name, "value": float(value), "95 % low": low, "95 % high": high})

    line(SCORES[rows.task], float(rows.quality.mean()), bootstrap_mean(rows.quality.numpy(), seed))
    if rows.task == "regression":
        errors = np.abs(goals - said).mean(1)
        line("mean absolute error", errors.mean(), bootstrap_mean(errors, seed))
        line("root mean squared error", float(np.sqrt(((goals - said) ** 2).mean())))
        return lines
    loss = _losses(rows).numpy()
    line("log loss", loss.mean(), bootstrap_mean(loss, seed))
    if rows.task == "multilabel":
        line("F1 over all labels", metrics.f1_score(goals > 0.5, said > 0.5, average="micro", zero_division=0))
        return lines
    confusion = _confusion(rows.predicted, rows.labels, rows.outputs)
    line("mean recall over classes", _recall(confusion[None])[0], bootstrap_confusion(confusion, _recall, seed))
    line("F1, mean over classes", metrics.f1_score(goals, said.argmax(1), average="macro", zero_division=0))
    if rows.outputs == 2 and len(set(goals.tolist())) == 2:
        line("area under the ROC curve", metrics.roc_auc_score(goals, said[:, 1]))
    return lines


def _losses(rows: Rows) -> Tensor:
    """Return how wrong each answer is (N,): minus the log-probability of what is right, or the squared error."""
    if rows.task == "regression":
        return (rows.prediction - rows.labels).pow(2).mean(1)
    tiny = torch.finfo(torch.float64).tiny
    if rows.task == "multilabel":
        right = torch.where(rows.labels > 0.5, rows.prediction, 1 - rows.prediction)
        return -right.clamp_min(tiny).log().sum(1)
    return -rows.prediction.gather(1, rows.labels[:, None])[:, 0].clamp_min(tiny).log()


def _confusion(called: Tensor, labels: Tensor, classes: int) -> np.ndarray:
    return torch.bincount(labels.long() * classes + called.long(), minlength=classes**2).view(classes, classes).numpy()


def _recall(confusions: np.ndarray) -> np.ndarray:
    """Return the mean recall (R,) over the classes that occur, of confusion matrices (R, K, K)."""
    members = confusions.sum(2)
    right = np.diagonal(confusions, axis1=1, axis2=2)
    shares = np.where(members > 0, right / np.maximum(members, 1), 0.0)
    return shares.sum(1) / np.maximum((members > 0).sum(1), 1)


def balanced_skill(confusions: np.ndarray) -> np.ndarray:
    """Return how far the mean recall stands on the way from guessing (0) to perfect (1)."""
    guess = 1 / np.maximum((confusions.sum(2) > 0).sum(1), 2)
    return (_recall(confusions) - guess) / (1 - guess)
