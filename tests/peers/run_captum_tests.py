"""Runs captum's own attribution tests through this library, and prints passes by file and reasons by kind.

`python -m tests.peers.run_captum_tests FOLDER [--way methods|attribute] [--list]`; FOLDER is captum's `tests/attr`.
"""

from __future__ import annotations

import argparse
import re
import sys
import warnings
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.peers.captum_shim import Account, through_attribute, through_methods, through_xai

__all__ = ["Outcomes", "run"]

WAYS = {"methods": through_methods, "attribute": through_attribute}
NEED_MORE = ("test_llm_attr", "test_data_parallel", "test_dataloader_attr")  # language models, GPUs, other classes


class Outcomes:
    """A plugin of pytest that notes what became of each test: by file counts, and reasons."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.by_file: dict[str, Counter[str]] = defaultdict(Counter)
        self.reasons: Counter[str] = Counter()
        self.each: list[tuple[str, str, str]] = []

    def pytest_runtest_setup(self, item: Any) -> None:
        self.account.clear()

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:  # a checkout that is newer or older than the installed captum
            why = str(report.longrepr).strip().splitlines()[-1]
            self.by_file[report.nodeid.split("attr/", 1)[-1]]["not imported"] += 1
            self.reasons[f"not imported: {why[:150]}"] += 1

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Any:
        report = (yield).get_result()
        if report.when != "call" and not (report.when == "setup" and report.outcome != "passed"):
            return
        kind, reason = self._outcome(report, call)
        self.by_file[item.location[0].split("attr/", 1)[-1]][kind] += 1
        if reason:
            self.reasons[f"{kind}: {reason}"] += 1
        self.each.append((item.nodeid.rsplit("/", 1)[-1], kind, reason))

    def _outcome(self, report: Any, call: Any) -> tuple[str, str]:
        if report.skipped:
            return "skipped", ""
        if self.account.not_said:
            return "not said", next(iter(self.account.not_said))
        if report.passed:
            return ("passed" if self.account.said else "without us"), ""
        if self.account.refused:
            return "refused", re.sub(r"\d[\d., ]*", "# ", next(iter(self.account.refused)))[:150]
        if not self.account.said:
            return "without us failed", str(call.excinfo.value).split("\n")[0][:100]
        return "failed", f"{call.excinfo.type.__name__}: {str(call.excinfo.value).splitlines()[:1]}"[:150]

    def table(self) -> str:
        """Return the counts by file, and the reasons."""
        kinds = ["passed", "failed", "refused", "not said", "without us", "not imported"]
        lines = [f"{'file':50s}" + "".join(f"{kind:>14s}" for kind in kinds)]
        for name, counts in sorted(self.by_file.items()):
            lines.append(f"{name:50s}" + "".join(f"{counts[kind]:14d}" for kind in kinds))
        total = sum(self.by_file.values(), Counter())
        lines.append(f"{'all':50s}" + "".join(f"{total[kind]:14d}" for kind in kinds))
        lines += ["", *(f"{count:5d} {reason}" for reason, count in self.reasons.most_common(80))]
        return "\n".join(lines)


def run(folder: Path, way: str) -> Outcomes:
    """Run the tests of a folder one of the two ways."""
    folder = folder.resolve()
    sys.path.insert(0, str(folder.parent.parent))
    ignored = [f"--ignore={path}" for path in folder.rglob("test_*.py") if path.stem.startswith(NEED_MORE)]
    try:
        with through_xai(WAYS[way]) as account, warnings.catch_warnings():
            outcomes = Outcomes(account)
            options = [
                "-p",
                "no:cacheprovider",
                "-p",
                "no:terminal",
                "-W",
                "ignore",
                "--import-mode",
                "importlib",
                "--continue-on-collection-errors",
            ]  # another package is called tests
            pytest.main([str(folder), "--rootdir", str(folder), "-c", "/dev/null", *options, *ignored], [outcomes])
    finally:
        sys.path.remove(str(folder.parent.parent))
    return outcomes


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--way", choices=list(WAYS), default="methods")
    parser.add_argument("--list", action="store_true", help="each test that did not pass")
    given = parser.parse_args()
    outcomes = run(given.folder, given.way)
    print(outcomes.table())  # noqa: T201 - a command
    if given.list:
        for name, kind, reason in outcomes.each:
            if kind not in ("passed", "without us"):
                print(f"{kind:10s} {name}: {reason}")  # noqa: T201


if __name__ == "__main__":
    main()
