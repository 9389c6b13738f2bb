"""Whether B errs more than A: in all, in each group, and in slices that its errors themselves point to."""

from __future__ import annotations

import numpy as np
import pandas as pd

from xai.auditing.checks.slices import FEWEST, grow_slices
from xai.auditing.compare.group_shifts import GroupShift, group_shifts, most_certain_first
from xai.auditing.compare.replica_test import beyond, control, excess_over_others, in_words, versions_in_order
from xai.auditing.compare.versions import A, B, Ensemble
from xai.auditing.finding_figures import bars, table
from xai.auditing.row_features import attributes
from xai.auditing.scores import SCORES
from xai.auditing.sentences import sentence
from xai.auditing.verdicts import Measured, Untestable, tested
from xai.base.statistics import bootstrap_mean, holm, mcnemar, paired_t_test, rank_p_value
from xai.results.finding import Finding

__all__ = ["errors"]

SHOWN = 5


def errors(ensemble: Ensemble, *, seed: int = 0) -> list[Finding]:
    """Return whether B loses score, errs more in a group, and errs more in a slice of the data.

    All of it is compared row by row. Groups are the protected columns and the right answers. Slices are found by a
    tree on one half of the rows, where B errs more, and measured on the other half; with replicas the same search is
    made for each version.
    """
    return [
        tested("errors.score", _score, ensemble, seed),
        tested("errors.by_group", _by_group, ensemble, seed),
        tested("errors.by_slice", _by_slice, ensemble, seed),
    ]


def _score(ensemble: Ensemble, seed: int) -> Measured:
    name, label, replicas = "errors.score", SCORES[ensemble.task], ensemble.replicas
    quality = np.stack([split.quality.numpy() for split in ensemble.splits])
    scores = quality.mean(1)
    lost = quality[ensemble.reference].mean(0) - quality[B]
    step = quality[A] - quality[B]
    discrete = ensemble.task != "regression"
    p_rows = mcnemar(1 - quality[A], 1 - quality[B]) if discrete else paired_t_test(step)
    p_value, remark = p_rows, sentence(name, "no_replicas", {})
    if replicas:
        distance = np.abs(excess_over_others(scores))
        p_value = rank_p_value(distance, float(distance[B]))
        others = scores[ensemble.reference]
        facts = {"low": others.min(), "high": others.max(), "verdict": in_words(p_value, replicas)}
        remark = sentence(name, "replicas", facts)
    direction = "higher" if scores[B] > scores[A] else "lower" if scores[B] < scores[A] else "equal"
    facts = {
        "score": label, "a": scores[A], "b": scores[B], "p_rows": p_rows, "replicas": remark,
        "direction": sentence(name, direction, {}), "test": sentence(name, "mcnemar" if discrete else "t_test", {}),
    }  # fmt: skip
    details: dict[str, object] = {
        "scores": scores.tolist(), "p_rows": p_rows, "rows_lost": int((step > 0).sum()),
        "rows_gained": int((step < 0).sum()),
        "tables": [table(f"{label} by version", _lines(ensemble, quality, seed))],
    }  # fmt: skip
    if replicas:
        details["panels"] = [versions_in_order(ensemble, f"{label} by version", label, scores)]
    details["p_value"] = p_value
    return Measured(
        float(lost.mean()), bootstrap_mean(lost, seed), facts, details, control=control(ensemble, name),
        beyond=beyond(p_value, replicas),
    )  # fmt: skip


def _by_group(ensemble: Ensemble, seed: int) -> Measured:
    groups = ensemble.groups()
    if not groups:
        raise Untestable("no_group_of_20")
    wrong = ensemble.wrong
    gained = wrong[B] - wrong[ensemble.reference].mean(0)

    def by_rows(masks: list[np.ndarray]) -> list[float]:
        return [mcnemar(wrong[A][mask], wrong[B][mask]) for mask in masks]

    found = group_shifts(ensemble, wrong, gained, groups, by_rows, seed)
    quoted = {group.name: group.quoted for group in groups}
    words = {group.name: group.word for group in groups}
    return _measured(ensemble, "errors.by_group", found, quoted, words)


def _by_slice(ensemble: Ensemble, seed: int) -> Measured:
    name = "errors.by_slice"
    if len(ensemble.first) < FEWEST:
        raise Untestable("few_rows_for_halves", rows=len(ensemble.first))
    wrong = ensemble.wrong
    more = excess_over_others(wrong)  # of each version, against all others
    columns = attributes(ensemble.models[A], ensemble.first.inputs)
    if columns.shape[1] == 0:
        raise Untestable("no_columns")
    excess = more[B]
    other, leaves, paths = grow_slices(columns, excess, seed)
    if not paths:
        outcome = "no_column" if excess.any() else "same_rows"
        return Measured(0.0, (0.0, 0.0), outcome=outcome, control=control(ensemble, name), beyond=False)
    inside = {leaf: other[leaves == leaf] for leaf in paths}
    if ensemble.replicas:
        largest = np.array([_largest(columns, values, seed) for values in more])
        p_values = [rank_p_value(largest, _standardized(excess[rows])) for rows in inside.values()]
    else:
        p_values = holm([mcnemar(wrong[A][rows], wrong[B][rows]) for rows in inside.values()])
    found = []
    for (leaf, rows), p_value in zip(inside.items(), p_values, strict=True):
        rates = (wrong[A][rows].mean(), wrong[B][rows].mean(), wrong[ensemble.reference][:, rows].mean())
        low, high = bootstrap_mean(excess[rows], seed)
        mean = float(excess[rows].mean())
        found.append(GroupShift(paths[leaf], len(rows), *map(float, rates), mean, low, high, p_value))
    return _measured(ensemble, name, most_certain_first(found), {}, {})


def _largest(columns: pd.DataFrame, more: np.ndarray, seed: int) -> float:
    """Return the largest standardized gain of errors among the slices that a version's own errors point to."""
    other, leaves, paths = grow_slices(columns, more, seed)
    return max((_standardized(more[other[leaves == leaf]]) for leaf in paths), default=0.0)


def _standardized(values: np.ndarray) -> float:
    # Where nothing varies, a standard deviation of 0 would make the ratio infinite.
    std = max(float(values.std()), len(values) ** -0.5)
    return float(values.mean() / std * len(values) ** 0.5)


def _measured(
    ensemble: Ensemble, name: str, found: list[GroupShift], quoted: dict[str, str], words: dict[str, str]
) -> Measured:
    """Return what was found in groups or slices; quoted, words: what a sentence and a picture call them."""
    worst, replicas = found[0], ensemble.replicas
    certain = beyond(worst.p_value, replicas) and worst.more > 0
    also = [item for item in found[1:] if item.more > 0 and beyond(item.p_value, replicas)]
    if replicas:
        verdict = in_words(worst.p_value, replicas)
        beside = sentence("errors.by_group", "beside", {"reference": worst.reference})
    else:
        verdict = sentence("errors.by_group", "beyond_rows" if certain else "within_rows", {"p_value": worst.p_value})
        beside = ""
    facts = {
        "group": quoted.get(worst.group, worst.group), "a": worst.a, "b": worst.b, "beside": beside,
        "verdict": verdict, "number": len(found), "also": len(also), "more": "",
        "held": control(ensemble, "errors.by_group"),
    }  # fmt: skip
    if certain and also:
        facts["more"] = sentence(name, "more", facts)
    details = {
        "groups": [item.to_dict() for item in found], "p_value": worst.p_value, "comparisons": len(found),
        **_pictures(ensemble, found, name.rpartition("_")[2], words),
    }  # fmt: skip
    held = sentence("errors.by_group", "control", facts)
    outcome = "text" if worst.more > 0 else "none"
    return Measured(worst.more, (worst.low, worst.high), facts, details, outcome, control=held, beyond=certain)


def _pictures(ensemble: Ensemble, found: list[GroupShift], kind: str, words: dict[str, str]) -> dict[str, object]:
    rates = {"A": "a", "B": "b", **({"A and replicas": "reference"} if ensemble.replicas else {})}
    columns = {"A": "A errs", "B": "B errs", "A and replicas": "A and replicas"}
    lines = [
        {
            kind: item.group, "rows": item.rows,
            **{columns[version]: getattr(item, rate) for version, rate in rates.items()},
            "more": item.more, "low": item.low, "high": item.high, "p, all together": item.p_value,
        }
        for item in found
    ]  # fmt: skip
    shown = found[:SHOWN]
    sets = {version: [getattr(item, rate) for item in shown] for version, rate in rates.items()}
    names = [words.get(item.group, item.group) for item in shown]
    return {
        "tables": [table(f"Share of wrong answers, by {kind}", lines)],
        "panels": [bars("Wrong answers", "", "share of rows", sets, names)],
    }


def _lines(ensemble: Ensemble, quality: np.ndarray, seed: int) -> list[dict[str, object]]:
    label, lines = SCORES[ensemble.task], []
    for name, values in zip(ensemble.names, quality, strict=True):
        low, high = bootstrap_mean(values, seed)
        lines.append({"version": name, label: float(values.mean()), "95 % low": low, "95 % high": high})
    return lines
