"""The list of planted faults is one that can be planted: each place is in the source, each test exists."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.mutants import ROOT, Fault, line_of, planted, read_faults

FAULTS = read_faults()
LEAST = 60


@pytest.mark.parametrize("fault", FAULTS, ids=[f"{fault.file}-{number}" for number, fault in enumerate(FAULTS)])
def test_a_fault_has_one_place_and_tests_that_exist(fault: Fault) -> None:
    source = (ROOT / fault.file).read_text()
    made = planted(fault, source)
    assert made != source
    assert fault.old.strip().splitlines()[0] in source.splitlines()[line_of(fault, source) - 1]
    if fault.file.endswith(".py"):
        compile(made, fault.file, "exec")
    assert fault.tests
    for test in fault.tests:
        path, *names = test.split("::")
        content = (ROOT / path).read_text()
        assert all(f"class {name}" in content or f"def {name}(" in content for name in names), test


def test_there_are_enough_of_them_all_over_the_package() -> None:
    assert len(FAULTS) >= LEAST
    assert len({(fault.file, fault.old) for fault in FAULTS}) == len(FAULTS)
    parts = Counter(fault.file.split("/")[1] for fault in FAULTS)
    every = {path.parent.name for path in (ROOT / "xai").glob("*/__init__.py")}
    assert every - set(parts) <= {"sequences", "results"}


def test_a_place_that_is_gone_or_there_twice_is_named() -> None:
    for source in ("x = 2", "x = 1; y = 1"):
        with pytest.raises(ValueError, match=r"a\.py: expected '= 1' once"):
            planted(Fault("a.py", "= 1", "= 3", []), source)
