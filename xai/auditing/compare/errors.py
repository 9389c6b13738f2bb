"""Whether B errs more than A: in all, in each group, and in slices that its errors themselves point to."""

from __future__ import annotations

import numpy as np

from xai.auditing.checks.slices import FEWEST, grow_slices
from xai.auditing.compare.ensemble import A, B, Pool
from xai.auditing.compare.groups import GroupMove, group_moves
from xai.auditing.compare.null_shift import (
    apart_by_value,
    beyond,
    control,
    in_words,
    rank_p_value,
    standing,
)
from xai.auditing.correctness import SCORES
from xai.auditing.finding_figures import bars, table
from xai.auditing.limits import judge, untestable
from xai.auditing.row_features import attributes
from xai.base.statistics import bootstrap_mean, holm, mcnemar, paired_t_test
from xai.results.finding import Finding

__all__ = ["errors"]

SHOWN = 5


def errors(pool: Pool, *, seed: int = 0) -> list[Finding]:
    """Return whether B loses score, errs more in a group, and errs more in a slice of the data.

    All of it is compared row by row. Groups are the protected columns and the right answers. Slices are found by a
    tree on one half of the rows, where B errs more, and measured on the other half; with replicas the same search is
    made for each version.
    """
    return [_score(pool, seed), _by_group(pool, seed), _by_slice(pool, seed)]


def _score(pool: Pool, seed: int) -> Finding:
    name, label = "errors.score", SCORES[pool.first.task]
    quality = np.stack([rows.quality.numpy() for rows in pool.rows])
    scores = quality.mean(1)
    lost = quality[pool.kin].mean(0) - quality[B]
    step = quality[A] - quality[B]
    discrete = pool.first.task != "regression"
    rows_p = mcnemar(1 - quality[A], 1 - quality[B]) if discrete else paired_t_test(step)
    test = "McNemar" if discrete else "t-test of paired rows"
    details: dict[str, object] = {
        "scores": scores.tolist(), "p_rows": rows_p, "rows_lost": int((step > 0).sum()),
        "rows_gained": int((step < 0).sum()), "tables": [table(f"{label} by version", _lines(pool, quality, seed))],
    }  # fmt: skip
    way = "higher" if scores[B] > scores[A] else "lower" if scores[B] < scores[A] else "the same"
    text = f"The {label} is {scores[A]:.3f} of A and {scores[B]:.3f} of B ({way}"
    text += f"; on these rows alone, p = {rows_p:.2g}, {test})"
    if pool.replicas:
        p_value = rank_p_value(np.abs(apart_by_value(scores)))
        low, high = scores[pool.kin].min(), scores[pool.kin].max()
        text += f"; A and its replicas have {low:.3f} to {high:.3f}: {in_words(p_value, pool.replicas)}."
        details["panels"] = [standing(pool, f"{label} by version", label, scores)]
    else:
        p_value = rows_p
        text += ". Without replicas, nothing says how much another seed would change it."
    details["p_value"] = p_value
    verdict = beyond(p_value, pool.replicas)
    interval = bootstrap_mean(lost, seed)
    return judge(
        name, float(lost.mean()), interval, control(pool, "equal scores, row by row"), text, details, beyond=verdict
    )


def _by_group(pool: Pool, seed: int) -> Finding:
    name = "errors.by_group"
    groups = pool.groups()
    if not groups:
        return untestable(name, "there are no groups of 20 rows: name protected columns.")
    wrong = pool.wrong
    gained = wrong[B] - wrong[pool.kin].mean(0)

    def by_rows(masks: list[np.ndarray]) -> list[float]:
        return [mcnemar(wrong[A][mask], wrong[B][mask]) for mask in masks]

    moves = group_moves(pool, wrong, gained, groups, by_rows, seed)
    return _finding(name, pool, moves, "groups", "Of {group}, ")


def _by_slice(pool: Pool, seed: int) -> Finding:
    name = "errors.by_slice"
    if len(pool.first) < FEWEST:
        return untestable(name, f"{len(pool.first)} rows are too few to look in one half and measure in the other.")
    wrong = pool.wrong
    more = apart_by_value(wrong)  # of each version, against all others
    columns = attributes(pool.models[A], pool.first.inputs)
    if columns.shape[1] == 0:
        return untestable(name, "no column describes the rows.")
    own = more[B]
    other, leaves, paths = grow_slices(columns, own, seed)
    if not paths:
        where = "err on the same rows" if not own.any() else "differ in their errors, but along none of the columns"
        text = f"A and B {where}."
        return judge(name, 0.0, (0.0, 0.0), control(pool, "the same errors"), text, {}, beyond=False)
    inside = {leaf: other[leaves == leaf] for leaf in paths}
    if pool.replicas:
        most = np.array([_most(columns, more[place], seed) for place in range(len(pool))])
        p_values = [rank_p_value(most, _standardized(own[rows])) for rows in inside.values()]
    else:
        p_values = holm([mcnemar(wrong[A][rows], wrong[B][rows]) for rows in inside.values()])
    moves = []
    for (leaf, rows), p_value in zip(inside.items(), p_values):
        low, high = bootstrap_mean(own[rows], seed)
        rates = (float(wrong[A][rows].mean()), float(wrong[B][rows].mean()), float(wrong[pool.kin][:, rows].mean()))
        moves.append(GroupMove(paths[leaf], len(rows), *rates, float(own[rows].mean()), low, high, p_value))
    moves.sort(key=lambda move: (move.more <= 0, move.p_value, -move.more))
    return _finding(name, pool, moves, "slices", "Where {group}, ")


def _most(columns: object, more: np.ndarray, seed: int) -> float:
    """Return the largest standardized gain of errors among the slices that a version's own errors point to."""
    other, leaves, paths = grow_slices(columns, more, seed)
    return max((_standardized(more[other[leaves == leaf]]) for leaf in paths), default=0.0)


def _standardized(values: np.ndarray) -> float:
    # A slice in which nothing varies would be infinitely sure of itself.
    spread = max(float(values.std()), len(values) ** -0.5)
    return float(values.mean() / spread * len(values) ** 0.5)


def _finding(name: str, pool: Pool, moves: list[GroupMove], kind: str, opening: str) -> Finding:
    worst = moves[0]
    verdict = beyond(worst.p_value, pool.replicas) and worst.more > 0
    lines = [
        {kind[:-1]: move.group, "rows": move.rows, "A errs": move.a, "B errs": move.b,
         **({"A and replicas": move.kin} if pool.replicas else {}),
         "more": move.more, "low": move.low, "high": move.high, "p, all together": move.p_value}
        for move in moves
    ]  # fmt: skip
    shown = moves[:SHOWN]
    sets = {"A": [move.a for move in shown], "B": [move.b for move in shown]}
    if pool.replicas:
        sets["A and replicas"] = [move.kin for move in shown]
    names = [move.group.partition(" = ")[2] or move.group for move in shown]
    details = {
        "groups": [move.to_dict() for move in moves], "p_value": worst.p_value, "comparisons": len(moves),
        "tables": [table(f"Share of wrong answers, by {kind[:-1]}", lines)],
        "panels": [bars("Wrong answers", "", "share of rows", sets, names)],
    }  # fmt: skip
    if worst.more <= 0:
        text = f"In none of {len(moves)} {kind} does B err more."
    else:
        words = in_words(worst.p_value, pool.replicas) if pool.replicas else (
            f"{'more' if verdict else 'no more'} than chance makes of these rows (p = {worst.p_value:.2g})"
        )  # fmt: skip
        beside = f", A and its replicas {100 * worst.kin:.1f} %" if pool.replicas else ""
        text = (
            f"{opening.format(group=worst.group)}B answers {100 * worst.b:.1f} % wrongly, A {100 * worst.a:.1f} %"
            f"{beside}: {words}."
        )
    certain = [move.group for move in moves[1:] if move.more > 0 and beyond(move.p_value, pool.replicas)]
    if verdict and certain:
        text = f"{text[:-1]}; so it is for {len(certain)} more of {len(moves)} {kind}."
    held = f"{control(pool, 'as many errors of A and B in each, row by row')}; p holds for all {len(moves)} together"
    return judge(name, worst.more, (worst.low, worst.high), held, text, details, beyond=verdict)


def _lines(pool: Pool, quality: np.ndarray, seed: int) -> list[dict[str, object]]:
    lines = []
    for name, values in zip(pool.names, quality):
        low, high = bootstrap_mean(values, seed)
        lines.append(
            {"version": name, SCORES[pool.first.task]: float(values.mean()), "95 % low": low, "95 % high": high}
        )
    return lines
