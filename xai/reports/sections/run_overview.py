"""The chapters of a report on a run that are read off its lines: predictions, errors, evidence, failures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from xai.base.statistics import wilson
from xai.reports.escape import render
from xai.runs.clusters import ORDER
from xai.runs.pooled import MOST_CLASSES, pooled_checks, pooled_verdicts
from xai.runs.store import Run

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["evidence_body", "failures_body", "overview_lead", "rows_body", "word"]

MOST_PAIRS = 10
MOST_FAILURES = 50
MOST_ROWS = 300  # that can be searched
COLUMNS = ["row", "id", "method", "predicted", "label", "right", "probability", "verdict", "largest"]
FILTERED = {"method", "predicted", "label", "right", "verdict"}  # by which rows can be chosen
MOST_WORDS = 100  # of such a choice; more are searched for


def overview_lead(run: Run, lines: pd.DataFrame) -> Markup:
    """Return what stands first: how many rows, how often the model is right, and what supports its explanations."""
    one = lines[lines["method"] == run.methods[0]]
    known = one[one["correct"].notna()]
    right = int((known["correct"] == True).sum())  # noqa: E712 - a column of objects
    facts = {
        "rows": len(one),
        "failed": int(lines["error"].notna().sum()),
        "explanations": len(lines),
        "finished": run.finished,
        "labelled": len(known),
        "right": right,
        "interval": wilson(right, len(known)) if len(known) else None,
    }
    pooled = [entry for entry in pooled_verdicts(lines) if entry["group"] == "all rows"]
    return render("run_overview.html", **facts, pooled=pooled, classes=_classes(one), pairs=_pairs(known))


def _classes(one: pd.DataFrame) -> list[dict[str, object]]:
    """Return a line for each predicted class: how many rows, how sure, how often right."""
    counts = one["predicted"].value_counts()
    if len(counts) > 0.5 * len(one) and len(counts) > MOST_CLASSES:  # the numbers of a regression
        return []
    found = []
    for name, count in counts.head(MOST_CLASSES).items():
        rows = one[one["predicted"] == name]
        known = rows["correct"].dropna()
        share = float(known.astype(float).mean()) if len(known) else None
        found.append({"name": name, "rows": int(count), "probability": rows["probability"].mean(), "right": share})
    return found


def _pairs(known: pd.DataFrame) -> list[dict[str, object]]:
    """Return the errors that are made most often."""
    wrong = known[known["correct"] == False]  # noqa: E712 - a column of objects
    pairs = wrong.groupby(["label", "predicted"]).size().sort_values(ascending=False, kind="stable").head(MOST_PAIRS)
    return [{"label": label, "predicted": predicted, "rows": int(count)} for (label, predicted), count in pairs.items()]


def word(value: object) -> str:
    """Return an entry of a column of words, nothing where it has none.

    >>> word("cat"), word(float("nan")), word(None)
    ('cat', '', '')
    """
    return value if isinstance(value, str) else ""


def evidence_body(lines: pd.DataFrame, checks: list[str]) -> Markup:
    """Return the verdicts by method and group, and each check by method."""
    several = lines["method"].nunique() > 1
    found = {"verdicts": pooled_verdicts(lines), "checks": pooled_checks(lines, checks)}
    return render("run_evidence.html", **found, several=several)


def rows_body(run: Run, lines: pd.DataFrame) -> Markup:
    """Return the explanations with the least evidence, and of errors the surest, in a table that can be searched."""
    kept = lines[lines["error"].isna()].copy()
    kept["order"] = kept["verdict"].map(ORDER).fillna(len(ORDER))
    kept["surely wrong"] = (kept["correct"] == False) * kept["probability"].fillna(0.0)  # noqa: E712
    figures = [name for name in kept.columns if name.endswith("_p")]
    kept["by chance"] = kept[figures].max(axis=1).fillna(0.0) if figures else 0.0
    keys = {"order": True, "surely wrong": False, "by chance": False, "row": True}
    kept = kept.sort_values(list(keys), ascending=list(keys.values()), kind="stable").head(MOST_ROWS)
    found = run.to_frame({"row": sorted(set(kept["row"].tolist()))}, ["row", "method", "top"])
    tops = {(row, method): top for row, method, top in found.itertuples(index=False)}
    shown = [
        {
            "row": entry["row"], "id": entry["id"], "method": entry["method"], "predicted": entry["predicted"],
            "label": word(entry["label"]), "probability": entry["probability"], "verdict": word(entry["verdict"]),
            "right": {True: "yes", False: "no"}.get(entry["correct"], ""),
            "largest": _in_words(tops[entry["row"], entry["method"]]),
        }
        for entry in kept.to_dict("records")
    ]  # fmt: skip
    filled = [name for name in COLUMNS if any(entry[name] not in ("", None) for entry in shown)]
    if len(run.methods) == 1:
        filled.remove("method")
    filters = [
        (filled.index(name), name, sorted({entry[name] for entry in shown} - {""})) for name in FILTERED & set(filled)
    ]
    few = sorted(entry for entry in filters if len(entry[2]) <= MOST_WORDS)
    return render("run_rows.html", rows=shown, total=len(lines), columns=filled, filters=few)


def _in_words(top: list[dict[str, object]]) -> str:
    return ", ".join(f"{item['name']} ({item['value']:.2g})" for item in top[:3])


def failures_body(lines: pd.DataFrame) -> Markup:
    """Return the rows that failed with their errors."""
    failed = lines[lines["error"].notna()]
    rows = failed[["row", "id", "method", "error"]].head(MOST_FAILURES).to_dict("records")
    return render("rows.html", columns=["row", "id", "method", "error"], rows=rows, total=len(failed))
