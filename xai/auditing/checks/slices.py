"""Slices of the data where a model errs most, found on one half of the rows and measured on the other."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind

from xai.auditing.finding_figures import table
from xai.auditing.limits import ALPHA, judge, untestable
from xai.auditing.rates import LEAST
from xai.base.statistics import holm
from xai.results.finding import Finding

__all__ = ["FEWEST", "find_slices", "grow_slices"]

DEPTH, SHARE = 3, 0.05  # at most 3 conditions; a slice has at least a twentieth of the rows
FEWEST = 8 * LEAST


def find_slices(columns: pd.DataFrame, wrong: np.ndarray, admitted: np.ndarray | None, seed: int) -> Finding:
    """Return whether the model errs more than it admits in a slice of the data, by conditions on its columns (N, D).

    wrong (N,): 1 where an answer is wrong. admitted (N,): one minus the model's confidence, the errors that it expects
    itself; where rows are hard and the model says so, there is nothing to find. A tree learns on half of the rows where
    there are more errors than that; its leaves, measured on the other half, are the slices, so that searching through
    many cannot make one look bad.
    """
    name = "bias.slices"
    if len(wrong) < FEWEST:
        return untestable(name, f"{len(wrong)} rows are too few to look for slices in one half and measure the other.")
    if columns.shape[1] == 0 or wrong.min() == wrong.max():
        return untestable(name, "there are no errors, or nothing but errors, to find slices of.")
    surprise = wrong - (wrong.mean() if admitted is None else admitted)
    other, leaves, paths = grow_slices(columns, surprise, seed)
    sizes = {leaf: int((leaves == leaf).sum()) for leaf in paths}
    measured = list(paths)
    if not measured:
        return untestable(name, "the errors follow none of the columns.")
    with warnings.catch_warnings():  # a model that is always as sure of itself is no worse to test
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)
        tests = {
            leaf: ttest_ind(surprise[other][leaves == leaf], surprise[other][leaves != leaf], equal_var=False)
            for leaf in measured
        }
    p_values = dict(zip(measured, holm([_number(test.pvalue, 1.0) for test in tests.values()])))
    lines = []
    for leaf, test in tests.items():
        inside = leaves == leaf
        interval = test.confidence_interval(1 - ALPHA / len(measured))
        more = float(surprise[other][inside].mean() - surprise[other][~inside].mean())
        lines.append(
            {
                "slice": paths[leaf], "rows": sizes[leaf], "errors": float(wrong[other][inside].mean()),
                "elsewhere": float(wrong[other][~inside].mean()), "more than admitted": more,
                "low": _number(interval.low, more), "high": _number(interval.high, more), "p (Holm)": p_values[leaf],
            }
        )  # fmt: skip
    lines.sort(key=lambda line: (-line["low"], -line["more than admitted"]))
    worst = lines[0]
    chance = worst["p (Holm)"] > ALPHA
    details = {
        "p_value": worst["p (Holm)"], "admitted": admitted is not None,
        "tables": [table("Slices, measured on rows that did not choose them", lines)],
    }  # fmt: skip
    control = f"the errors that the model's own confidence admits, in each of {len(lines)} slices together"
    apart = 100 * worst["more than admitted"]
    text = (
        f"Where {worst['slice']}, {100 * worst['errors']:.0f} % of the answers are wrong, elsewhere "
        f"{100 * worst['elsewhere']:.0f} %: beyond what its confidence admits, {abs(apart):.0f} points "
        f"{'more' if apart >= 0 else 'less'} than elsewhere"
        f"{' (no more than chance makes)' if chance else ''}."
    )
    score = max(0.0, worst["low"]) if chance else worst["more than admitted"]
    interval = (worst["low"], worst["high"])
    return judge(name, score, interval, control, text, details, at_most="warn" if admitted is None else "fail")


def grow_slices(
    columns: pd.DataFrame, surprise: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
    """Return where a number by row (N,) is high, by conditions on columns (N, D) that a tree finds on half of the rows.

    The numbers of the rows of the other half, the leaf that each falls into, and the conditions of each leaf that is
    large enough to be measured, in words.
    """
    from sklearn.tree import DecisionTreeRegressor

    coded, words = _coded(columns)
    half, other = np.array_split(np.random.default_rng(seed).permutation(len(surprise)), 2)
    smallest = max(LEAST, round(SHARE * len(half)))
    tree = DecisionTreeRegressor(max_depth=DEPTH, min_samples_leaf=smallest, random_state=seed)
    tree.fit(coded[half], surprise[half])
    leaves = tree.apply(coded[other])
    sizes = {leaf: int((leaves == leaf).sum()) for leaf in sorted(set(leaves))}
    paths = _paths(tree, words)
    return other, leaves, {leaf: paths[leaf] for leaf, size in sizes.items() if LEAST <= size <= len(other) - LEAST}


def _number(value: float, otherwise: float) -> float:
    """Return a number, or what stands in for it where nothing varies."""
    return float(value) if np.isfinite(value) else otherwise


def _coded(columns: pd.DataFrame) -> tuple[np.ndarray, list[tuple[str, str | None]]]:
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


def _paths(tree: object, meaning: list[tuple[str, str | None]]) -> dict[int, str]:
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
        limit = inner.threshold[node]
        low = f"{name} ≤ {limit:.4g}" if word is None else f"{name} is not {word}"
        high = f"{name} > {limit:.4g}" if word is None else f"{name} is {word}"
        waiting.append((inner.children_left[node], [*conditions, low]))
        waiting.append((inner.children_right[node], [*conditions, high]))
    return paths
