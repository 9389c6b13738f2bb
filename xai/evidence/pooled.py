"""One finding over many rows: what a single row is too small to show, ten rows may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xai.base.statistics import ALPHA, rank_p_value
from xai.evidence.faithfulness_finding import CLASS_BLIND, short_of
from xai.evidence.limits import SUPPORTS
from xai.results.finding import Finding

__all__ = ["pooled_finding", "slimmed"]

KEPT = 49  # of the controls' numbers, in a finding's details
DRAWN = 9999  # combinations of controls, where not all can be tried
ENUMERATED = 10_000


def pooled_finding(findings: Sequence[Finding]) -> Finding | None:
    """Return the finding of faithfulness over all rows, or None where fewer than two could be measured.

    The statistic is the mean of the rows' correlations. Under the null hypothesis each row's map is exchangeable with
    its controls, independently of other rows: all combinations of one map per row are tried, or 9,999 drawn ones.

    >>> rows = [Finding("faithfulness", "untestable", 1.0, 0.75, "", "", {
    ...     "claim": "additive", "control_scores": [-0.2] * 7, "rivals": {}, "reliability": 1.0, "control_mean": -0.2,
    ... }) for _ in range(3)]
    >>> found = pooled_finding(rows)
    >>> found.status, round(found.details["p_value"], 4)  # one of 8 places, three times
    ('pass', 0.002)
    """
    rows = [item for item in findings if item.check == "faithfulness" and item.details.get("control_scores")]
    if len(rows) < 2:
        return None
    each = np.array([item.score for item in rows])
    controls = [np.array(item.details["control_scores"]) for item in rows]
    null = _combined([np.append(part, one) for part, one in zip(controls, each, strict=True)], len(findings))
    among = len(null) != DRAWN  # of drawn combinations the map's own is one more
    p_value = rank_p_value(null, float(each.mean()), among=among)
    p_worse = rank_p_value(null, float(each.mean()), among=among, below=True)
    low, high = _interval(each)
    rivals = _rivals(rows)
    claim = str(rows[0].details["claim"])
    limit = SUPPORTS[claim]
    details = {
        "claim": claim, "rows": len(rows), "p_value": p_value, "p_worse": p_worse, "low": low, "high": high,
        "rivals": rivals, "control_mean": float(np.mean([part.mean() for part in controls])),
        "ways": _ways(rows),
    }  # fmt: skip
    correlates = f"correlates {short_of(float(each.mean()), limit)} ({low:.2f} to {high:.2f})"
    says = f"over {len(rows)} rows what the map claims {correlates} on average with what was measured"
    better = [name for name, value in rivals.items() if value > each.mean() + 0.02]
    if p_worse <= ALPHA and high < 0:
        status, text = "fail", f"Contradicted: {says}, which is worse than chance."
    elif p_value > ALPHA or each.mean() < limit:
        status, text = "warn", f"Not shown: {says} (p = {p_value:.2g}); {limit:.2f} would have been enough."
    elif better:
        named = " and ".join(f"{name} ({rivals[name]:.2f})" for name in better)
        status, text = "warn", f"Not shown: {says}, but no better than {named}."
    elif rows[0].details.get("class_blind"):
        status, text = "warn", f"Not shown: {says} (p = {p_value:.2g}). {CLASS_BLIND}"
    else:
        status, text = "pass", f"Supported: {says} (p = {p_value:.2g})."
    return Finding("faithfulness", status, float(each.mean()), limit, "maps with their values elsewhere", text, details)


def slimmed(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings with no more of their controls' numbers than a picture needs."""
    return [replace(item, details=_slim(item.details)) for item in findings]


def _slim(details: dict[str, object]) -> dict[str, object]:
    scores = details.get("control_scores")
    if not isinstance(scores, list) or len(scores) <= KEPT:
        return details
    kept = np.quantile(scores, (np.arange(KEPT) + 0.5) / KEPT)
    return {**details, "control_scores": [round(float(value), 4) for value in kept]}


def _combined(choices: list[np.ndarray], seed: int) -> np.ndarray:
    """Return the mean over rows for every combination of one choice per row, or for drawn ones."""
    if np.prod([float(len(part)) for part in choices]) <= ENUMERATED:
        total = np.zeros(1)
        for part in choices:
            total = np.add.outer(total, part).ravel()
        return total / len(choices)
    generator = np.random.default_rng(seed)
    return np.mean([generator.choice(part, DRAWN) for part in choices], axis=0)


def _interval(each: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of the mean over rows like these (Student's t)."""
    from scipy.stats import t

    reach = float(t.ppf(0.975, len(each) - 1)) * float(each.std(ddof=1)) / len(each) ** 0.5
    return max(-1.0, float(each.mean()) - reach), min(1.0, float(each.mean()) + reach)


def _rivals(rows: Sequence[Finding]) -> dict[str, float]:
    """Return the mean of each rival that stands in every row; those for another class count as one."""
    named = [
        {("the same method for another class" if name.startswith("the same method") else name): value
         for name, value in item.details["rivals"].items()}
        for item in rows
    ]  # fmt: skip
    shared = [name for name in named[0] if all(name in one for one in named)]
    return {name: float(np.mean([one[name] for one in named])) for name in shared}


def _ways(rows: Sequence[Finding]) -> dict[str, float]:
    ways = [item.details.get("ways", {}) for item in rows]
    return {name: float(np.mean([one[name]["score"] for one in ways if name in one])) for name in ways[0]}
