"""Bias: does the model treat people differently by who they are, and which of its columns tell it who they are?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from xai.auditing.audit_data import Prepared, Rows
from xai.auditing.checks.proxies import proxies
from xai.auditing.checks.slices import find_slices
from xai.auditing.finding_figures import bars, table
from xai.auditing.limits import ALPHA, judge, untestable
from xai.auditing.rates import LEAST, GroupRate, compare_groups, largest
from xai.auditing.row_features import attributes
from xai.model.model import Model
from xai.results.finding import Finding

__all__ = ["bias"]

MOST_CLASSES = 20
SHOWN = 6  # groups in the picture; the table has all


def bias(model: Model, data: Prepared, *, seed: int = 0, least: int = LEAST) -> list[Finding]:
    """Return how answers and errors differ between groups, and where in the data the model errs most.

    Groups come from the protected columns; slices of any data are found by a tree on one half of the rows and measured
    on the other. Groups with fewer than `least` rows are left out. Every difference is a group against all other rows;
    intervals and p-values are corrected for the number of groups. Answers and labels are compared over both parts of
    the data, errors on held-out rows alone.
    Sources: Hardt, Price and Srebro 2016, arXiv:1610.02413, for equal opportunity.
    """
    rows, train = data.held_out, data.train
    parts = [rows] if train is None or list(train.groups.columns) != list(rows.groups.columns) else [train, rows]
    names = ("bias.labels", "bias.demographic_parity", "bias.equal_opportunity", "bias.errors", "bias.proxies")
    if rows.groups.shape[1] == 0:
        reason = "no column says who a row is; name protected columns, or give groups."
        found = [untestable(name, reason) for name in names]
    elif rows.task not in ("classification", "binary"):
        found = [untestable(name, "it compares shares of answers of one class per row.") for name in names]
        found[3] = _errors(rows, least)
    else:
        everybody = pd.concat([part.groups for part in parts], ignore_index=True)
        answers = torch.cat([part.predicted for part in parts]).numpy()
        labels = torch.cat([part.labels for part in parts]).numpy()
        found = [
            _parity("bias.labels", model, rows, everybody, labels, "are labelled", least),
            _parity("bias.demographic_parity", model, rows, everybody, answers, "are called", least),
            _opportunity(model, rows, least),
            _errors(rows, least),
            proxies(model, data, seed),
        ]
    admitted = 1 - rows.prediction.amax(1).numpy() if rows.task in ("classification", "binary") else None
    return [*found, find_slices(attributes(model, rows.inputs), _wrong(rows), admitted, seed)]


def _parity(
    name: str, model: Model, rows: Rows, groups: pd.DataFrame, said: np.ndarray, verb: str, least: int
) -> Finding:
    events = {label: (said == number).astype(np.float64) for number, label in _classes(model, rows)}
    found = compare_groups(groups, events, least)
    kind = "fact of the data" if name == "bias.labels" else "difference of answers"
    return _finding(name, found, f"{verb} {{what}}", "rows", least, f"no {kind} between a group and all others")


def _opportunity(model: Model, rows: Rows, least: int) -> Finding:
    """Compare how often rows of a class are found: the rate of true positives, by group."""
    labels, called = rows.labels.numpy(), rows.predicted.numpy()
    events = {
        label: np.where(labels == number, (called == number).astype(np.float64), np.nan)
        for number, label in _classes(model, rows)
    }
    name = "bias.equal_opportunity"
    control = "the same share of each class is found in a group and in all others"
    return _finding(
        name, compare_groups(rows.groups, events, least), "are found as {what}", "rows of the class", least, control
    )


def _errors(rows: Rows, least: int) -> Finding:
    wrong = _wrong(rows)
    events = {"answered wrongly": wrong}
    control = "as many errors in a group as in all others"
    return _finding("bias.errors", compare_groups(rows.groups, events, least), "are {what}", "rows", least, control)


def _finding(name: str, found: list[GroupRate], verb: str, unit: str, least: int, control: str) -> Finding:
    if not found:
        return untestable(name, f"no group has {least} {unit}.")
    worst = largest(found)
    ordered = sorted(found, key=lambda rate: (-rate.certain, -abs(rate.difference)))
    lines = [
        {
            "group": rate.name, "class": rate.what, "rows": rate.count, "rate": rate.rate, "rest": rate.rest,
            "difference": rate.difference, "low": rate.low, "high": rate.high, "p (Holm)": rate.p_value,
        }
        for rate in ordered
    ]  # fmt: skip
    same = [rate for rate in ordered if rate.what == worst.what and rate.column == worst.column][:SHOWN]
    panel = bars(
        f"{worst.column}: {verb.format(what=worst.what)}",
        "",
        "share",
        {"group": [rate.rate for rate in same], "all others": [rate.rest for rate in same]},
        [rate.group for rate in same],
    )
    details = {
        "groups": [rate.to_dict() for rate in ordered], "comparisons": len(found), "p_value": worst.p_value,
        "tables": [table("Groups against all other rows, the most certain difference first", lines)], "panels": [panel],
    }  # fmt: skip
    beyond = list(
        dict.fromkeys(rate.column for rate in ordered if rate.p_value <= ALPHA and rate.column != worst.column)
    )
    more = f"; beyond chance also by {', '.join(beyond)}" if beyond else ""
    text = (
        f"Of {worst.name}, {100 * worst.rate:.0f} % {verb.format(what=worst.what)}; of all others, "
        f"{100 * worst.rest:.0f} %{more if worst.p_value <= ALPHA else ' (no more than chance makes)'}."
    )
    control = f"{control}; intervals and p-values hold for all {len(found)} comparisons together"
    low, high = (worst.low, worst.high) if worst.difference >= 0 else (-worst.high, -worst.low)
    score = abs(worst.difference) if worst.p_value <= ALPHA else worst.certain
    return judge(name, score, (low, high), control, text, details)


def _classes(model: Model, rows: Rows) -> list[tuple[int, str]]:
    """Return the classes to compare: of two, the second alone, since the first is what is left."""
    names = model.classes or [str(number) for number in range(rows.outputs)]
    numbers = [1] if rows.outputs == 2 else list(range(min(rows.outputs, MOST_CLASSES)))
    return [(number, names[number]) for number in numbers]


def _wrong(rows: Rows) -> np.ndarray:
    """Return 1.0 where an answer is wrong; of a regression, where its error is among the largest quarter."""
    if rows.task != "regression":
        return 1 - rows.quality.numpy()
    errors = (rows.prediction - rows.labels).abs().mean(1).numpy()
    return (errors > np.quantile(errors, 0.75)).astype(np.float64)
