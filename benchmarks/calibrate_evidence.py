"""How often verdicts on maps are right, in seven families of worlds: `python -m benchmarks.calibrate_evidence`.

Maps whose verdict is known (`benchmarks.worlds.candidates`) are verified in each family. Limits, where a check has any,
are set on all families but one and scored on that one, in turn: what sets them goes into `LIMITS`. Seeds are fixed in
`benchmarks.worlds.case`: limits are set on "calibration" seeds, what is reported as a score runs on "scoring" seeds.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from scipy.stats import binomtest

import xai
from benchmarks.output import say
from benchmarks.worlds import FAMILIES, SEEDS, cases
from benchmarks.worlds.candidates import WANTED, candidate_maps
from benchmarks.worlds.presented import explanation_of
from xai.evidence.verdict import verdict

__all__ = ["LIMITS", "Verdict", "asked", "collected", "held_out", "verdict_of"]

CHECKS = ("faithfulness",)  # those that need no second run of a method: a map alone can be put to them

# What is asked in each family, as shares of maps: (verdicts, at least or at most, share).
ASKED = {
    "supported": ((("supported", "untestable"), "at least", 0.95), (("contradicted",), "at most", 0.01)),
    "not supported": ((("supported",), "at most", 0.05),),
    "contradicted": ((("contradicted",), "at least", 0.9),),
}


class Verdict(NamedTuple):
    """One row's verdict: of which family, shape of network, map and wanted verdict; `accident`: the map is right."""

    family: str
    shape: str
    seed: int
    map: str
    wanted: str
    word: str
    statuses: tuple[str, ...]
    accident: bool


class Limit(NamedTuple):
    """A limit that worlds decide. set: (verdicts of several families) -> value. use: value -> what puts it to use."""

    set: Callable[[Sequence[Verdict]], float]
    use: Callable[[float], None]


# Limits by name, each set on all families but the one that is scored. Today's verdicts on a map alone have none: a
# p-value is compared with 0.05.
LIMITS: dict[str, Limit] = {}


def verdict_of(model: xai.Model, explanation: xai.Explanation, seed: int = 0) -> list[tuple[str, tuple[str, ...]]]:
    """Return for each row the verdict of today's checks on a map alone, and the status of each check."""
    verified = xai.verify(model, explanation, CHECKS, seed=seed)
    return [(verdict(row), tuple(finding.status for finding in row)) for row in verified.evidence]


def collected(family: str, seeds: Sequence[int], rows: int, refused: list | None = None) -> Iterator[Verdict]:
    """Yield a verdict for every map of every row of a family's cases."""
    for case in cases(family, seeds, rows=rows, refused=refused):
        for name, candidate in candidate_maps(case, 0).items():
            claimed = explanation_of(case, candidate.values, candidate.claim)
            for (word, statuses), accident in zip(verdict_of(case.model, claimed), candidate.accident, strict=True):
                yield Verdict(family, case.shape, case.seed, name, candidate.wanted, word, statuses, accident)


def held_out(calibration: dict[str, Sequence[Verdict]], family: str) -> dict[str, float]:
    """Set every limit on all families but one, put it to use, and return them by name."""
    others = [item for name, items in calibration.items() if name != family for item in items]
    values = {name: limit.set(others) for name, limit in LIMITS.items()}
    for name, value in values.items():
        LIMITS[name].use(value)
    return values


def wilson(right: int, count: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share."""
    interval = binomtest(right, count).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


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
    parser.add_argument("--networks", type=int, default=4, help="how many seeds of each family")
    parser.add_argument("--rows", type=int, default=4, help="rows of each network")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    run: dict[str, list[Verdict]] = {}
    calibration: dict[str, Sequence[Verdict]] = {}
    if LIMITS and chosen.seeds == "scoring":
        seeds = SEEDS["calibration"][: chosen.networks]
        calibration = {family: list(collected(family, seeds, chosen.rows)) for family in FAMILIES}
    for family in chosen.families:
        started, refused = time.process_time(), []
        limits = held_out(calibration, family) if calibration else {}
        run[family] = list(collected(family, SEEDS[chosen.seeds][: chosen.networks], chosen.rows, refused))
        say(f"\n## {family}: {chosen.networks - len(refused)} networks, {len(refused)} refused\n")
        for seed, shape, reason in refused:
            say(f"refused: seed {seed}, {shape}: {reason}")
        for name, value in limits.items():
            say(f"limit of {name}, set on the other families: {value:g}")
        table(run[family])
        say(f"\n{time.process_time() - started:.0f} s of one core")
    say("\n## All families: the range of what is asked\n")
    found = {family: asked(verdicts) for family, verdicts in run.items()}
    for name in next(iter(found.values())):
        shares = {family: asks[name][0] / asks[name][1] for family, asks in found.items() if asks[name][1]}
        missed = [family for family, asks in found.items() if not asks[name][2]]
        spread = f"{100 * min(shares.values()):.0f} to {100 * max(shares.values()):.0f} %" if shares else "none"
        say(f"- {name}: {spread}; missed by {', '.join(missed) or 'none'}")


if __name__ == "__main__":
    main()
