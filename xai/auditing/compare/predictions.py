"""Whether B answers as A does: which answers changed, how far the probabilities moved, and in which groups."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from xai.auditing.compare.group_shifts import GroupShift, group_shifts
from xai.auditing.compare.largest_shifts import decisions, largest_shifts, lines_of, shift
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
from xai.auditing.compare.versions import A, B, Ensemble, Group
from xai.auditing.finding_figures import bars, curves, table
from xai.auditing.rates import compare_groups
from xai.auditing.scores import ONE_CLASS
from xai.auditing.sentences import sentence
from xai.auditing.verdicts import Measured, Untestable, tested
from xai.base.statistics import rank_p_value
from xai.results.finding import Finding

__all__ = ["predictions"]

SHOWN = 5  # groups in a picture
POINTS = 60  # of a curve
MOST_CLASSES = 20  # in a picture


def predictions(ensemble: Ensemble, *, seed: int = 0) -> list[Finding]:
    """Return how many answers changed, how far the predicted distributions moved, and in which groups answers changed.

    Shift is the total variation between two predicted distributions: how much probability went elsewhere. Of several
    labels it is the mean over them, of a regression the distance in standard deviations of the labels.
    """
    answers = np.stack([split.prediction.numpy() for split in ensemble.splits])
    shifts = pairs(list(answers), lambda a, b: shift(ensemble, a, b))
    return [
        tested("predictions.changed", _changed, ensemble, shifts, seed),
        tested("predictions.shifted", _shifted, ensemble, shifts, seed),
        tested("predictions.by_group", _by_group, ensemble, seed),
    ]


def _changes(ensemble: Ensemble) -> np.ndarray:
    """Return which rows each pair of versions answers otherwise (versions, versions, N)."""
    if ensemble.task == "regression":
        raise Untestable("no_changing_classes")
    return pairs(list(decisions(ensemble)), lambda a, b: (a != b).any(1).astype(np.float64))


def _changed(ensemble: Ensemble, shifts: np.ndarray, seed: int) -> Measured:
    changes = _changes(ensemble)
    observed, null, score, interval = excess_over_null(changes, ensemble.reference, seed)
    found = _against_replicas(ensemble, changes, observed, null)
    wrong = ensemble.wrong
    fixed, broken = (int(((wrong[A] == was) & (wrong[B] == 1 - was)).sum()) for was in (1, 0))
    between = float(changes[A, B].mean())
    details: dict[str, object] = {
        "a_to_b": between, "b_to_all": observed, "among_replicas": null, "broken": broken, "fixed": fixed,
        **_most_shifted(ensemble, shifts), **found.details,
    }  # fmt: skip
    if ensemble.replicas:
        title, label = "Answered otherwise than the other versions", "share of rows, mean over the others"
        details["panels"] = [versions_in_order(ensemble, title, label, found.distances)]
    elif ensemble.task in ONE_CLASS:
        details["panels"] = [_class_shares(ensemble)]
    facts = {"changed": between, "broken": broken, "fixed": fixed, "compared": found.text}
    return _measured(ensemble, "predictions.changed", score, interval, facts, details, beyond=found.beyond)


def _shifted(ensemble: Ensemble, shifts: np.ndarray, seed: int) -> Measured:
    observed, null, score, interval = excess_over_null(shifts, ensemble.reference, seed)
    found = _against_replicas(ensemble, shifts, observed, null)
    regression = ensemble.task == "regression"
    lines = {"A to B": _curve(shifts[A, B])}
    if ensemble.replicas:
        reference = ensemble.reference
        inner = [shifts[first, second] for first in reference for second in reference if first < second]
        lines["control: between replicas"] = _curve(np.concatenate(inner))
    axis = "distance in standard deviations" if regression else "probability that moved"
    panels = [curves("How far answers moved", axis, "share of rows that moved further", lines)]
    between = float(shifts[A, B].mean())
    details: dict[str, object] = {
        "a_to_b": between, "b_to_all": observed, "among_replicas": null,
        **(_most_shifted(ensemble, shifts) if regression else {}), **found.details,
    }  # fmt: skip
    if ensemble.replicas:
        panels.append(versions_in_order(ensemble, "Distance to the other versions", f"{axis}, mean", found.distances))
    facts = {"shift": between, "compared": found.text}
    details["panels"] = panels
    outcome = "regression" if regression else "text"
    return _measured(ensemble, "predictions.shifted", score, interval, facts, details, outcome, beyond=found.beyond)


class Against(NamedTuple):
    """How B ranks among the replicas: is it beyond noise, how far is each version from the others, and in words."""

    beyond: bool
    distances: np.ndarray
    text: str
    details: dict[str, object]


def _against_replicas(ensemble: Ensemble, by_row: np.ndarray, observed: float, null: float) -> Against:
    distances = distance_to_others(by_row.mean(2))
    if not ensemble.replicas:
        return Against(observed > 0, distances, sentence("versions", "no_replicas", {}), {})
    p_value = rank_p_value(distances, float(distances[B]))
    regression = ensemble.task == "regression"
    factor = 1 if regression else 100
    facts = {"observed": factor * observed, "usual": factor * null, "verdict": in_words(p_value, ensemble.replicas)}
    text = sentence("versions", "compared_regression" if regression else "compared", facts)
    details = {"p_value": p_value, "distances": distances.tolist()}
    return Against(beyond(p_value, ensemble.replicas), distances, text, details)


def _by_group(ensemble: Ensemble, seed: int) -> Measured:
    changes = _changes(ensemble)
    groups = {group.name: group for group in ensemble.groups()}
    if not groups:
        raise Untestable("no_group_of_20")
    values = changes.sum(1) / (len(ensemble) - 1)  # of each version, on how many of the others it answers otherwise
    null = among(changes, ensemble.reference)
    gained = changes[B, ensemble.reference].mean(0) - null if ensemble.replicas else values[B] - values[B].mean()
    found = group_shifts(
        ensemble, values, gained, list(groups.values()), lambda masks: _against_others(masks, values[B]), seed
    )
    worst = found[0]
    inside = groups[worst.group].mask
    certain = beyond(worst.p_value, ensemble.replicas) and worst.more > 0
    if ensemble.replicas:
        usual, beside, verdict = null[inside].mean(), "among_replicas", in_words(worst.p_value, ensemble.replicas)
    else:
        usual, beside = values[B].mean(), "in_all"
        verdict = sentence("versions", "more" if certain else "chance", {})
    facts = {
        "group": groups[worst.group].quoted, "changed": changes[A, B][inside].mean(), "verdict": verdict,
        "beside": sentence("predictions.by_group", beside, {"usual": usual}),
    }  # fmt: skip
    details = {
        "groups": [item.to_dict() for item in found], "p_value": worst.p_value, "comparisons": len(found),
        **_pictures(ensemble, found, groups, changes[A, B], null),
    }  # fmt: skip
    interval = (worst.low, worst.high)
    return _measured(ensemble, "predictions.by_group", worst.more, interval, facts, details, beyond=certain)


def _against_others(masks: list[np.ndarray], values: np.ndarray) -> list[float]:
    """Return the p-value that rows of a group changed as often as all others, for each group."""
    frame = pd.DataFrame({str(number): mask for number, mask in enumerate(masks)})
    rates = {(rate.column, rate.group): rate.p_value for rate in compare_groups(frame, {"changed": values}, least=1)}
    return [rates.get((str(number), "True"), 1.0) for number in range(len(masks))]


def _pictures(
    ensemble: Ensemble, found: list[GroupShift], groups: dict[str, Group], direct: np.ndarray, null: np.ndarray
) -> dict[str, object]:
    lines = []
    for item in found:
        inside = groups[item.group].mask
        usual = {"among replicas": float(null[inside].mean())} if ensemble.replicas else {}
        lines.append(
            {
                "group": item.group, "rows": item.rows, "A to B": float(direct[inside].mean()), **usual,
                "more": item.more, "low": item.low, "high": item.high, "p, all groups together": item.p_value,
            }
        )  # fmt: skip
    shown = lines[:SHOWN]
    columns = ["A to B", *(["among replicas"] if ensemble.replicas else [])]
    sets = {name: [float(line[name]) for line in shown] for name in columns}
    names = [groups[item.group].word for item in found[:SHOWN]]
    return {
        "panels": [bars("Answered otherwise", "", "share of rows", sets, names)],
        "tables": [table("Answers that changed, by group", lines)],
    }


def _measured(
    ensemble: Ensemble,
    name: str,
    score: float,
    interval: tuple[float, float],
    facts: dict[str, object],
    details: dict[str, object],
    outcome: str = "text",
    *,
    beyond: bool,
) -> Measured:
    # Without replicas nothing says how much of a mere difference is retraining: it can only warn.
    at_most = "fail" if ensemble.replicas else "warn"
    held = control(ensemble, name, "same_regression" if outcome == "regression" else "same")
    return Measured(score, interval, facts, details, outcome, control=held, at_most=at_most, beyond=beyond)


def _most_shifted(ensemble: Ensemble, shifts: np.ndarray) -> dict[str, object]:
    rows = largest_shifts(ensemble, shifts[A, B])
    return {
        "most_changed": ensemble.first.index[rows].tolist(),
        "tables": [table("Rows that moved most", lines_of(ensemble, rows, shifts))],
    }


def _curve(values: np.ndarray) -> tuple[list[float], list[float]]:
    """Return the share of rows beyond each distance."""
    distances = np.linspace(0, max(float(values.max()), 1e-12), POINTS)
    return distances.tolist(), [float((values > distance).mean()) for distance in distances]


def _class_shares(ensemble: Ensemble) -> dict[str, object]:
    """Return a picture of how often each class is answered."""
    outputs, rows = ensemble.first.outputs, len(ensemble.first)
    count = min(outputs, MOST_CLASSES)
    shares = {
        name: (np.bincount(ensemble.splits[version].predicted.numpy(), minlength=outputs)[:count] / rows).tolist()
        for name, version in (("A", A), ("B", B))
    }
    return bars("How often each class is answered", "", "share of rows", shares, ensemble.classes[:count])
