"""How often a comparison accuses a mere retraining or finds a fault: `python -m benchmarks.calibrate_compare`.

Models are the logistic regressions of `tests/auditing/versions.py`. Every repeat trains A, its replicas and B anew; in
the first column B is one more seed, in the others it has a fault. The limits were not set on these models.
"""

from __future__ import annotations

import sys
from collections import Counter

from benchmarks.output import say
from tests.auditing.versions import data, trained
from xai.auditing.compare.comparison_run import compare
from xai.base.statistics import wilson

FIRST_SEED = 1_000_000  # no test has seeds as high
FAULTS = {"another seed": {}, "group dropped": {"drop": True}, "group flipped": {"flip": 0.8}, "pruned": {"keep": 7}}
CHECKS = ("predictions", "errors", "confidence")


def study(replicas: int, fault: dict[str, object], repeats: int) -> tuple[int, int, Counter]:
    """Return in how many repeats any finding failed, warned or failed, and how often each went beyond noise."""
    failed = warned = 0
    names: Counter = Counter()
    for repeat in range(repeats):
        seed = FIRST_SEED + 1000 * repeat
        others = [trained(seed + 2 + number) for number in range(replicas)]
        result = compare(trained(seed), trained(seed + 1, **fault), data(), CHECKS, replicas=others)
        failed += result.counts["fail"] > 0
        warned += result.counts["fail"] + result.counts["warn"] > 0
        names.update(finding.check for finding in result.findings if finding.details.get("beyond_noise"))
    return failed, warned, names


def main(repeats: int) -> None:
    """Print a table for each number of replicas."""
    for replicas in (0, 3, 19):
        say(f"\n{replicas} replicas, {repeats} repeats: share of comparisons with a finding that fails (95 % Wilson)")
        for name, fault in FAULTS.items():
            failed, warned, names = study(replicas, fault, repeats)
            low, high = wilson(failed, repeats)
            beyond = ", ".join(f"{check} {count / repeats:.2f}" for check, count in sorted(names.items()))
            also = f"warns or fails {warned / repeats:.2f}"
            say(f"{name}: fails {failed / repeats:.2f} ({low:.2f} to {high:.2f}), {also}")
            say(f"    beyond noise: {beyond or 'none'}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
