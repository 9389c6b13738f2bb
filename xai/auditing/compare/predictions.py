"""Whether B answers as A does: which answers changed, how far the probabilities moved, and in which groups."""

from __future__ import annotations

import numpy as np

from xai.auditing.compare.ensemble import A, B, Pool
from xai.auditing.compare.groups import group_moves
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
from xai.auditing.compare.shifts import decisions, lines_of, moved_most, shift
from xai.auditing.finding_figures import bars, curves, table
from xai.auditing.limits import judge, untestable
from xai.auditing.rates import compare_groups
from xai.results.finding import Finding

__all__ = ["predictions"]

SHOWN = 5  # groups in a picture
POINTS = 60  # of a curve


def predictions(pool: Pool, *, seed: int = 0) -> list[Finding]:
    """Return how many answers changed, how far the predicted distributions moved, and in which groups answers changed.

    Shift is the total variation between two predicted distributions: how much probability went elsewhere. Of several
    labels it is the mean over them, of a regression the distance in standard deviations of the goals.
    """
    shifts = pairs(np.stack([rows.prediction.numpy() for rows in pool.rows]), lambda a, b: shift(pool, a, b))
    if pool.first.task == "regression":
        reason = "a regression has no classes that could change."
        return [untestable("predictions.changed", reason), _shifted(pool, shifts, seed),
                untestable("predictions.by_group", reason)]  # fmt: skip
    changes = pairs(decisions(pool), lambda a, b: (a != b).any(1).astype(np.float64))
    return [_changed(pool, changes, shifts, seed), _shifted(pool, shifts, seed), _by_group(pool, changes, seed)]


def _changed(pool: Pool, changes: np.ndarray, shifts: np.ndarray, seed: int) -> Finding:
    name = "predictions.changed"
    own, usual, score, interval = excess(changes, pool.kin, seed)
    between = float(changes[A, B].mean())
    wrong = pool.wrong
    fixed, broken = (int(((wrong[A] == was) & (wrong[B] == 1 - was)).sum()) for was in (1, 0))
    most = moved_most(pool, shifts[A, B])
    details: dict[str, object] = {
        "a_to_b": between, "b_to_all": own, "among_replicas": usual, "broken": broken, "fixed": fixed,
        "moved_most": pool.first.places[most].tolist(),
        "tables": [table("Rows that moved most", lines_of(pool, most, shifts))],
    }  # fmt: skip
    text = (
        f"B answers {100 * between:.1f} % of the rows otherwise than A: {broken:,} right answers became wrong, "
        f"{fixed:,} wrong ones right"
    )
    verdict, p_value, words = _compared(pool, changes.mean(2), own, usual, "%", 100)
    if pool.replicas:
        apart = apart_by_difference(changes.mean(2))
        details |= {"p_value": p_value, "apart": apart.tolist(), "panels": [
            standing(pool, "Answered otherwise than the other versions", "share of rows, mean over the others", apart)
        ]}  # fmt: skip
    elif pool.first.task in ("classification", "binary"):
        details["panels"] = [_flow(pool)]
    text = f"{text}. {words}"
    at_most = "fail" if pool.replicas else "warn"
    held = control(pool, "the same answers")
    return judge(name, score, interval, held, text, details, at_most=at_most, beyond=verdict)


def _shifted(pool: Pool, shifts: np.ndarray, seed: int) -> Finding:
    name = "predictions.shifted"
    own, usual, score, interval = excess(shifts, pool.kin, seed)
    regression = pool.first.task == "regression"
    unit, factor = ("standard deviations", 1) if regression else ("%", 100)
    between = float(shifts[A, B].mean())
    lines = {"A to B": _curve(shifts[A, B])}
    if pool.replicas:
        inner = [shifts[first, second] for first in pool.kin for second in pool.kin if first < second]
        lines["control: between replicas"] = _curve(np.concatenate(inner))
    axis = "distance in standard deviations" if regression else "probability that moved"
    panels = [curves("How far answers moved", axis, "share of rows that moved further", lines)]
    verdict, p_value, words = _compared(pool, shifts.mean(2), own, usual, unit, factor)
    details: dict[str, object] = {"a_to_b": between, "b_to_all": own, "among_replicas": usual}
    if regression:
        most = moved_most(pool, shifts[A, B])
        details |= {"moved_most": pool.first.places[most].tolist(),
                    "tables": [table("Rows that moved most", lines_of(pool, most, shifts))]}  # fmt: skip
    if pool.replicas:
        apart = apart_by_difference(shifts.mean(2))
        details |= {"p_value": p_value, "apart": apart.tolist()}
        panels.append(standing(pool, "Distance to the other versions", f"{axis}, mean", apart))
    said = (
        f"From A to B, predictions moved by {between:.2g} standard deviations of the goals on average"
        if regression
        else f"From A to B, {100 * between:.1f} % of the probability went to other classes on the average row"
    )
    text = f"{said}. {words}"
    details["panels"] = panels
    at_most = "fail" if pool.replicas else "warn"
    held = control(pool, "the same probabilities" if not regression else "the same values")
    return judge(name, score, interval, held, text, details, at_most=at_most, beyond=verdict)


def _compared(
    pool: Pool, differences: np.ndarray, own: float, usual: float, unit: str, factor: int
) -> tuple[bool, float | None, str]:
    """Return whether B is beyond noise, its p-value, and both in words."""
    if not pool.replicas:
        return own > 0, None, "Without replicas, nothing says how much of that retraining alone would make."
    p_value = rank_p_value(apart_by_difference(differences))
    digits = ".1f" if unit == "%" else ".2g"
    words = (
        f"From A and its replicas it differs by {factor * own:{digits}} {unit}, they from each other by "
        f"{factor * usual:{digits}} {unit}: {in_words(p_value, pool.replicas)}."
    )
    return beyond(p_value, pool.replicas), p_value, words


def _by_group(pool: Pool, changes: np.ndarray, seed: int) -> Finding:
    name = "predictions.by_group"
    groups = pool.groups()
    if not groups:
        return untestable(name, "there are no groups of 20 rows: name protected columns.")
    if pool.replicas:
        values = changes.sum(1) / (len(pool) - 1)
        kin = pool.kin
        usual = changes[np.ix_(kin, kin)].sum((0, 1)) / (len(kin) * (len(kin) - 1))
        gained = changes[B, kin].mean(0) - usual
    else:
        values, usual = changes[[B, A]].sum(1), None
        gained = values[B] - values[B].mean()

    def against_others(masks: list[np.ndarray]) -> list[float]:
        import pandas as pd

        frame = pd.DataFrame({str(place): mask for place, mask in enumerate(masks)})
        rates = {
            (rate.column, rate.group): rate.p_value for rate in compare_groups(frame, {"changed": values[B]}, least=1)
        }
        return [rates.get((str(place), "True"), 1.0) for place in range(len(masks))]

    moves = group_moves(pool, values, gained, groups, against_others, seed)
    worst = moves[0]
    verdict = beyond(worst.p_value, pool.replicas) and worst.more > 0
    direct = {name: float(changes[A, B][mask].mean()) for name, mask in groups}
    lines = [
        {"group": move.group, "rows": move.rows, "A to B": direct[move.group],
         **({"among replicas": _mean(usual, groups, move.group)} if pool.replicas else {}),
         "more": move.more, "low": move.low, "high": move.high, "p, all groups together": move.p_value}
        for move in moves
    ]  # fmt: skip
    shown = lines[:SHOWN]
    sets = {"A to B": [line["A to B"] for line in shown]}
    if pool.replicas:
        sets["among replicas"] = [line["among replicas"] for line in shown]
    picture = bars("Answered otherwise", "", "share of rows", sets, [_value(line["group"]) for line in shown])
    details = {"groups": [move.to_dict() for move in moves], "p_value": worst.p_value, "comparisons": len(moves),
               "panels": [picture], "tables": [table("Answers that changed, by group", lines)]}  # fmt: skip
    if pool.replicas:
        compared = f"there, replicas differ from each other on {100 * _mean(usual, groups, worst.group):.1f} %"
        words = in_words(worst.p_value, pool.replicas)
    else:
        compared = f"in all rows {100 * values[B].mean():.1f} %"
        words = "more than chance makes" if verdict else "no more than chance makes"
    text = f"Of {worst.group}, {100 * direct[worst.group]:.1f} % are answered otherwise by B; {compared}: {words}."
    held = control(pool, "groups that changed as often as all others")
    at_most = "fail" if pool.replicas else "warn"
    where = (worst.low, worst.high)
    return judge(name, worst.more, where, held, text, details, at_most=at_most, beyond=verdict)


def _mean(values: np.ndarray, groups: list[tuple[str, np.ndarray]], name: str) -> float:
    return float(values[dict(groups)[name]].mean())


def _value(group: str) -> str:
    return group.partition(" = ")[2]


def _curve(values: np.ndarray) -> tuple[list[float], list[float]]:
    """Return the share of rows beyond each distance."""
    places = np.linspace(0, max(float(values.max()), 1e-12), POINTS)
    return places.tolist(), [float((values > place).mean()) for place in places]


def _flow(pool: Pool) -> dict[str, object]:
    """Return a picture of how often each class is answered."""
    count = min(pool.first.outputs, 20)
    names = pool.models[A].classes or [str(number) for number in range(pool.first.outputs)]
    shares = {
        name: np.bincount(pool.rows[place].predicted.numpy(), minlength=pool.first.outputs)[:count] / len(pool.first)
        for name, place in (("A", A), ("B", B))
    }
    return bars("How often each class is answered", "", "share of rows", shares, names[:count])
