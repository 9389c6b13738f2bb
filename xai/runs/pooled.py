"""The evidence of all rows together, by method, class, and whether the model was right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from xai.base.statistics import ALPHA, wilson
from xai.evidence.verdict import VERDICTS
from xai.runs.store import Run

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["by_group", "largest_features", "pooled_checks", "pooled_verdicts"]

MOST_CLASSES = 20


def by_group(lines: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the lines of all rows, of those that are right and wrong, and of each frequent predicted class."""
    yield "all rows", lines
    for word, value in (("right", True), ("wrong", False)):
        part = lines[lines["correct"] == value]
        if len(part):
            yield word, part
    counts = lines["predicted"].value_counts()
    if len(counts) <= 0.5 * len(lines) or len(counts) <= MOST_CLASSES:  # else they are numbers of a regression
        for name in sorted(counts.index[:MOST_CLASSES]):
            yield f"predicted {name}", lines[lines["predicted"] == name]


def pooled_verdicts(lines: pd.DataFrame) -> list[dict[str, object]]:
    """Return, of each method and group, how many explanations have each verdict, and the share that is supported.

    The share has its 95 % Wilson interval; untestable explanations do not count in it.
    """
    found = []
    for method, part in lines[lines["verdict"].notna()].groupby("method", sort=False):
        for group, rows in by_group(part):
            counts = {verdict: int((rows["verdict"] == verdict).sum()) for verdict in VERDICTS}
            tested = sum(counts.values()) - counts["untestable"]
            share = counts["supported"] / tested if tested else None
            low, high = wilson(counts["supported"], tested) if tested else (None, None)
            entry = {"method": method, "group": group, "rows": len(rows), **counts}
            found.append({**entry, "share": share, "low": low, "high": high})
    return found


def pooled_checks(lines: pd.DataFrame, checks: list[str]) -> list[dict[str, object]]:
    """Return, of each method and check, how many rows have each status, and how often p is at most 0.05.

    expected: how often it would be, were the maps no better than their controls; p_value: of as many or more by chance
    (exact binomial test, one-sided).
    """
    from scipy.stats import binomtest

    found = []
    for method, part in lines.groupby("method", sort=False):
        for check in checks:
            status = part[f"{check}_status"].dropna()
            if not len(status):
                continue
            counts = {word: int((status == word).sum()) for word in ("pass", "warn", "fail", "untestable")}
            p = part[f"{check}_p"].dropna()
            small = int((p <= ALPHA).sum())
            entry = {"method": method, "check": check, "rows": len(status), **counts, "tested": len(p)}
            chance = float(binomtest(small, len(p), ALPHA, alternative="greater").pvalue) if len(p) else None
            found.append({**entry, "small": small / len(p) if len(p) else None, "p_value": chance})
    return found


def largest_features(run: Run, method: str) -> list[dict[str, object]]:
    """Return how often each feature is among a row's five largest, and its mean value there, most frequent first.

    The lines of all rows are read, some at a time.
    """
    counts: dict[str, int] = defaultdict(int)
    sums: dict[str, float] = defaultdict(float)
    total = 0
    for batch in run.batches({"method": method}, ["top"]):
        tops = batch.column("top").drop_null()
        total += len(tops)
        items = tops.flatten()
        for name, value in zip(items.field("name").to_pylist(), items.field("value").to_pylist(), strict=True):
            counts[name] += 1
            sums[name] += value
    ordered = sorted(counts.items(), key=lambda item: (-item[1] / total, item[0]))
    return [
        {"feature": name, "share of rows": count / total, "mean value": sums[name] / count} for name, count in ordered
    ]
