"""How often verdicts on maps are right, in seven families of worlds: `python -m benchmarks.calibrate_evidence`.

Maps whose verdict is known (`benchmarks.worlds.candidates`) are put to the check of faithfulness in each family. How
high the correlation of a supported map must be is set on all families but one and used on that one, in turn:
`limits_from` says how. Seeds are fixed in `benchmarks.worlds.case`: limits are set on "calibration" seeds, scores are
of "scoring" seeds.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch

import xai
from benchmarks.output import say
from benchmarks.worlds import FAMILIES, SEEDS, cases
from benchmarks.worlds.candidates import WANTED, candidate_maps
from benchmarks.worlds.presented import explanation_of
from xai.base.statistics import wilson
from xai.evidence.claims import claim_of
from xai.evidence.limits import SUPPORTS
from xai.evidence.verdict import verdict

__all__ = ["Verdict", "asked", "at", "collected", "limits_from", "verdict_of"]

CHECKS = ("faithfulness",)  # needs no second run of a method: a map alone can be put to it

# What is asked in each family, as shares of maps: (verdicts, at least or at most, share).
ASKED = {
    "supported": ((("supported", "untestable"), "at least", 0.95), (("contradicted",), "at most", 0.01)),
    "not supported": ((("supported",), "at most", 0.05),),
    "contradicted": ((("contradicted",), "at least", 0.9),),
}
GRID = np.arange(0.5, 0.91, 0.05)  # limits that are tried
MOST_WRONG = 0.04  # of the wrong maps of a family may be above the limit, where it is set


class Verdict(NamedTuple):
    """One row's verdict, as if any correlation above chance and all rivals were enough: see `at`.

    Attributes:
        family: Of worlds.
        shape: Of the network.
        seed: Of the case.
        map: The map's name.
        claim: What it claims.
        wanted: The verdict that is right.
        word: The verdict.
        score: The correlation that a limit is set on.
        accident: The map should be wrong and agrees with the truth.
    """

    family: str
    shape: str
    seed: int
    map: str
    claim: str
    wanted: str
    word: str
    score: float
    accident: bool


@contextmanager
def any_correlation() -> Iterator[None]:
    """Let every correlation be high enough, so that limits can be tried on what was measured once."""
    before = dict(SUPPORTS)
    SUPPORTS.update(dict.fromkeys(SUPPORTS, -1.0))
    try:
        yield
    finally:
        SUPPORTS.update(before)


def verdict_of(model: xai.Model, explanation: xai.Explanation, seed: int = 0) -> list[tuple[str, float]]:
    """Return for each row the verdict on a map alone, and the correlation behind it."""
    verified = xai.verify(model, explanation, CHECKS, seed=seed)
    return [(verdict(row), row[0].score or 0.0) for row in verified.evidence]


def collected(family: str, seeds: Sequence[int], rows: int, refused: list | None = None) -> Iterator[Verdict]:
    """Yield a verdict for every map of every row of a family's cases."""
    for case in cases(family, seeds, rows=rows, refused=refused):
        for name, candidate in candidate_maps(case, 0).items():
            claimed = explanation_of(case, candidate.values, candidate.claim)
            with any_correlation():
                found = verdict_of(case.model, claimed)
            for (word, score), accident in zip(found, candidate.accident, strict=True):
                claim = claim_of(claimed)
                yield Verdict(family, case.shape, case.seed, name, claim, candidate.wanted, word, score, accident)


def at(limits: dict[str, float], verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts as they are with limits by claim."""
    return [
        item._replace(word="not shown") if item.word == "supported" and item.score < limits[item.claim] else item
        for item in verdicts
    ]


def limits_from(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """Return by claim the lowest limit above which at most 4 % of the wrong maps of each family are.

    A claim that no wrong map makes takes the highest of the others.
    """
    found: dict[str, float] = {}
    for claim in SUPPORTS:
        families: dict[str, list[Verdict]] = defaultdict(list)
        for item in verdicts:
            if item.claim == claim and item.wanted == "not supported" and not item.accident:
                families[item.family].append(item)
        if families:
            found[claim] = float(
                next((limit for limit in GRID if _most_wrong(families, limit) <= MOST_WRONG), GRID[-1])
            )
    return {claim: found.get(claim, max(found.values())) for claim in SUPPORTS}


def _most_wrong(families: dict[str, list[Verdict]], limit: float) -> float:
    return max(
        sum(item.word == "supported" and item.score >= limit for item in items) / len(items)
        for items in families.values()
    )


def share(right: int, count: int) -> str:
    """Write a share with its interval, in per cent."""
    if not count:
        return "none"
    low, high = wilson(right, count)
    return f"{right} of {count}: {100 * right / count:.0f} % ({100 * low:.0f} - {100 * high:.0f})"


def asked(verdicts: Sequence[Verdict]) -> dict[str, tuple[int, int, bool]]:
    """Return, for each thing that is asked, how many maps do it, of how many, and whether that is enough."""
    found = {}
    for wanted in WANTED:
        counted = [item for item in verdicts if item.wanted == wanted and not item.accident]
        for words, bound, limit in ASKED[wanted]:
            right = sum(item.word in words for item in counted)
            reached = right / max(len(counted), 1)
            enough = not counted or (reached >= limit if bound == "at least" else reached <= limit)
            found[f"wanted {wanted}: {' or '.join(words)} {bound} {limit:.0%}"] = right, len(counted), enough
    return found


def table(verdicts: Sequence[Verdict]) -> None:
    """Print the verdicts on each map of a family, and what is asked of the family."""
    heads = "map", "wanted", "supported", "contradicted", "not shown", "untestable", "right by accident"
    say(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    by_map: dict[str, list[Verdict]] = defaultdict(list)
    for item in verdicts:
        by_map[item.map].append(item)
    for name, items in by_map.items():
        counted = [item for item in items if not item.accident]
        words = Counter(item.word for item in counted)
        cells = [share(words[word], len(counted)) for word in ("supported", "contradicted")]
        rest = [str(words[word]) for word in ("not shown", "untestable")]
        say(f"| {name} | {items[0].wanted} | {' | '.join([*cells, *rest])} | {len(items) - len(counted)} |")
    for name, (right, count, enough) in asked(verdicts).items():
        say(f"- {name}: {share(right, count)}{'' if enough else ', **missed**'}")


def main() -> None:
    """Verify the maps of some or all families, print a table for each and the range over families."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", nargs="+", default=list(FAMILIES), choices=list(FAMILIES))
    parser.add_argument("--seeds", default="calibration", choices=list(SEEDS))
    parser.add_argument("--networks", type=int, default=6, help="how many seeds of each family")
    parser.add_argument("--rows", type=int, default=3, help="rows of each network")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    seeds = SEEDS["calibration"][: chosen.networks]
    calibration = {family: list(collected(family, seeds, chosen.rows)) for family in FAMILIES}
    every = limits_from([item for items in calibration.values() for item in items])
    say(f"limits set on all families: {every}; the library's: {dict(SUPPORTS)}")
    measured: dict[str, list[Verdict]] = {}
    run: dict[str, list[Verdict]] = {}
    for family in chosen.families:
        started, refused = time.process_time(), []
        limits = limits_from([item for name, items in calibration.items() if name != family for item in items])
        measured[family] = calibration[family]
        if chosen.seeds != "calibration":
            seeds = SEEDS[chosen.seeds][: chosen.networks]
            measured[family] = list(collected(family, seeds, chosen.rows, refused))
        run[family] = at(limits, measured[family])
        say(f"\n## {family}: {chosen.networks - len(refused)} networks, {len(refused)} refused\n")
        for seed, shape, reason in refused:
            say(f"refused: seed {seed}, {shape}: {reason}")
        say(f"limits set on the other families: {limits}\n")
        table(run[family])
        say(f"\n{time.process_time() - started:.0f} s of one core")
    say("\n## All families: the range of what is asked, with limits set on the others\n")
    ranges(run)
    say(f"\n## The same with the library's limits, {dict(SUPPORTS)}\n")
    ranges({family: at(dict(SUPPORTS), verdicts) for family, verdicts in measured.items()})


def ranges(run: dict[str, list[Verdict]]) -> None:
    """Print the least and largest share over families of each thing that is asked."""
    found = {family: asked(verdicts) for family, verdicts in run.items()}
    for name in next(iter(found.values())):
        shares = {family: asks[name][0] / asks[name][1] for family, asks in found.items() if asks[name][1]}
        missed = [f"{family} ({100 * shares[family]:.0f} %)" for family, asks in found.items() if not asks[name][2]]
        span = f"{100 * min(shares.values()):.0f} to {100 * max(shares.values()):.0f} %" if shares else "none"
        say(f"- {name}: {span}; missed by {', '.join(missed) or 'none'}")


if __name__ == "__main__":
    main()
