"""Whether B has A's reasons: the order in which explanations of the same answers rank what they highlight."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from xai.auditing.checks.explanations import sample_size
from xai.auditing.compare.replica_test import (
    among,
    beyond,
    control,
    distance_to_others,
    excess_over_null,
    in_words,
    pairs,
    versions_in_order,
)
from xai.auditing.compare.versions import A, B, Ensemble
from xai.auditing.explainers import differentiable, explain, targets_of
from xai.auditing.finding_figures import table
from xai.auditing.sentences import sentence
from xai.auditing.verdicts import Measured, Untestable, tested
from xai.base.errors import XaiError
from xai.base.statistics import rank_p_value
from xai.evidence.similarity import alike
from xai.results.explanation import Explanation
from xai.results.finding import Finding

__all__ = ["explain_versions", "explanations"]

NAME = "explanations.changed"
FEWEST_VALUES = 3  # with two values a rank correlation is 1 or -1


def explanations(ensemble: Ensemble, *, seed: int = 0, sample: int | None = None) -> list[Finding]:
    """Return how far explanations of the same rows moved from A to B: one minus their rank correlation.

    Every version explains A's answer on the same rows, drawn at random, by one method. With replicas, B's distance to A
    and to them is held against theirs to each other. sample: how many rows, by default 24, fewer of
    large images.
    """
    return [tested(NAME, _changed, ensemble, seed, sample or sample_size(ensemble.first, most=24))]


def _changed(ensemble: Ensemble, seed: int, count: int) -> Measured:
    split = ensemble.first.sample(count, seed)
    chosen = torch.searchsorted(ensemble.first.index, split.index)
    try:
        target = targets_of(split.prediction, split.task)
        made = explain_versions(ensemble, chosen, target, range(len(ensemble)), seed)
    except XaiError as error:
        raise Untestable("error", error=error) from error
    values, kept = _comparable([[part.detach().double().flatten() for part in item.values] for item in made])
    rows = split.index[kept].tolist()
    if len(rows) < 2:
        raise Untestable("few_explained")
    distances = pairs(values, _distances)
    observed, null, score, interval = excess_over_null(distances, ensemble.reference, seed)
    between = distances[A, B]
    details: dict[str, object] = {
        "method": made[A].method, "a_to_b": float(between.mean()), "b_to_all": observed, "among_replicas": null,
        "rows": rows,
        "tables": [table("Rank correlation of explanations, the least alike first", _lines(ensemble, distances, rows))],
    }  # fmt: skip
    certain, remark = observed > 0, sentence(NAME, "no_replicas", {})
    if ensemble.replicas:
        distances_to_others = distance_to_others(distances.mean(2))
        p_value = rank_p_value(distances_to_others, float(distances_to_others[B]))
        certain, verdict = beyond(p_value, ensemble.replicas), in_words(p_value, ensemble.replicas)
        remark = sentence(NAME, "replicas", {"observed": 1 - observed, "usual": 1 - null, "verdict": verdict})
        title, label = "Explanations unlike those of the other versions", "1 - rank correlation, mean"
        details |= {"p_value": p_value, "distances": distances_to_others.tolist(),
                    "panels": [versions_in_order(ensemble, title, label, distances_to_others)]}  # fmt: skip
    facts = {"rows": len(rows), "method": made[A].method, "alike": 1 - between.mean(), "remark": remark}
    at_most = "fail" if ensemble.replicas else "warn"
    held = control(ensemble, NAME)
    return Measured(score, interval, facts, details, control=held, at_most=at_most, beyond=certain)


def explain_versions(
    ensemble: Ensemble, chosen: Tensor, target: list[int], versions: Sequence[int], seed: int
) -> list[Explanation]:
    """Return the explanations of the same rows (numbers in the ensemble) by several versions, by one method."""
    both = list(zip(ensemble.models, ensemble.splits, strict=True))
    gradient = all(differentiable(model, split.inputs) for model, split in both)
    return [
        explain(model, split.inputs[chosen], target, seed=seed, background=split.inputs, gradient=gradient)
        for model, split in (both[version] for version in versions)
    ]


def _comparable(values: list[list[Tensor]]) -> tuple[list[list[Tensor]], list[int]]:
    """Return the explanations, by version, of the rows that all versions explain by as many values, and those rows."""
    kept = [
        row
        for row, first in enumerate(values[A])
        if len({len(version[row]) for version in values}) == 1 and len(first) >= FEWEST_VALUES
    ]
    return [[version[row] for row in kept] for version in values], kept


def _lines(ensemble: Ensemble, distances: np.ndarray, rows: list[int]) -> list[dict[str, object]]:
    between, null = distances[A, B], among(distances, ensemble.reference)
    lines = []
    for number in np.argsort(-between, kind="stable"):
        line: dict[str, object] = {"row": rows[number], "A and B": float(1 - between[number])}
        if ensemble.replicas:
            line["replicas among themselves"] = float(1 - null[number])
        lines.append(line)
    return lines


def _distances(first: list[Tensor], second: list[Tensor]) -> np.ndarray:
    """Return one minus the rank correlation of two versions' explanations, row by row."""
    return np.array([0.0 if torch.equal(a, b) else 1 - alike(a, b)[0] for a, b in zip(first, second, strict=True)])
