"""Calibration: where the model says 80 %, is it right in 80 of 100 cases?"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from scipy.optimize import minimize_scalar

from xai.auditing.audit_data import Prepared, Rows
from xai.auditing.finding_figures import curves, table
from xai.auditing.limits import ALPHA, judge, untestable
from xai.base.statistics import RESAMPLES
from xai.model.model import Model
from xai.results.finding import Finding

__all__ = ["BINS", "answers_of", "calibration", "calibration_error", "reliability", "temperature"]

BINS = 15
NULL_DRAWS = 499


def calibration(model: Model, data: Prepared, *, seed: int = 0) -> list[Finding]:
    """Return how far the model's confidence is from how often it is right, and what one temperature would change.

    The score is the expected calibration error over 15 bins of equally many rows, minus what a model with these
    confidences that is perfectly calibrated shows on so many rows: its answers are drawn from its own probabilities.
    Sources: Guo et al. 2017, arXiv:1706.04599; Bröcker and Smith 2007 for the control.
    """
    name = "calibration.error"
    rows = data.held_out
    if rows.task == "regression":
        return [untestable(name, "a regression gives no probabilities.")]
    if len(rows) < 2 * BINS:
        return [untestable(name, f"{len(rows)} rows are too few for {BINS} bins.")]
    confidence, right = answers_of(rows.prediction, rows)
    error = calibration_error(confidence, right)
    generator = np.random.default_rng(seed)
    drawn = (generator.random((NULL_DRAWS, len(confidence))) < confidence).astype(np.float64)
    null = np.array([calibration_error(confidence, answers) for answers in drawn])
    boots, answers = [], np.arange(len(confidence)).reshape(len(rows), -1)  # of several labels, a row has several
    for _ in range(RESAMPLES):
        index = answers[generator.integers(len(rows), size=len(rows))].ravel()
        boots.append(calibration_error(confidence[index], right[index]))
    # An error that is a mean of absolute values is too large when rows are few, and once more when they are redrawn.
    score = error - float(null.mean())
    shift = float(np.mean(boots)) - score
    low, high = (float(end) - shift for end in np.quantile(boots, [ALPHA / 2, 1 - ALPHA / 2]))
    cooled, after = _with_temperature(rows, seed)
    curve = reliability(confidence, right)
    p_value = (1 + int((null >= error).sum())) / (1 + NULL_DRAWS)
    details: dict[str, object] = {
        "expected_calibration_error": error, "control_error": float(null.mean()), "p_value": p_value,
        "temperature": cooled, "error_with_temperature": after,
        "panels": [curves("Reliability", "confidence", "share right", {
            "model": ([line["confidence"] for line in curve], [line["share right"] for line in curve]),
            "control: perfectly calibrated": ([curve[0]["confidence"], 1.0], [curve[0]["confidence"], 1.0]),
        })],
        "tables": [table("Confidence against answers, in bins of equally many rows", curve)],
    }  # fmt: skip
    mean_gap = float(confidence.mean() - right.mean())
    kind = "too sure" if mean_gap > 0 else "not sure enough"
    change = f"; one temperature ({cooled:.2f}) would leave {100 * after:.1f}" if cooled is not None else ""
    text = (
        f"Its confidence is {100 * error:.1f} points off on average, where chance alone makes {100 * null.mean():.1f}; "
        f"on the whole it is {kind} by {100 * abs(mean_gap):.1f}{change}."
    )
    control = f"a perfectly calibrated model with these confidences, {NULL_DRAWS} times"
    return [judge(name, score, (low, high), control, text, details)]


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Return the mean over rows of how far their bin's confidence is from its share of right answers.

    >>> calibration_error(np.full(30, 0.8), np.array([1.0] * 21 + [0.0] * 9)).__round__(3)
    0.1
    """
    order = np.argsort(confidence, kind="stable")
    gaps = confidence[order] - right[order]
    # Equal confidences stay in one bin, so that their order in the data does not matter.
    edges = [0, *_edges(confidence[order]), len(gaps)]
    return float(sum(abs(gaps[start:stop].sum()) for start, stop in pairwise(edges)) / len(gaps))


def temperature(log_probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature (0.05 to 20) that makes the labels (N,) most likely under log-probabilities (N, K)."""

    def loss(log_t: float) -> float:
        scaled = log_probabilities / np.exp(log_t)
        scaled = scaled - scaled.max(1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(1)) - scaled[np.arange(len(labels)), labels]).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded").x))


def answers_of(prediction: torch.Tensor, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Return how sure each answer is and whether it is right; of several labels, each label is an answer."""
    if rows.task == "multilabel":
        said = (prediction > 0.5) == (rows.labels > 0.5)
        return torch.maximum(prediction, 1 - prediction).flatten().numpy(), said.flatten().double().numpy()
    confidence, said = prediction.max(1)
    return confidence.numpy(), (said == rows.labels).double().numpy()


def _with_temperature(rows: Rows, seed: int) -> tuple[float | None, float | None]:
    """Return the temperature of all rows, and the error that is left when each half is scaled by the other's."""
    if rows.task == "multilabel":
        return None, None
    logs = rows.prediction.clamp_min(1e-12).log().numpy()
    labels = rows.labels.numpy()
    halves = np.array_split(np.random.default_rng(seed).permutation(len(rows)), 2)
    scaled = torch.empty_like(rows.prediction)
    for own, other in (halves, halves[::-1]):
        scaled[own] = torch.from_numpy(logs[own] / temperature(logs[other], labels[other])).softmax(1)
    return temperature(logs, labels), calibration_error(*answers_of(scaled, rows))


def _edges(ordered: np.ndarray) -> list[int]:
    """Return where the inner bins of sorted confidences begin; at most 15 bins, equal values in one."""
    places = [round(len(ordered) * part / BINS) for part in range(1, BINS)]
    moved = {int(np.searchsorted(ordered, ordered[place], "left")) for place in places if 0 < place < len(ordered)}
    return sorted(moved - {0})


def reliability(confidence: np.ndarray, right: np.ndarray) -> list[dict[str, float]]:
    """Return the mean confidence and the share of right answers of each bin of equally many rows."""
    order = np.argsort(confidence, kind="stable")
    edges = [0, *_edges(confidence[order]), len(order)]
    lines = []
    for start, stop in pairwise(edges):
        part = order[start:stop]
        lines.append(
            {
                "confidence": float(confidence[part].mean()),
                "share right": float(right[part].mean()),
                "rows": len(part),
            }
        )
    return lines
