"""Exact Shapley values of trees whose columns belong together in blocks, each block one player."""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np

__all__ = ["block_values"]


def block_values(
    trees: Any, rows: np.ndarray, behind: np.ndarray, owner: np.ndarray, players: int, outputs: int
) -> np.ndarray:
    """Return what each player adds to each output, (N, players, K), in float64.

    A player hidden from a row has the columns of a row of `behind`; values are the mean over those. A leaf is reached
    only with some players shown and others hidden, and by its path alone: its Shapley values are then known in closed
    form (Lundberg et al. 2020, the interventional game), for blocks of columns as for single ones.

    Args:
        trees: As the package shap has read them: `children_left`, `features`, `thresholds`, `values` and so on.
        rows: What the trees see of the explained rows, (N, F).
        behind: The same of the background, (B, F).
        owner: The player of each column, (F,).
        players: How many there are.
        outputs: How many the model has: where a tree has one and there are more than two, trees serve them in turns.
    """
    rows, behind = (part.astype(trees.input_dtype) for part in (rows, behind))
    own_outputs = trees.values.shape[2]
    turns = outputs if own_outputs == 1 and outputs > 2 else 1
    found = np.zeros((len(rows), players, own_outputs * turns))
    table = _weights(players)
    for number in range(len(trees.children_left)):
        paths, leaves = _paths(trees, number)
        own, other = (_kept(trees, number, paths, part, owner, players) for part in (rows, behind))
        worth = trees.values[number, leaves]  # (leaves, K)
        for row, shown in enumerate(own):
            needs, without = shown & ~other, other & ~shown  # (B, leaves, players)
            reached = ~(~shown & ~other).any(2)
            counts = needs.sum(2), without.sum(2)
            for_shown, for_hidden = (side[counts] * reached for side in table)  # (B, leaves)
            parts = needs * for_shown[..., None] - without * for_hidden[..., None]
            found[row][:, number % turns :: turns] += parts.mean(0).T @ worth
    return found


def _weights(players: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight of a player that must be shown, and of one that must be hidden, by how many of each."""
    shown, hidden = np.zeros((players + 1,) * 2), np.zeros((players + 1,) * 2)
    for s in range(players + 1):
        for t in range(players + 1 - s):
            if s:
                shown[s, t] = factorial(s - 1) * factorial(t) / factorial(s + t)
            if t:
                hidden[s, t] = factorial(s) * factorial(t - 1) / factorial(s + t)
    return shown, hidden


def _paths(trees: Any, number: int) -> tuple[list[list[tuple[int, bool]]], list[int]]:
    """Return for each leaf the nodes on the way to it, each with whether it is left to the left, and the leaves."""
    left, right = trees.children_left[number], trees.children_right[number]
    paths, leaves, waiting = [], [], [(0, [])]
    while waiting:
        node, path = waiting.pop()
        if left[node] < 0:
            paths.append(path)
            leaves.append(node)
        else:
            waiting += [(int(left[node]), [*path, (node, True)]), (int(right[node]), [*path, (node, False)])]
    return paths, leaves


def _kept(
    trees: Any, number: int, paths: list[list[tuple[int, bool]]], rows: np.ndarray, owner: np.ndarray, players: int
) -> np.ndarray:
    """Return whether the columns of each player let a row through to each leaf, (n, leaves, players)."""
    seen = rows[:, np.maximum(trees.features[number], 0)]
    to_left = np.where(
        np.isnan(seen), trees.children_default[number] == trees.children_left[number], seen <= trees.thresholds[number]
    )
    kept = np.ones((len(rows), len(paths), players), dtype=bool)
    for leaf, path in enumerate(paths):
        for node, left in path:
            kept[:, leaf, owner[trees.features[number, node]]] &= to_left[:, node] == left
    return kept
