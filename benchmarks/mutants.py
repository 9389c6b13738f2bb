"""Planted faults: each a small change of the source that one of the tests close to it has to notice.

`python -m benchmarks.mutants` plants each fault of `benchmarks/mutants.toml` in a copy of the packages, runs the tests
named beside it, and prints the faults that lived with their line. It exits with 1 where fewer than nine in ten were
noticed. First those tests run on a copy without a fault: one that fails by itself says nothing of any.
`--only PART` plants the faults of files whose path has such a part.
"""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from multiprocessing import connection, get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

import msgspec

__all__ = ["FAULTS", "LEAST", "ROOT", "Fault", "line_of", "planted", "read_faults"]

ROOT = Path(__file__).parent.parent
FAULTS = Path(__file__).with_suffix(".toml")
LEAST = 0.9  # of the faults that have to be noticed
OURS = ("xai", "models", "tests", "benchmarks")
COPIED = (*OURS, "docs", "reports", "pyproject.toml", "README.md")
# Imported once, before the process is forked for each fault: that takes longer than most of the tests.
HEAVY = ("captum.attr", "hypothesis", "lime.lime_tabular", "matplotlib.pyplot", "pandas", "pytest", "scipy.stats",
         "skimage.segmentation", "sklearn.linear_model", "torch")  # fmt: skip
# What a process exits with where its tests ran; all else, such as the 1 of an exception, is no answer.
PASSED, FAILED = 10, 11
SECONDS = 240.0  # tests of one fault that take longer hang, which is noticed too
OUTPUT = "output.txt"
EARLY = "ignore::pytest.PytestAssertRewriteWarning"  # of what was imported before pytest began


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """In `file`, `new` stands where the source has `old`; one of `tests` (as pytest takes them) has to fail."""

    file: str
    old: str
    new: str
    tests: list[str]


def read_faults(path: Path = FAULTS) -> list[Fault]:
    """Return the faults of a list."""
    return msgspec.toml.decode(path.read_bytes(), type=dict[str, list[Fault]])["fault"]


def planted(fault: Fault, source: str) -> str:
    """Return the source with the fault; raises ValueError where its place is not there exactly once.

    >>> planted(Fault("a.py", "1", "2", []), "x = 1")
    'x = 2'
    """
    count = source.count(fault.old)
    if count != 1:
        raise ValueError(f"{fault.file}: expected {fault.old!r} once, got it {count} times")
    return source.replace(fault.old, fault.new)


def line_of(fault: Fault, source: str) -> int:
    """Return the line at which a fault begins, from 1.

    >>> line_of(Fault("a.py", "    y = 1", "    y = 2", []), "def x():\\n    y = 1")
    2
    """
    start = source.index(fault.old) + len(fault.old) - len(fault.old.lstrip())
    return source.count("\n", 0, start) + 1


def _copied(folder: Path) -> Path:
    """Return a copy of the tree."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("_build"))
        else:
            shutil.copy2(source, folder / name)
    return folder


def _run(tests: Sequence[str], copy: Path, first: bool) -> None:
    """Run tests in a copy of the tree, and end this process, which was forked for that, with PASSED or FAILED.

    first: before any fault is planted, to the end, and keeping what is compiled.
    """
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
    sys.path[:] = [str(copy), *(entry for entry in sys.path if Path(entry).resolve() != ROOT)]
    # A fault is not compiled onto the disk: one of the same length, in the same second, would be taken for its source.
    sys.dont_write_bytecode = not first
    os.environ |= {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "" if first else "1"}
    os.chdir(copy)
    output = os.open(copy / OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    pytest = importlib.import_module("pytest")
    code = int(pytest.main(["-q", *([] if first else ["-x"]), "-p", "no:cacheprovider", "-W", EARLY, *tests]))
    sys.stdout.flush()
    os._exit(PASSED + code)


class _Try(NamedTuple):
    """A fault at work: the copy that it is planted in, the process, when it began, and how to take it out again."""

    number: int
    copy: Path
    process: BaseProcess
    started: float
    path: Path
    source: str
    times: tuple[int, int]

    def end(self) -> bool:
        """Take the fault out of the copy, and say whether it was noticed."""
        hung = self.process.is_alive()
        if hung:
            self.process.kill()
        self.process.join()
        self.path.write_text(self.source)
        os.utime(self.path, ns=self.times)  # what was compiled of it is right again
        return hung or _failed(self.process, self.copy)


def _started(tests: Sequence[str], copy: Path, first: bool = False) -> BaseProcess:
    process = get_context("fork").Process(target=_run, args=(tests, copy, first))
    process.start()
    return process


def _failed(process: BaseProcess, copy: Path) -> bool:
    """Say whether tests that have run failed; raises RuntimeError where they could not be run."""
    if process.exitcode not in (PASSED, FAILED):
        printed = (copy / OUTPUT).read_text(errors="replace")[-2000:]
        raise RuntimeError(f"pytest ended with {process.exitcode}:\n{printed}")
    return process.exitcode == FAILED


def _begin(number: int, fault: Fault, copy: Path) -> _Try:
    path = copy / fault.file
    source, before = path.read_text(), path.stat()
    path.write_text(planted(fault, source))
    process = _started(fault.tests, copy)
    return _Try(number, copy, process, time.monotonic(), path, source, (before.st_atime_ns, before.st_mtime_ns))


def tried(faults: Sequence[Fault], copies: Sequence[Path]) -> Iterator[tuple[int, bool, float]]:
    """Plant each fault, and yield its number, whether it was noticed, and the seconds; a copy holds one at a time."""
    free, waiting = list(copies), list(enumerate(faults))
    working: list[_Try] = []
    while waiting or working:
        while waiting and free:
            working.append(_begin(*waiting.pop(0), free.pop()))
        connection.wait([item.process.sentinel for item in working], timeout=1.0)
        now = time.monotonic()
        ended = [item for item in working if not item.process.is_alive() or now - item.started > SECONDS]
        working = [item for item in working if item not in ended]
        for item in ended:
            yield item.number, item.end(), time.monotonic() - item.started
            free.append(item.copy)


def _broken(faults: Sequence[Fault], copy: Path) -> list[str]:
    """Return the tests of these faults that fail in a copy without any."""
    whole = _started(list(dict.fromkeys(test for fault in faults for test in fault.tests)), copy, first=True)
    whole.join()
    if not _failed(whole, copy):
        return []
    lines = (copy / OUTPUT).read_text(errors="replace").splitlines()
    return [line.split()[1] for line in lines if line.startswith(("FAILED ", "ERROR "))]


def _holds(tests: str, one: str) -> bool:
    """Say whether one test is among those of a file, class or function.

    >>> _holds("test_a.py", "test_a.py::test_b[1]"), _holds("test_a.py::test_b", "test_a.py::test_c")
    (True, False)
    """
    return one == tests or one.startswith((f"{tests}::", f"{tests}["))


def _line(fault: Fault, line: int) -> str:
    return f"lives: {fault.file}:{line}: {fault.old.strip()!r} -> {fault.new.strip()!r} ({' '.join(fault.tests)})\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Plant the faults, print those that lived and the share that was noticed; return 1 where that is too small."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants")
    parser.add_argument("--only", default="", help="a part of the paths of the files that get faults")
    parser.add_argument("--workers", type=int, default=2, help="how many faults are tried at once")
    parser.add_argument("--verbose", action="store_true", help="print every fault as it is tried")
    chosen = parser.parse_args(arguments)
    faults = [fault for fault in read_faults() if chosen.only in fault.file]
    if not faults:
        parser.error(f"no file with a fault has {chosen.only!r} in its path")
    lines = [line_of(fault, (ROOT / fault.file).read_text()) for fault in faults]
    started = time.monotonic()
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in HEAVY:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        first = _copied(Path(folder, "0"))
        broken = _broken(faults, first)
        for test in broken:
            sys.stdout.write(f"fails without a fault, and says nothing of any: {test}\n")
        copies = [first, *(Path(shutil.copytree(first, Path(folder, str(n)))) for n in range(1, chosen.workers))]
        noticed = dict.fromkeys(range(len(faults)), False)
        for number, fails, seconds in tried(faults, copies):
            dead = fails and not any(_holds(test, item) for test in faults[number].tests for item in broken)
            noticed[number] = dead
            if not dead:
                sys.stdout.write(_line(faults[number], lines[number]))
            elif chosen.verbose:
                sys.stdout.write(f"noticed in {seconds:.0f} s: {faults[number].file}: {faults[number].old.strip()!r}\n")
            sys.stdout.flush()
    share = sum(noticed.values()) / len(faults)
    took = time.monotonic() - started
    sys.stdout.write(
        f"{sum(noticed.values())} of {len(faults)} planted faults were noticed ({share:.0%}), {took:.0f} s\n"
    )
    return int(share < LEAST)


if __name__ == "__main__":
    sys.exit(main())
