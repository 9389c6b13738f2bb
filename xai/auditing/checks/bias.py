"""Bias: does the model treat people differently by who they are, and which of its columns tell it who they are?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from xai.auditing.checks.group_events import called, found, labelled, wrong_answers, wrongly
from xai.auditing.checks.group_tests import crossed, group_errors, group_residuals, has_small_groups, small_groups
from xai.auditing.checks.proxies import proxies
from xai.auditing.checks.slices import slices
from xai.auditing.checks.thresholds import other_threshold
from xai.auditing.finding_figures import bars, table
from xai.auditing.rates import LEAST, GroupRate, compare_groups, largest
from xai.auditing.row_metadata import weights_of
from xai.auditing.scores import ONE_CLASS
from xai.auditing.sentences import sentence
from xai.auditing.split import Prepared, Split
from xai.auditing.verdicts import Measured, Untestable, tested
from xai.base.statistics import ALPHA
from xai.base.weighted_statistics import effective_count
from xai.model.model import Model
from xai.results.finding import Finding

__all__ = ["bias"]

SHOWN = 6  # groups in the picture; the table has all
HARM = {"errors": 1, "opportunity": -1}  # is more, or less, of it worse for a group?


def bias(model: Model, data: Prepared, *, seed: int = 0, least: int = LEAST) -> list[Finding]:
    """Return how answers and errors differ between groups, and where in the data the model errs most.

    Groups come from the protected columns; slices of any data are found by a tree on one half of the rows and measured
    on the other. Groups with fewer than `least` rows are tested exactly, apart from the others; two or more protected
    columns also cross. Every difference is a group against all other rows; intervals and p-values are corrected for the
    number of groups. Rows that stand for unequal numbers of rows count by weight, but for small groups, proxies and
    slices. Answers and labels are compared over both parts of the data, errors on held-out rows alone. Values
    of a regression are compared as those above the median.
    Sources: Hardt, Price and Srebro 2016, arXiv:1610.02413, for equal opportunity.
    """
    return [
        tested("bias.labels", _parity, model, data, "bias.labels", least),
        *_rates(model, data, ("bias.demographic_parity", "bias.equal_opportunity", "bias.errors"), least),
        tested("bias.proxies", proxies, model, data, seed),
        tested("bias.slices", slices, model, data.held_out, wrong_answers(data.held_out), seed),
        *_more(model, data, least, seed),
    ]


def _rates(model: Model, data: Prepared, names: tuple[str, str, str], least: int) -> list[Finding]:
    parity, opportunity, errors = names
    return [
        tested(parity, _parity, model, data, parity, least),
        tested(opportunity, _opportunity, model, data.held_out, opportunity, least),
        tested(errors, _errors, model, data.held_out, errors, least),
    ]


def _more(model: Model, data: Prepared, least: int, seed: int) -> list[Finding]:
    """Return the findings that only some groups call for."""
    split, more = data.held_out, []
    if split.groups.shape[1] == 0:
        return []
    if split.task == "regression":
        more.append(tested("bias.residual", group_residuals, model, split, least))
        more.append(tested("bias.mean_error", group_errors, split, least))
    else:
        more.append(tested("bias.calibration", group_residuals, model, split, least))
    if split.task in ONE_CLASS and split.outputs == 2:
        more.append(tested("bias.threshold", other_threshold, model, split, least, seed))
    if split.task != "regression" and has_small_groups(split, least):
        more.append(tested("bias.small_groups", small_groups, split, least))
    if split.groups.shape[1] > 1:
        names = ("bias.crossed_parity", "bias.crossed_opportunity", "bias.crossed_errors")
        more += _rates(model, crossed(data, least), names, least)
    return more


def _check_groups(split: Split) -> None:
    if split.groups.shape[1] == 0:
        raise Untestable("no_groups")


def _parity(model: Model, data: Prepared, name: str, least: int) -> Measured:
    """Compare how often a class is labelled, or predicted, over both parts of the data."""
    held_out, train = data.held_out, data.train
    _check_groups(held_out)
    both = train is not None and list(train.groups.columns) == list(held_out.groups.columns)
    parts = [train, held_out] if both else [held_out]
    if held_out.weights is not None and train is not None and train.metadata_of("weights") is None:
        parts = [held_out]  # training rows of unknown weight cannot be put beside them
    groups = pd.concat([part.groups for part in parts], ignore_index=True)
    labels = name.endswith("labels")
    events = (labelled if labels else called)(model, parts)
    verb = "are labelled {what}" if labels else "are called {what}"
    weights = weights_of([part.metadata for part in parts])
    rates = compare_groups(groups, events, least, weights)
    return _measured(name, rates, events, verb, "rows", least, weights)


def _opportunity(model: Model, split: Split, name: str, least: int) -> Measured:
    """Compare how often rows of a class are found: the rate of true positives, by group."""
    _check_groups(split)
    events = found(model, split)
    rates = compare_groups(split.groups, events, least, split.weights)
    return _measured(name, rates, events, "are found as {what}", "rows of the class", least, split.weights)


def _errors(model: Model, split: Split, name: str, least: int) -> Measured:
    _check_groups(split)
    events = wrongly(model, split)
    rates = compare_groups(split.groups, events, least, split.weights)
    return _measured(name, rates, events, "are {what}", "rows", least, split.weights)


def _measured(
    name: str,
    rates: list[GroupRate],
    events: dict[str, np.ndarray],
    verb: str,
    unit: str,
    least: int,
    weights: np.ndarray | None,
) -> Measured:
    if not rates:
        raise Untestable("small_groups", least=least, unit=unit)
    worst = largest(rates)
    ordered = sorted(rates, key=lambda rate: (-rate.certain, -abs(rate.difference)))
    also = [rate.column for rate in ordered if rate.p_value <= ALPHA and rate.column != worst.column]
    by_chance = worst.p_value > ALPHA
    if by_chance:
        note = sentence("bias", "chance", {})
    else:
        note = sentence("bias", "also", {"columns": dict.fromkeys(also)}) if also else ""
    facts = {
        "column": worst.column, "group": worst.group, "what": worst.what, "rate": worst.rate,
        "other_rate": worst.other_rate, "note": note,
        "together": sentence("bias", "together", {"comparisons": len(rates)}),
    }  # fmt: skip
    details = {
        "groups": [rate.to_dict() for rate in ordered], "comparisons": len(rates), "p_value": worst.p_value,
        **_pictures(ordered, worst, verb),
    }  # fmt: skip
    # The sentence begins with those who fare worse.
    harm = next((sign for end, sign in HARM.items() if name.endswith(end)), 0)
    outcome = "others" if worst.difference * harm < 0 else "text"
    interval = (worst.low, worst.high) if worst.difference >= 0 else (-worst.high, -worst.low)
    score = worst.certain if by_chance else abs(worst.difference)
    effective = None if weights is None else effective_count(weights[~np.isnan(events[worst.what])])
    return Measured(score, interval, facts, details, outcome, effective=effective)


def _pictures(ordered: list[GroupRate], worst: GroupRate, verb: str) -> dict[str, object]:
    lines = [
        {
            "group": rate.name, "class": rate.what, "rows": rate.count, "rate": rate.rate,
            "others": rate.other_rate, "difference": rate.difference, "low": rate.low, "high": rate.high,
            "p (Holm)": rate.p_value,
        }
        for rate in ordered
    ]  # fmt: skip
    shown = [rate for rate in ordered if rate.what == worst.what and rate.column == worst.column][:SHOWN]
    sets = {"group": [rate.rate for rate in shown], "all others": [rate.other_rate for rate in shown]}
    title = f"{worst.column}: {verb.format(what=worst.what)}"
    return {
        "tables": [table("Groups against all other rows, the most certain difference first", lines)],
        "panels": [bars(title, "", "share", sets, [rate.group for rate in shown])],
    }
