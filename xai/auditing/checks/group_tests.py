"""Findings on groups beside the rates of single ones: groups that cross, small ones, and means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd

from xai.auditing.checks.group_events import residuals, wrong_answers
from xai.auditing.finding_figures import table
from xai.auditing.rates import GroupRate, compare_groups, compare_means, largest
from xai.auditing.sentences import sentence
from xai.auditing.split import Prepared, Split
from xai.auditing.verdicts import Measured, Untestable
from xai.base.statistics import ALPHA
from xai.base.weighted_statistics import effective_count
from xai.model.model import Model

__all__ = ["cells", "crossed", "group_errors", "group_residuals", "has_small_groups", "small_groups", "wholly_wrong"]

MOST_COLUMNS = 6  # that cross with each other
FEWEST = 3  # rows of a small group
SHOWN = 12


def crossed(data: Prepared, least: int) -> Prepared:
    """Return the same data whose groups are the crossings of protected columns: all pairs, and three where rows allow.

    Three columns are crossed where an even share of the rows would give each crossing at least `least` of them.
    """
    names = data.held_out.groups.columns[:MOST_COLUMNS].tolist()
    words = [data.held_out.groups[name].nunique() for name in names]
    sets: list[tuple[int, ...]] = list(combinations(range(len(names)), 2))
    sets += [
        three
        for three in combinations(range(len(names)), 3)
        if len(data.held_out) >= least * np.prod([words[index] for index in three])
    ]
    chosen = [[names[index] for index in indices] for indices in sets]
    train = data.train
    if train is not None and list(train.groups.columns) == list(data.held_out.groups.columns):
        train = replace(train, groups=cells(train.groups, chosen))
    return replace(data, held_out=replace(data.held_out, groups=cells(data.held_out.groups, chosen)), train=train)


def cells(groups: pd.DataFrame, sets: Sequence[Sequence[str]]) -> pd.DataFrame:
    """Return for each set of columns one whose words are theirs together, by row.

    >>> cells(pd.DataFrame({"sex": ["f"], "age": ["old"]}), [["sex", "age"]]).to_dict("list")
    {'sex and age': ['f and old']}
    """
    made = {" and ".join(map(str, names)): groups[list(names)].astype(str).agg(" and ".join, axis=1) for names in sets}
    return pd.DataFrame(made, index=groups.index)


def has_small_groups(split: Split, least: int) -> bool:
    """Say whether a named group has too few rows for the other findings, and enough for an exact test."""
    return any(((counts >= FEWEST) & (counts < least)).any() for counts in _counts(split)) or bool(wholly_wrong(split))


def _counts(split: Split) -> list[pd.Series]:
    return [split.groups[name].value_counts() for name in split.groups.columns]


def wholly_wrong(split: Split) -> list[str]:
    """Return the named groups of at least three rows of which every one is answered wrongly."""
    if split.task == "regression":
        return []
    wrong = wrong_answers(split)
    found = []
    for name in split.groups.columns:
        for word, rows in split.groups.groupby(name, sort=True).indices.items():
            if len(rows) >= FEWEST and wrong[rows].min() == 1:
                found.append(f"{name} = {word}")
    return found


def small_groups(split: Split, least: int) -> Measured:
    """Return how much more often a group of 3 to `least` rows is answered wrongly, by Fisher's exact test.

    Groups of any size are among them where every answer is wrong: no test of rates may let those pass.
    """
    lost = wholly_wrong(split)
    every = compare_groups(split.groups, {"answered wrongly": wrong_answers(split)}, FEWEST)
    chosen = {rate.name for rate in every if rate.count < least or rate.name in lost}
    named = {
        name: column.where(_is_small(column, least) | column.map(lambda word, name=name: f"{name} = {word}" in lost))
        for name, column in split.groups.items()
    }
    found = compare_groups(pd.DataFrame(named), {"answered wrongly": wrong_answers(split)}, FEWEST)
    found = [rate for rate in found if rate.name in chosen]
    if lost and not found:  # there are no others to compare with
        return Measured(0.0, (0.0, 0.0), {"groups": lost}, {"wholly_wrong": lost}, "everybody")
    if not found:
        raise Untestable("no_small_groups", least=least)
    worst = max(found, key=lambda rate: (rate.low, rate.difference))
    by_chance = worst.p_value > ALPHA
    facts = {
        **worst.to_dict(), "note": sentence("bias", "chance", {}) if by_chance else "", "comparisons": len(found),
        "together": sentence("bias", "together", {"comparisons": len(found)}),
    }  # fmt: skip
    lines = [_line(rate) for rate in sorted(found, key=lambda rate: (-rate.low, rate.p_value))][:SHOWN]
    details = {"wholly_wrong": lost, "p_value": worst.p_value, "tables": [table("Small groups, exact tests", lines)]}
    score = max(0.0, worst.low) if by_chance else worst.difference
    at_most = "warn" if by_chance else "fail"
    return Measured(score, (worst.low, worst.high), facts, details, at_most=at_most)


def _is_small(column: pd.Series, least: int) -> pd.Series:
    counts = column.map(column.value_counts())
    return (counts >= FEWEST) & (counts < least)


def _line(rate: GroupRate) -> dict[str, object]:
    return {
        "group": rate.name, "of": rate.what, "rows": rate.count, "inside": rate.rate, "others": rate.other_rate,
        "difference": rate.difference, "low": rate.low, "high": rate.high, "p (Holm)": rate.p_value,
    }  # fmt: skip


def group_residuals(model: Model, split: Split, least: int) -> Measured:
    """Return where the mean of what is predicted minus what came true differs most between a group and the others."""
    rates = compare_means(split.groups, residuals(model, split), least, split.weights)
    return _means(rates, least, split.weights)


def group_errors(split: Split, least: int) -> Measured:
    """Return where the mean error of a regression, in deviations of the labels, differs most between groups."""
    std = split.labels.double().std(0).clamp_min(1e-12)
    size = ((split.prediction - split.labels).abs() / std).mean(1).numpy()
    rates = compare_means(split.groups, {"error": size}, least, split.weights)
    return _means(rates, least, split.weights, signed=True)


def _means(found: list[GroupRate], least: int, weights: np.ndarray | None, signed: bool = False) -> Measured:
    """Return the most certain difference of means; signed: only more is worse, so the sentence begins with those."""
    if not found:
        raise Untestable("small_groups", least=least, unit="rows")
    worst = largest(found)
    by_chance = worst.p_value > ALPHA
    facts = {
        **worst.to_dict(), "note": sentence("bias", "chance", {}) if by_chance else "",
        "together": sentence("bias", "together", {"comparisons": len(found)}),
    }  # fmt: skip
    lines = [_line(rate) for rate in sorted(found, key=lambda rate: (-rate.certain, -abs(rate.difference)))]
    interval = (worst.low, worst.high) if worst.difference >= 0 else (-worst.high, -worst.low)
    score = worst.certain if by_chance else abs(worst.difference)
    details = {"p_value": worst.p_value, "tables": [table("Means by group against all other rows", lines)]}
    effective = None if weights is None else effective_count(weights)
    outcome = "others" if signed and worst.difference < 0 else "text"
    return Measured(score, interval, facts, details, outcome, effective=effective)
