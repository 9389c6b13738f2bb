"""Bias: does the model treat people differently by who they are, and which of its columns tell it who they are?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from xai.auditing.audit_data import Prepared, Split
from xai.auditing.checks.proxies import proxies
from xai.auditing.checks.slices import slices
from xai.auditing.finding_figures import bars, table
from xai.auditing.kinds import class_names
from xai.auditing.rates import LEAST, GroupRate, compare_groups, largest
from xai.auditing.scores import ONE_CLASS
from xai.auditing.sentences import sentence
from xai.auditing.verdicts import Measured, Untestable, tested
from xai.base.statistics import ALPHA
from xai.model.model import Model
from xai.results.finding import Finding

__all__ = ["bias"]

MOST_CLASSES = 20
SHOWN = 6  # groups in the picture; the table has all
HARM = {"bias.errors": 1, "bias.equal_opportunity": -1}  # is more, or less, of it worse for a group?


def bias(model: Model, data: Prepared, *, seed: int = 0, least: int = LEAST) -> list[Finding]:
    """Return how answers and errors differ between groups, and where in the data the model errs most.

    Groups come from the protected columns; slices of any data are found by a tree on one half of the rows and measured
    on the other. Groups with fewer than `least` rows are left out. Every difference is a group against all other rows;
    intervals and p-values are corrected for the number of groups. Answers and labels are compared over both parts of
    the data, errors on held-out rows alone.
    Sources: Hardt, Price and Srebro 2016, arXiv:1610.02413, for equal opportunity.
    """
    return [
        tested("bias.labels", _parity, model, data, "bias.labels", least),
        tested("bias.demographic_parity", _parity, model, data, "bias.demographic_parity", least),
        tested("bias.equal_opportunity", _opportunity, model, data.held_out, least),
        tested("bias.errors", _errors, data.held_out, least),
        tested("bias.proxies", proxies, model, data, seed),
        tested("bias.slices", slices, model, data.held_out, wrong_answers(data.held_out), seed),
    ]


def _check_groups(split: Split, *, one_class: bool = True) -> None:
    if split.groups.shape[1] == 0:
        raise Untestable("no_groups")
    if one_class and split.task not in ONE_CLASS:
        raise Untestable("no_group_rates")


def _parity(model: Model, data: Prepared, name: str, least: int) -> Measured:
    """Compare how often a class is labelled, or predicted, over both parts of the data."""
    held_out, train = data.held_out, data.train
    _check_groups(held_out)
    both = train is not None and list(train.groups.columns) == list(held_out.groups.columns)
    parts = [train, held_out] if both else [held_out]
    groups = pd.concat([part.groups for part in parts], ignore_index=True)
    classes = torch.cat([part.labels if name == "bias.labels" else part.predicted for part in parts]).numpy()
    events = {label: (classes == number).astype(np.float64) for number, label in _compared(model, held_out)}
    verb = "are labelled {what}" if name == "bias.labels" else "are called {what}"
    return _measured(name, compare_groups(groups, events, least), verb, "rows", least)


def _opportunity(model: Model, split: Split, least: int) -> Measured:
    """Compare how often rows of a class are found: the rate of true positives, by group."""
    _check_groups(split)
    labels, predicted = split.labels.numpy(), split.predicted.numpy()
    events = {
        label: np.where(labels == number, (predicted == number).astype(np.float64), np.nan)
        for number, label in _compared(model, split)
    }
    found = compare_groups(split.groups, events, least)
    return _measured("bias.equal_opportunity", found, "are found as {what}", "rows of the class", least)


def _errors(split: Split, least: int) -> Measured:
    _check_groups(split, one_class=False)
    found = compare_groups(split.groups, {"answered wrongly": wrong_answers(split)}, least)
    return _measured("bias.errors", found, "are {what}", "rows", least)


def _measured(name: str, found: list[GroupRate], verb: str, unit: str, least: int) -> Measured:
    if not found:
        raise Untestable("small_groups", least=least, unit=unit)
    worst = largest(found)
    ordered = sorted(found, key=lambda rate: (-rate.certain, -abs(rate.difference)))
    also = [rate.column for rate in ordered if rate.p_value <= ALPHA and rate.column != worst.column]
    by_chance = worst.p_value > ALPHA
    if by_chance:
        note = sentence("bias", "chance", {})
    else:
        note = sentence("bias", "also", {"columns": dict.fromkeys(also)}) if also else ""
    facts = {
        "column": worst.column, "group": worst.group, "what": worst.what, "rate": worst.rate, "rest": worst.rest,
        "note": note, "together": sentence("bias", "together", {"comparisons": len(found)}),
    }  # fmt: skip
    details = {
        "groups": [rate.to_dict() for rate in ordered], "comparisons": len(found), "p_value": worst.p_value,
        **_pictures(ordered, worst, verb),
    }  # fmt: skip
    # The sentence begins with those who fare worse.
    outcome = "others" if worst.difference * HARM.get(name, 0) < 0 else "text"
    interval = (worst.low, worst.high) if worst.difference >= 0 else (-worst.high, -worst.low)
    score = worst.certain if by_chance else abs(worst.difference)
    return Measured(score, interval, facts, details, outcome)


def _pictures(ordered: list[GroupRate], worst: GroupRate, verb: str) -> dict[str, object]:
    lines = [
        {
            "group": rate.name, "class": rate.what, "rows": rate.count, "rate": rate.rate, "rest": rate.rest,
            "difference": rate.difference, "low": rate.low, "high": rate.high, "p (Holm)": rate.p_value,
        }
        for rate in ordered
    ]  # fmt: skip
    shown = [rate for rate in ordered if rate.what == worst.what and rate.column == worst.column][:SHOWN]
    sets = {"group": [rate.rate for rate in shown], "all others": [rate.rest for rate in shown]}
    title = f"{worst.column}: {verb.format(what=worst.what)}"
    return {
        "tables": [table("Groups against all other rows, the most certain difference first", lines)],
        "panels": [bars(title, "", "share", sets, [rate.group for rate in shown])],
    }


def _compared(model: Model, split: Split) -> list[tuple[int, str]]:
    """Return the classes to compare: of two, the second alone, since the first is what is left."""
    names = class_names(model, split.outputs)
    numbers = [1] if split.outputs == 2 else list(range(min(split.outputs, MOST_CLASSES)))
    return [(number, names[number]) for number in numbers]


def wrong_answers(split: Split) -> np.ndarray:
    """Return 1.0 where an answer is wrong; of a regression, where its error is among the largest quarter."""
    if split.task != "regression":
        return 1 - split.quality.numpy()
    errors = (split.prediction - split.labels).abs().mean(1).numpy()
    return (errors > np.quantile(errors, 0.75)).astype(np.float64)
