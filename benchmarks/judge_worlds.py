"""What the two independent judges say of maps whose verdict is known: `python -m benchmarks.judge_worlds`.

They are judged themselves here: a judge that fails the truth, or passes a map of another network, is no judge.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict

import torch

from benchmarks.calibrate_evidence import share
from benchmarks.judges import judge
from benchmarks.output import say
from benchmarks.worlds import SEEDS, cases
from benchmarks.worlds.candidates import candidate_maps

PICTURES = ("color", "watermark", "objects", "digits")


def main() -> None:
    """Judge the maps of the families of pictures, and print how many of each kind pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", nargs="+", default=list(PICTURES), choices=[*PICTURES])
    parser.add_argument("--seeds", default="calibration", choices=list(SEEDS))
    parser.add_argument("--networks", type=int, default=2, help="how many seeds of each family")
    parser.add_argument("--rows", type=int, default=2, help="rows of each network")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    started = time.process_time()
    passed: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for family in chosen.families:
        for case in cases(family, SEEDS[chosen.seeds][: chosen.networks], rows=chosen.rows):
            for name, candidate in candidate_maps(case, 0).items():
                for row, accident in enumerate(candidate.accident):
                    if not accident:
                        image = case.inputs[row : row + 1]
                        passed[name].append(judge(case.model, image, candidate.values[row], case.target[row]).passed)
    heads = "map", "pixel flipping", "ROAD", "both", "neither"
    say(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name, found in passed.items():
        counts = [sum(one for one, _ in found), sum(other for _, other in found), sum(map(all, found))]
        counts.append(sum(not any(both) for both in found))
        say(f"| {name} | {' | '.join(share(count, len(found)) for count in counts)} |")
    say(f"\n{sum(map(len, passed.values()))} maps, {time.process_time() - started:.0f} s of one core")


if __name__ == "__main__":
    main()
