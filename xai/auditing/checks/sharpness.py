"""By what the scores of a model would have to be divided to fit how often it is right: its temperature."""

from __future__ import annotations

import numpy as np

from xai.auditing.sentences import sentence
from xai.auditing.split import Split
from xai.auditing.verdicts import Measured, Untestable
from xai.base.statistics import ALPHA, RESAMPLES
from xai.base.weighted_statistics import effective_count, mean_of

__all__ = ["SHARP", "sharpness"]

SHARP = "calibration.temperature"
GRID = np.exp(np.linspace(np.log(0.2), np.log(20), 121))
FEWEST = 40  # rows
MATTERS = 0.02  # of mean overconfidence: below it a wrong temperature is no fault
CERTAIN = 0.05  # of a row: a probability below this share of one row counts as 0


def sharpness(split: Split, seed: int) -> Measured:
    """Return the temperature that makes the labels most likely: 1 is right, 3 says that scores are 3 times too large.

    The interval is a bootstrap over rows. Source: Guo et al. 2017, arXiv:1706.04599.
    """
    if split.task == "regression":
        raise Untestable("no_probabilities")
    if len(split) < FEWEST:
        raise Untestable("few_rows_for_bins", rows=len(split), bins=FEWEST // 2)
    surprise, confidence, right = _surprises(split)
    wrong = int((1 - right).sum())
    if wrong == 0:
        raise Untestable("no_errors")
    generator = np.random.default_rng(seed)
    weights = split.weights
    counts = generator.multinomial(len(split), np.full(len(split), 1 / len(split)), RESAMPLES)
    found = float(GRID[(surprise.mean(0) if weights is None else weights @ surprise).argmin()])
    boots = GRID[((counts if weights is None else counts * weights) @ surprise).argmin(1)]
    low, high = (float(end) for end in np.quantile(boots, [ALPHA / 2, 1 - ALPHA / 2]))
    by = None if weights is None else np.repeat(weights, len(right) // len(split))  # a row may have several answers
    gap = mean_of(confidence, by) - mean_of(right, by)
    facts = {
        "temperature": found, "gap": abs(gap), "tendency": sentence("calibration.error", _tendency(gap), {}),
        "wrong": wrong,
    }  # fmt: skip
    at_most = "fail" if gap >= MATTERS else "warn"
    effective = None if weights is None else effective_count(weights)
    return Measured(found, (low, high), facts, {"gap": gap, "wrong": wrong}, at_most=at_most, effective=effective)


def _tendency(gap: float) -> str:
    return "too_sure" if gap > 0 else "not_sure"


def _surprises(split: Split) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return minus the log-likelihood of each row by temperature (N, G), and each answer's confidence and truth.

    Of several labels, each is an answer of its own; a row has the sum.
    """
    probability, labels = split.prediction.numpy(), split.labels.numpy()
    if split.task == "multilabel":
        probability, labels = np.stack([1 - probability, probability], -1), (labels > 0.5).astype(int)
    else:
        probability, labels = probability[:, None], labels[:, None]
    logs = np.log(np.maximum(probability, CERTAIN / len(labels)))  # (N, L, K)
    made = np.empty((len(labels), len(GRID)))
    for index, temperature in enumerate(GRID):
        scaled = logs / temperature
        of_label = np.take_along_axis(scaled, labels[..., None], -1)[..., 0]
        made[:, index] = (np.log(np.exp(scaled).sum(-1)) - of_label).sum(1)
    called = probability.argmax(-1)
    return made, probability.max(-1).ravel(), (called == labels).astype(np.float64).ravel()
