"""Every argument of every public function with nasty values: right, or an error that the library means.

`python -m tests.fuzz 20000` runs so many calls and prints what ended in a bare error; a test runs a slice.
"""

from __future__ import annotations

import collections
import contextlib
import inspect
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path

from hypothesis import strategies as st

from tests import fuzz_adapters, fuzz_house, fuzz_methods
from tests.fuzz_values import CALLS, NASTY
from xai.base.errors import XaiError

__all__ = ["CALLS", "NASTY", "SLOW", "bare_error", "calls"]

SECONDS, WAITED = 20, 300  # of one call, of the processor and by the clock: longer ones are findings as well
SLOW = ("model_report", "run_report", "recheck", "comparison_report")  # called a tenth as often: they draw a page
SAID = 1000  # calls between two lines that say how far it is
LISTS = (fuzz_methods, fuzz_house, fuzz_adapters)  # imported for the calls that they add


def arguments_of(name: str) -> list[str]:
    """Return the names of all arguments of a public callable that can be nasty."""
    function, arguments = CALLS[name]
    known = [item.name for item in inspect.signature(function).parameters.values() if item.kind in (0, 1, 3)]
    known = [item for item in known if item not in ("settings", "self")] or list(arguments())
    return [item for item in known if item not in ("most_samples",)]


def calls() -> st.SearchStrategy[tuple[str, dict[str, str]]]:
    """Return calls: a name, and which of one or two arguments are set to which nasty values."""

    def settings(name: str) -> st.SearchStrategy[tuple[str, dict[str, str]]]:
        keys = st.sampled_from(arguments_of(name))
        nasty = st.dictionaries(keys, st.sampled_from(list(NASTY)), min_size=1, max_size=2)
        return st.tuples(st.just(name), nasty)

    return st.sampled_from([name for name in CALLS if name not in SLOW]).flatmap(settings)


class TooLong(BaseException):
    """A call took longer than it may; no error of the call's own can swallow it."""


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TooLong

    timers = {signal.SIGPROF: (signal.ITIMER_PROF, SECONDS), signal.SIGALRM: (signal.ITIMER_REAL, WAITED)}
    before = {number: signal.signal(number, stop) for number in timers}
    for timer, seconds in timers.values():
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for timer, _ in timers.values():
            signal.setitimer(timer, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def bare_error(name: str, nasty: dict[str, str]) -> BaseException | None:
    """Return the bare error that a call ends in, None where it is right or ends in an error that the library means."""
    function, arguments = CALLS[name]
    given = {**arguments(), **{argument: NASTY[value]() for argument, value in nasty.items()}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), _limited():
                function(**given)  # some write where they are told to
        except XaiError:
            return None
        except (Exception, TooLong) as error:
            return error
    return None


def _so_far(calls: int, failed: int) -> str:
    return f"{calls:,} calls, {failed:,} bare errors, {time.process_time():.0f} s of the processor\n"


def main(count: int, seed: int = 0) -> int:
    """Run so many calls, print what ended in a bare error, once for each place and kind; return how many calls did."""
    choose, found, failed = random.Random(seed), collections.Counter(), 0
    names = list(CALLS)
    weights = [0.1 if name in SLOW else 1.0 for name in names]
    for number, name in enumerate(choose.choices(names, weights, k=count)):
        if number % SAID == 0 and number:
            sys.stderr.write(_so_far(number, failed))
        known = arguments_of(name)
        chosen = choose.sample(known, min(len(known), choose.choice((1, 1, 2))))
        nasty = {argument: choose.choice(list(NASTY)) for argument in chosen}
        error = bare_error(name, nasty)
        if error is not None:
            failed += 1
            last = traceback.extract_tb(error.__traceback__)[-1]
            key = f"{type(error).__name__} in {name} at {Path(last.filename).name}:{last.lineno}"
            if not found[key]:
                sys.stdout.write(f"{key}: {nasty}: {str(error)[:100]}\n")
                sys.stdout.flush()
            found[key] += 1
    sys.stdout.write(f"seed {seed}: {_so_far(count, failed)}")
    return failed


if __name__ == "__main__":
    sys.exit(bool(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)))
