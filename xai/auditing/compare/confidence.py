"""Whether B is as well calibrated as A."""

from __future__ import annotations

import numpy as np

from xai.auditing.checks.calibration import answers_of, calibration_error, check_bins, reliability, tendency
from xai.auditing.compare.replica_test import beyond, control, excess_over_others, in_words, versions_in_order
from xai.auditing.compare.versions import A, B, Ensemble
from xai.auditing.finding_figures import curves, table
from xai.auditing.sentences import sentence
from xai.auditing.verdicts import Measured, tested
from xai.base.statistics import ALPHA, rank_p_value
from xai.results.finding import Finding

__all__ = ["confidence"]

NAME = "confidence.calibration"
RESAMPLES = 199  # of each version's rows; the calibration error sorts them every time

Answers = tuple[np.ndarray, np.ndarray]  # how sure each answer is, and whether it is right


def confidence(ensemble: Ensemble, *, seed: int = 0) -> list[Finding]:
    """Return how much further B's confidence is from how often it is right (expected calibration error, 15 bins)."""
    return [tested(NAME, _calibration, ensemble, seed)]


def _calibration(ensemble: Ensemble, seed: int) -> Measured:
    check_bins(ensemble.first)
    answers = [answers_of(split.prediction, split) for split in ensemble.splits]
    found = np.array([calibration_error(*answer) for answer in answers])
    others = found[ensemble.reference]
    gained = float(found[B] - others.mean())
    steps = _resampled(answers, ensemble.reference, gained, seed)
    low, high = (float(end) for end in np.quantile(steps, [ALPHA / 2, 1 - ALPHA / 2]))
    gaps = [float(sure.mean() - right.mean()) for sure, right in answers]
    panel, lines = _reliability(answers), _lines(ensemble, answers, found)
    panels = [panel]
    if ensemble.replicas:
        distance = np.abs(excess_over_others(found))
        p_value = rank_p_value(distance, float(distance[B]))
        more = {"low": others.min(), "high": others.max(), "verdict": in_words(p_value, ensemble.replicas)}
        remark = sentence(NAME, "replicas", more)
        picture = versions_in_order(ensemble, "Calibration error by version", "calibration error", found)
        panels.append(picture)
    else:
        p_value = min(1.0, 2 * min(rank_p_value(steps, 0.0, among=False, below=side) for side in (True, False)))
        remark = sentence(NAME, "rows", {"p_value": p_value})
    details = {
        "errors": found.tolist(), "too_sure": gaps, "panels": panels,
        "tables": [table("Calibration by version", lines)], "p_value": p_value,
    }  # fmt: skip
    facts = {
        "a": found[A], "b": found[B], "tendency": tendency(gaps[B]), "gap": abs(gaps[B]), "gap_a": gaps[A],
        "remark": remark,
    }  # fmt: skip
    return Measured(
        gained, (low, high), facts, details, control=control(ensemble, NAME),
        beyond=beyond(p_value, ensemble.replicas),
    )  # fmt: skip


def _resampled(answers: list[Answers], reference: list[int], gained: float, seed: int) -> np.ndarray:
    """Return what B has more of in calibration error, with rows drawn anew (RESAMPLES,)."""
    generator = np.random.default_rng(seed)
    count = len(answers[A][0])
    drawn = []
    for _ in range(RESAMPLES):
        index = generator.integers(count, size=count)
        drawn.append([calibration_error(sure[index], right[index]) for sure, right in answers])
    boots = np.array(drawn)
    steps = boots[:, B] - boots[:, reference].mean(1)
    # A mean of absolute values grows when rows are redrawn; the difference of two grows by less, which is taken out.
    return steps - steps.mean() + gained


def _lines(ensemble: Ensemble, answers: list[Answers], found: np.ndarray) -> list[dict[str, object]]:
    return [
        {"version": name, "calibration error": float(error), "confidence minus share right": sure.mean() - right.mean()}
        for name, error, (sure, right) in zip(ensemble.names, found, answers, strict=True)
    ]


def _reliability(answers: list[Answers]) -> dict[str, object]:
    curve = {
        name: ([line["confidence"] for line in made], [line["share right"] for line in made])
        for name, made in (("A", reliability(*answers[A])), ("B", reliability(*answers[B])))
    }
    least = min(min(x) for x, _ in curve.values())
    curve["control: perfectly calibrated"] = ([least, 1.0], [least, 1.0])
    return curves("Reliability", "confidence", "share right", curve)
