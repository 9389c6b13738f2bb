"""Calibration: where the model says 80 %, is it right in 80 of 100 cases?"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from scipy.optimize import minimize_scalar

from xai.auditing.checks.sharpness import SHARP, sharpness
from xai.auditing.finding_figures import curves, table
from xai.auditing.sentences import sentence
from xai.auditing.split import Prepared, Split
from xai.auditing.verdicts import Measured, Untestable, tested
from xai.base.statistics import ALPHA, RESAMPLES, rank_p_value
from xai.base.weighted_statistics import effective_count, mean_of
from xai.model.model import Model
from xai.results.finding import Finding

__all__ = [
    "answers_of", "calibration", "calibration_error", "check_bins", "reliability", "temperature", "tendency",
]  # fmt: skip

NAME = "calibration.error"
BINS = 15
NULL_DRAWS = 499


def calibration(model: Model, data: Prepared, *, seed: int = 0) -> list[Finding]:
    """Return how far the model's confidence is from how often it is right, and what one temperature would change.

    The score is the expected calibration error over 15 bins of equally many rows, minus what a model with these
    confidences that is perfectly calibrated shows on so many rows: its answers are drawn from its own probabilities.
    Rows that stand for unequal numbers of rows count by weight. Beside it stands the temperature itself: scores that
    are too large matter where errors are few, too.
    Sources: Guo et al. 2017, arXiv:1706.04599; Bröcker and Smith 2007 for the control.
    """
    return [tested(NAME, _error, data.held_out, seed), tested(SHARP, sharpness, data.held_out, seed)]


def _error(split: Split, seed: int) -> Measured:
    check_bins(split)
    confidence, right = answers_of(split.prediction, split)
    weights = _answer_weights(split)
    error = calibration_error(confidence, right, weights)
    generator = np.random.default_rng(seed)
    drawn = (generator.random((NULL_DRAWS, len(confidence))) < confidence).astype(np.float64)
    null = np.array([calibration_error(confidence, answers, weights) for answers in drawn])
    chance = float(null.mean())
    boots, answers = [], np.arange(len(confidence)).reshape(len(split), -1)  # of several labels, a row has several
    for _ in range(RESAMPLES):
        index = answers[generator.integers(len(split), size=len(split))].ravel()
        boots.append(calibration_error(confidence[index], right[index], None if weights is None else weights[index]))
    # A mean of absolute errors is biased upward where rows are few, and once more in a bootstrap sample.
    score = error - chance
    shift = float(np.mean(boots)) - score
    low, high = (float(end) - shift for end in np.quantile(boots, [ALPHA / 2, 1 - ALPHA / 2]))
    fitted, left = _with_temperature(split, weights, seed)
    details: dict[str, object] = {
        "expected_calibration_error": error, "control_error": chance,
        "p_value": rank_p_value(null, error, among=False),
        "temperature": fitted, "error_with_temperature": left,
        **_pictures(reliability(confidence, right, weights)),
    }  # fmt: skip
    gap = mean_of(confidence, weights) - mean_of(right, weights)
    facts = {
        "error": error, "chance": null.mean(), "tendency": tendency(gap), "gap": abs(gap), "draws": NULL_DRAWS,
        "temperature": "" if fitted is None else sentence(NAME, "temperature", {"temperature": fitted, "left": left}),
    }  # fmt: skip
    effective = None if split.weights is None else effective_count(split.weights)
    return Measured(score, (low, high), facts, details, effective=effective)


def _answer_weights(split: Split) -> np.ndarray | None:
    """Return how many each answer stands for: of several labels, a row has several answers."""
    weights = split.weights
    return weights if weights is None or split.task != "multilabel" else np.repeat(weights, split.outputs)


def check_bins(split: Split) -> None:
    """Raise Untestable for rows whose confidence cannot be held against their answers in bins."""
    if split.task == "regression":
        raise Untestable("no_probabilities")
    if len(split) < 2 * BINS:
        raise Untestable("few_rows_for_bins", rows=len(split), bins=BINS)


def tendency(gap: float) -> str:
    """Return what a mean confidence minus a share of right answers is called."""
    return sentence(NAME, "too_sure" if gap > 0 else "not_sure", {})


def _pictures(curve: list[dict[str, float]]) -> dict[str, object]:
    start = curve[0]["confidence"]
    model = ([line["confidence"] for line in curve], [line["share right"] for line in curve])
    lines = {"model": model, "control: perfectly calibrated": ([start, 1.0], [start, 1.0])}
    return {
        "panels": [curves("Reliability", "confidence", "share right", lines)],
        "tables": [table("Confidence against answers, in bins of equally many rows", curve)],
    }


def calibration_error(confidence: np.ndarray, right: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the mean over rows of how far their bin's confidence is from its share of right answers.

    weights (N,): how many each row stands for; bins then hold as much weight each.

    >>> calibration_error(np.full(30, 0.8), np.array([1.0] * 21 + [0.0] * 9)).__round__(3)
    0.1
    """
    order = np.argsort(confidence, kind="stable")
    gaps = confidence[order] - right[order]
    by = None if weights is None else weights[order]
    # Equal confidences stay in one bin, so that their order in the data does not matter.
    edges = [0, *_edges(confidence[order], by), len(gaps)]
    gaps, total = (gaps, len(gaps)) if by is None else (gaps * by, by.sum())
    return float(sum(abs(gaps[start:stop].sum()) for start, stop in pairwise(edges)) / total)


def temperature(log_probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the temperature (0.05 to 20) that makes the labels (N,) most likely under log-probabilities (N, K)."""

    def loss(log_t: float) -> float:
        scaled = log_probabilities / np.exp(log_t)
        scaled = scaled - scaled.max(1, keepdims=True)
        return mean_of(np.log(np.exp(scaled).sum(1)) - scaled[np.arange(len(labels)), labels], weights)

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded").x))


def answers_of(prediction: torch.Tensor, split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Return how sure each answer is and whether it is right; of several labels, each label is an answer."""
    if split.task == "multilabel":
        right = (prediction > 0.5) == (split.labels > 0.5)
        return torch.maximum(prediction, 1 - prediction).flatten().numpy(), right.flatten().double().numpy()
    confidence, predicted = prediction.max(1)
    return confidence.numpy(), (predicted == split.labels).double().numpy()


def _with_temperature(split: Split, weights: np.ndarray | None, seed: int) -> tuple[float | None, float | None]:
    """Return the temperature of all rows, and the error that is left when each half is scaled by the other's."""
    if split.task == "multilabel":
        return None, None
    logs = split.prediction.clamp_min(1e-12).log().numpy()
    labels = split.labels.numpy()
    halves = np.array_split(np.random.default_rng(seed).permutation(len(split)), 2)
    scaled = torch.empty_like(split.prediction)
    for half, other in (halves, halves[::-1]):
        fitted = temperature(logs[other], labels[other], None if weights is None else weights[other])
        scaled[half] = torch.from_numpy(logs[half] / fitted).softmax(1)
    return temperature(logs, labels, weights), calibration_error(*answers_of(scaled, split), weights)


def reliability(confidence: np.ndarray, right: np.ndarray, weights: np.ndarray | None = None) -> list[dict[str, float]]:
    """Return the mean confidence and the share of right answers of each bin of equally many rows, or as much weight."""
    order = np.argsort(confidence, kind="stable")
    if weights is not None:
        order = order[weights[order] > 0]  # a bin of no weight has no mean
    edges = [0, *_edges(confidence[order], None if weights is None else weights[order]), len(order)]
    return [
        {
            "confidence": mean_of(confidence[part], None if weights is None else weights[part]),
            "share right": mean_of(right[part], None if weights is None else weights[part]),
            "rows": len(part),
        }
        for part in (order[start:stop] for start, stop in pairwise(edges))
    ]  # fmt: skip


def _edges(ordered: np.ndarray, weights: np.ndarray | None = None) -> list[int]:
    """Return where the inner bins of sorted confidences begin; at most 15 bins, equal values in one."""
    starts = [round(len(ordered) * part / BINS) for part in range(1, BINS)]
    if weights is not None:
        ends = weights.cumsum()
        starts = [int(np.searchsorted(ends, ends[-1] * part / BINS, "right")) for part in range(1, BINS)]
    first = {int(np.searchsorted(ordered, ordered[start], "left")) for start in starts if 0 < start < len(ordered)}
    return sorted(first - {0})
