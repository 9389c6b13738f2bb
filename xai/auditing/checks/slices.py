"""Slices of the data where a model errs most, found on one half of the rows and measured on the other."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind

from xai.auditing.finding_figures import table
from xai.auditing.rates import LEAST
from xai.auditing.row_features import attributes
from xai.auditing.scores import ONE_CLASS
from xai.auditing.sentences import plain_number, sentence
from xai.auditing.split import Split
from xai.auditing.verdicts import Measured, Untestable
from xai.base.statistics import ALPHA, holm
from xai.model.model import Model

if TYPE_CHECKING:
    from sklearn.tree import DecisionTreeRegressor

__all__ = ["FEWEST", "coded", "grow_slices", "paths_of", "slices"]

DEPTH, SHARE = 3, 0.05  # at most 3 conditions; a slice has at least a twentieth of the rows
FEWEST = 8 * LEAST


def slices(model: Model, split: Split, wrong: np.ndarray, seed: int) -> Measured:
    """Return whether the model errs more than it admits in a slice of the data, by conditions on its columns.

    wrong (N,): 1 where an answer is wrong. What the model admits is one minus its confidence; where rows are hard and
    the model says so, there is nothing to find. A tree learns on half of the rows where there are more errors than
    that; its leaves, measured on the other half, are the slices, so that searching through many cannot make one look
    bad.
    """
    columns = attributes(model, split.inputs)
    admitted = 1 - split.prediction.amax(1).numpy() if split.task in ONE_CLASS else None
    if len(wrong) < FEWEST:
        raise Untestable("few_rows_for_slices", rows=len(wrong))
    if columns.shape[1] == 0 or wrong.min() == wrong.max():
        raise Untestable("no_errors")
    surprise = wrong - (wrong.mean() if admitted is None else admitted)
    other, leaves, paths = grow_slices(columns, surprise, seed)
    if not paths:
        raise Untestable("errors_follow_nothing")
    lines = _lines(surprise[other], wrong[other], leaves, paths)
    worst = lines[0]
    by_chance = worst["p (Holm)"] > ALPHA
    excess = worst["more than admitted"]
    facts = {
        "slice": worst["slice"], "inside": worst["errors"], "elsewhere": worst["elsewhere"], "excess": abs(excess),
        "note": sentence("bias", "chance", {}) if by_chance else "", "slices": len(lines),
    }  # fmt: skip
    details = {
        "p_value": worst["p (Holm)"], "admitted": admitted is not None,
        "tables": [table("Slices, measured on rows that did not choose them", lines)],
    }  # fmt: skip
    score = max(0.0, worst["low"]) if by_chance else excess
    at_most = "warn" if admitted is None else "fail"
    outcome = "text" if excess >= 0 else "less"
    return Measured(score, (worst["low"], worst["high"]), facts, details, outcome, at_most=at_most)


def _lines(surprise: np.ndarray, wrong: np.ndarray, leaves: np.ndarray, paths: dict[int, str]) -> list[dict]:
    """Return each slice (leaves of the paths, (M,)) against all other rows, the most certain excess first."""
    with warnings.catch_warnings():  # where all confidences are equal, SciPy warns
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)
        tests = {leaf: ttest_ind(surprise[leaves == leaf], surprise[leaves != leaf], equal_var=False) for leaf in paths}
    p_values = holm([_finite(test.pvalue, 1.0) for test in tests.values()])
    lines = []
    for (leaf, test), p_value in zip(tests.items(), p_values, strict=True):
        inside = leaves == leaf
        interval = test.confidence_interval(1 - ALPHA / len(paths))
        more = float(surprise[inside].mean() - surprise[~inside].mean())
        lines.append(
            {
                "slice": paths[leaf], "rows": int(inside.sum()), "errors": float(wrong[inside].mean()),
                "elsewhere": float(wrong[~inside].mean()), "more than admitted": more,
                "low": _finite(interval.low, more), "high": _finite(interval.high, more), "p (Holm)": p_value,
            }
        )  # fmt: skip
    return sorted(lines, key=lambda line: (-line["low"], -line["more than admitted"]))


def grow_slices(
    columns: pd.DataFrame, surprise: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
    """Return where a number by row (N,) is high, by conditions on columns (N, D) that a tree finds on half of the rows.

    The numbers of the rows of the other half, the leaf that each falls into, and the conditions of each leaf that is
    large enough to be measured, in words.
    """
    from sklearn.tree import DecisionTreeRegressor

    numbers, words = coded(columns)
    half, other = np.array_split(np.random.default_rng(seed).permutation(len(surprise)), 2)
    smallest = max(LEAST, round(SHARE * len(half)))
    tree = DecisionTreeRegressor(max_depth=DEPTH, min_samples_leaf=smallest, random_state=seed)
    tree.fit(numbers[half], surprise[half])
    leaves = tree.apply(numbers[other])
    sizes = {leaf: int((leaves == leaf).sum()) for leaf in sorted(set(leaves))}
    paths = paths_of(tree, words)
    return other, leaves, {leaf: paths[leaf] for leaf, size in sizes.items() if LEAST <= size <= len(other) - LEAST}


def _finite(value: float, otherwise: float) -> float:
    """Return a number, or what stands in for it where nothing varies."""
    return float(value) if np.isfinite(value) else otherwise


def coded(columns: pd.DataFrame) -> tuple[np.ndarray, list[tuple[str, str | None]]]:
    """Return the columns as numbers, a column of its own for each frequent word, and what each is: (name, word)."""
    made, meaning = [], []
    for name in columns.columns:
        column = columns[name]
        if pd.api.types.is_numeric_dtype(column):
            made.append(column.to_numpy(np.float64))
            meaning.append((str(name), None))
            continue
        for word in column.value_counts().index[:12]:
            made.append((column == word).to_numpy(np.float64))
            meaning.append((str(name), str(word)))
    return np.stack(made, 1), meaning


def paths_of(tree: DecisionTreeRegressor, meaning: list[tuple[str, str | None]]) -> dict[int, str]:
    """Return the conditions that lead to each leaf, in words."""
    inner = tree.tree_
    paths: dict[int, str] = {}
    waiting = [(0, [])]
    while waiting:
        node, conditions = waiting.pop()
        if inner.children_left[node] < 0:
            paths[node] = " and ".join(conditions) or "everywhere"
            continue
        name, word = meaning[inner.feature[node]]
        limit = plain_number(inner.threshold[node], 4)
        low = f"{name} ≤ {limit}" if word is None else f"{name} is not {word}"
        high = f"{name} > {limit}" if word is None else f"{name} is {word}"
        waiting.append((inner.children_left[node], [*conditions, low]))
        waiting.append((inner.children_right[node], [*conditions, high]))
    return paths
