"""Whether B is as well calibrated as A."""

from __future__ import annotations

import numpy as np

from xai.auditing.checks.calibration import BINS, answers_of, calibration_error, reliability
from xai.auditing.compare.ensemble import A, B, Pool
from xai.auditing.compare.null_shift import apart_by_value, beyond, control, in_words, rank_p_value, standing
from xai.auditing.finding_figures import curves, table
from xai.auditing.limits import ALPHA, judge, untestable
from xai.results.finding import Finding

__all__ = ["confidence"]

RESAMPLES = 199  # of each version's rows; the calibration error sorts them every time


def confidence(pool: Pool, *, seed: int = 0) -> list[Finding]:
    """Return how much further B's confidence is from how often it is right (expected calibration error, 15 bins)."""
    name = "confidence.calibration"
    if pool.first.task == "regression":
        return [untestable(name, "a regression gives no probabilities.")]
    if len(pool.first) < 2 * BINS:
        return [untestable(name, f"{len(pool.first)} rows are too few for {BINS} bins.")]
    answers = [answers_of(rows.prediction, rows) for rows in pool.rows]
    found = np.array([calibration_error(*answer) for answer in answers])
    gained = float(found[B] - found[pool.kin].mean())
    generator = np.random.default_rng(seed)
    drawn = []
    for _ in range(RESAMPLES):
        index = generator.integers(len(answers[A][0]), size=len(answers[A][0]))
        drawn.append([calibration_error(sure[index], right[index]) for sure, right in answers])
    boots = np.array(drawn)
    steps = boots[:, B] - boots[:, pool.kin].mean(1)
    # A mean of absolute values grows when rows are redrawn; the difference of two grows by less, which is taken out.
    steps = steps - steps.mean() + gained
    low, high = (float(end) for end in np.quantile(steps, [ALPHA / 2, 1 - ALPHA / 2]))
    sure = [float(confident.mean() - right.mean()) for confident, right in answers]
    lines = [
        {"version": version, "calibration error": float(error), "confidence minus share right": gap}
        for version, error, gap in zip(pool.names, found, sure)
    ]
    curve = {
        version: ([line["confidence"] for line in made], [line["share right"] for line in made])
        for version, made in (("A", reliability(*answers[A])), ("B", reliability(*answers[B])))
    }
    least = min(min(x) for x, _ in curve.values())
    curve["control: perfectly calibrated"] = ([least, 1.0], [least, 1.0])
    details: dict[str, object] = {
        "errors": found.tolist(), "too_sure": sure,
        "panels": [curves("Reliability", "confidence", "share right", curve)],
        "tables": [table("Calibration by version", lines)],
    }  # fmt: skip
    text = (
        f"The calibration error is {100 * found[A]:.1f} points of A and {100 * found[B]:.1f} of B, which is "
        f"{'too sure' if sure[B] > 0 else 'not sure enough'} by {100 * abs(sure[B]):.1f} on the whole "
        f"(A: {100 * sure[A]:+.1f})"
    )
    if pool.replicas:
        p_value = rank_p_value(np.abs(apart_by_value(found)))
        kin = found[pool.kin]
        text += f"; A and its replicas have {100 * kin.min():.1f} to {100 * kin.max():.1f}: "
        text += f"{in_words(p_value, pool.replicas)}."
        details["panels"].append(standing(pool, "Calibration error by version", "calibration error", found))
    else:
        tail = min((steps <= 0).sum(), (steps >= 0).sum())
        p_value = float(min(1.0, 2 * (1 + tail) / (1 + RESAMPLES)))
        text += f" (bootstrap over rows: p = {p_value:.2g})."
    details["p_value"] = p_value
    held = control(pool, "the calibration error of A on the same rows")
    return [judge(name, gained, (low, high), held, text, details, beyond=beyond(p_value, pool.replicas))]
