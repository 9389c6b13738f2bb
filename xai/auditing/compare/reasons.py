"""Whether B has A's reasons: the order in which explanations of the same answers rank what they mark."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xai.auditing.checks.explanations import sample_size
from xai.auditing.compare.ensemble import A, B, Pool
from xai.auditing.compare.null_shift import (
    apart_by_difference,
    beyond,
    control,
    excess,
    in_words,
    pairs,
    rank_p_value,
    standing,
)
from xai.auditing.explainers import differentiable, explain, targets_of
from xai.auditing.finding_figures import table
from xai.auditing.limits import judge, untestable
from xai.base.errors import XaiError
from xai.evidence.similarity import alike
from xai.results.explanation import Explanation
from xai.results.finding import Finding

__all__ = ["explain_versions", "explanations"]

FEWEST_VALUES = 3  # two numbers have no order to speak of


def explanations(pool: Pool, *, seed: int = 0, sample: int | None = None) -> list[Finding]:
    """Return how far explanations of the same rows moved from A to B: one minus their rank correlation.

    Every version explains A's answer on the same rows, drawn at random, by one method. With replicas, B's distance to A
    and to them is held against theirs to each other. sample: how many rows, by default 24, fewer of
    large images.
    """
    name = "explanations.moved"
    rows = pool.first.sample(sample or sample_size(pool.first, most=24), seed)
    places = torch.searchsorted(pool.first.places, rows.places)
    try:
        made = explain_versions(pool, places, targets_of(rows.prediction, rows.task), range(len(pool)), seed)
    except XaiError as error:
        return [untestable(name, str(error))]
    values = [[part.detach().double().flatten() for part in explanation.values] for explanation in made]
    kept = [
        row
        for row in range(len(rows))
        if len({len(version[row]) for version in values}) == 1 and len(values[A][row]) >= FEWEST_VALUES
    ]
    if len(kept) < 2:
        return [untestable(name, "no two rows have three or more parts that all versions explain.")]
    spread = pairs([[version[row] for row in kept] for version in values], _distances)
    own, usual, score, interval = excess(spread, pool.kin, seed)
    between = spread[A, B]
    order = np.argsort(-between, kind="stable")
    lines = [
        {"row": int(rows.places[kept[place]]), "A and B": float(1 - between[place]),
         **({"replicas among themselves": float(1 - _usual(spread, pool.kin)[place])} if pool.replicas else {})}
        for place in order
    ]  # fmt: skip
    details: dict[str, object] = {
        "method": made[A].method, "a_to_b": float(between.mean()), "b_to_all": own, "among_replicas": usual,
        "rows": [int(rows.places[row]) for row in kept],
        "tables": [table("Rank correlation of explanations, the least alike first", lines)],
    }  # fmt: skip
    text = (
        f"On {len(kept)} rows, explanations by A and by B ({made[A].method.replace('_', ' ')}) have a rank correlation "
        f"of {1 - between.mean():.2f}"
    )
    if pool.replicas:
        apart = apart_by_difference(spread.mean(2))
        p_value = rank_p_value(apart)
        verdict = beyond(p_value, pool.replicas)
        text += f"; B with A and its replicas {1 - own:.2f}, they with each other {1 - usual:.2f}: "
        text += f"{in_words(p_value, pool.replicas)}."
        details |= {"p_value": p_value, "apart": apart.tolist(), "panels": [
            standing(pool, "Explanations unlike those of the other versions", "1 - rank correlation, mean", apart)
        ]}  # fmt: skip
    else:
        verdict = own > 0
        text += ". Without replicas, nothing says how alike two trainings of one recipe explain."
    held = control(pool, "the same explanations")
    at_most = "fail" if pool.replicas else "warn"
    return [judge(name, score, interval, held, text, details, at_most=at_most, beyond=verdict)]


def explain_versions(pool: Pool, places: Tensor, target: list[int], versions: object, seed: int) -> list[Explanation]:
    """Return the explanations of the same rows (numbers in the pool) by several versions, by one method."""
    gradient = all(differentiable(pool.models[place], pool.rows[place].inputs) for place in range(len(pool)))
    return [
        explain(
            pool.models[place], pool.rows[place].inputs[places], target, seed=seed,
            background=pool.rows[place].inputs, gradient=gradient,
        )
        for place in versions
    ]  # fmt: skip


def _distances(first: list[Tensor], second: list[Tensor]) -> np.ndarray:
    """Return one minus the rank correlation of two versions' explanations, row by row."""
    return np.array([0.0 if torch.equal(a, b) else 1 - alike(a, b)[0] for a, b in zip(first, second)])


def _usual(spread: np.ndarray, kin: list[int]) -> np.ndarray:
    return spread[np.ix_(kin, kin)].sum((0, 1)) / (len(kin) * (len(kin) - 1))
