"""Shortcuts of tables that are no single value: pairs of columns that hold the label, numbers of rows and times."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch

from xai.auditing.checks.leakage import SkillEstimate, skill_of
from xai.auditing.finding_figures import table
from xai.auditing.kinds import table_of
from xai.auditing.row_features import features
from xai.auditing.scores import ONE_CLASS
from xai.auditing.split import Split
from xai.auditing.verdicts import Measured, Untestable
from xai.base.statistics import wilson
from xai.model.model import Model

__all__ = ["identifiers", "pair_leakage", "permuted"]

MOST_COLUMNS, MOST_ROWS, KEPT = 24, 400, 8
UNIQUE, MONOTONE = 0.98, 0.95
SHOWN = 10


def permuted(split: Split, columns: list[int], seed: int, jointly: bool = True) -> torch.Tensor:
    """Return inputs (N, D) with some columns taken from other rows: all from one row, or each from another one."""
    draw = torch.Generator().manual_seed(seed)
    inputs, order = split.inputs.clone(), torch.randperm(len(split), generator=draw)
    for column in columns:
        order = order if jointly else torch.randperm(len(split), generator=draw)
        inputs[:, column] = split.inputs[order, column]
    return inputs


class Pair(NamedTuple):
    """Two columns: how many answers change when both are permuted, jointly or separately, and how well they tell the
    label.

    alone: the skill of the better one of the two.
    """

    names: list[str]
    jointly: float
    separately: float
    joint_skill: SkillEstimate
    alone: float

    @property
    def joint(self) -> float:
        """Return the skill of both where it is plainly beyond that of one, else 0."""
        return self.joint_skill.skill if self.joint_skill.skill - self.alone > 0.05 else 0.0


def pair_leakage(model: Model, split: Split, known: Split, seed: int) -> Measured:
    """Return how well the label can be told from two columns together that do not tell it alone.

    Pairs are ranked by the information about the label that both columns, cut at their quartiles, hold together and
    neither holds alone. Random trees are then cross-validated on the best pairs. The details also say how many answers
    change when both columns are permuted, jointly and separately.
    """
    columns = table_of(model)
    if columns is None or len(columns.names) < 2:
        raise Untestable("only_pairs_of_columns")
    if split.task == "multilabel":
        raise Untestable("leak_of_one_label")
    few = split.sample(MOST_ROWS, seed)
    made = features(model, known.inputs)
    owner = np.array(made.owner)

    def values(*columns: int) -> np.ndarray:
        return made.parts[0][:, np.isin(owner, columns)]

    @cache
    def alone_of(column: int) -> float:
        return skill_of(values(column), known, seed).skill

    pairs = []
    for first, second in _informative(known, min(len(columns.names), MOST_COLUMNS)):
        jointly, separately = (_changed_share(model, few, [first, second], seed, flag) for flag in (True, False))
        joint_skill = skill_of(values(first, second), known, seed, jointly=True)
        alone = max(alone_of(first), alone_of(second))
        pairs.append(Pair([columns.names[first], columns.names[second]], jointly, separately, joint_skill, alone))
    best = max(pairs, key=lambda pair: pair.joint)
    facts = {"pair": best.names, "skill": best.joint_skill.skill, "alone": best.alone, "moved": best.jointly}
    interval = best.joint_skill.interval if best.joint else (0.0, 0.0)
    lines = [
        {
            "pair": " and ".join(pair.names), "changed together": pair.jointly, "changed apart": pair.separately,
            "skill": pair.joint_skill.skill, "alone": pair.alone, "joint": pair.joint,
        }
        for pair in pairs[:SHOWN]
    ]  # fmt: skip
    details = {"pair": best.names, "tables": [table("How far two columns tell the label", lines)]}
    return Measured(best.joint, interval, facts, details, "text" if best.joint else "none")


def _informative(known: Split, count: int) -> list[tuple[int, int]]:
    """Return the pairs of columns whose quarters, together, tell most about the label beyond what each tells alone."""
    from sklearn.metrics import mutual_info_score

    labels = known.labels.numpy() if known.task in ONE_CLASS else _quarters(known.labels[:, 0].double().numpy())
    codes = [_quarters(column) for column in known.inputs[:, :count].double().numpy().T]
    alone = [mutual_info_score(labels, code) for code in codes]
    beyond = {
        (a, b): mutual_info_score(labels, codes[a] * (codes[b].max() + 1) + codes[b]) - alone[a] - alone[b]
        for a, b in combinations(range(count), 2)
    }
    return sorted(beyond, key=lambda pair: -beyond[pair])[:KEPT]


def _quarters(values: np.ndarray) -> np.ndarray:
    """Return the number of the quarter of each value (N,), or of each of at most 8 values."""
    found, codes = np.unique(values, return_inverse=True)
    return codes if len(found) <= 8 else np.searchsorted(np.quantile(values, [0.25, 0.5, 0.75]), values)


def _changed_share(model: Model, split: Split, columns: list[int], seed: int, jointly: bool) -> float:
    """Return the share of answers that change, or of a regression by how many deviations, with permuted columns."""
    return float(_changes(model, split, columns, seed, jointly).mean())


def _changes(model: Model, split: Split, columns: list[int], seed: int, jointly: bool = True) -> np.ndarray:
    prediction = model.predict(permuted(split, columns, seed, jointly)).double().cpu()
    if split.task == "regression":
        std = split.labels.double().std(0).clamp_min(1e-12)
        return ((prediction - split.prediction).abs() / std).mean(1).clamp(max=1).numpy()
    if split.task in ONE_CLASS:
        return (split.called(prediction) != split.predicted).double().numpy()
    return ((prediction > 0.5) != (split.prediction > 0.5)).any(1).double().numpy()


def identifiers(model: Model, split: Split, known: Split, seed: int) -> Measured:
    """Return the share of answers that change with a column that only numbers or dates the rows.

    Such a column is near-unique and whole, or rises or falls with the order of the rows in both parts.
    """
    names = model.input.names
    found = [index for index in range(len(names)) if _numbers_rows(split, index) and _numbers_rows(known, index)]
    if not found:
        raise Untestable("no_identifier")
    changed = {names[index]: _changes(model, split, [index], seed) > 0.5 for index in found}
    shares = {name: float(rows.mean()) for name, rows in changed.items()}
    intervals = {name: wilson(int(rows.sum()), len(rows)) for name, rows in changed.items()}
    worst = max(shares, key=lambda name: shares[name])
    lines = [
        {"column": name, "changed": shares[name], "low": intervals[name][0], "high": intervals[name][1]}
        for name in changed
    ]
    details = {"tables": [table("Columns that number or date the rows", lines)]}
    facts = {"column": worst, "share": shares[worst], "columns": list(changed)}
    return Measured(shares[worst], intervals[worst], facts, details)


def _numbers_rows(split: Split, column: int) -> bool:
    from scipy.stats import spearmanr

    values = split.inputs[:, column].double().numpy()
    unique = len(np.unique(values)) / len(values)
    if unique < UNIQUE:
        return False
    whole = bool((values == np.round(values)).all()) and np.ptp(values) >= len(values)
    order = abs(float(spearmanr(values, split.index.numpy()).statistic))
    return whole or order > MONOTONE
