"""The map of the house is the plan that the imports are held to, and what it names exists."""

from __future__ import annotations

import re

import pytest

from tests.house import LAYERS, MODELS_IMPORT, ROOT, UPWARD, packages

MAP = (ROOT / "docs" / "house.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


def test_the_picture_is_the_plan() -> None:
    drawn = [tuple(line.strip(" │").split(" · ")) for line in MAP.splitlines() if line.startswith("│")]
    assert drawn == LAYERS


def test_the_table_says_what_every_package_is() -> None:
    table = re.search(r"\| package \|.*?\n\n", MAP, re.S).group(0)
    named = re.findall(r"^\| `(\w+)` \|", table, re.M)
    assert len(named) == len(set(named))
    assert set(named) == packages()


def test_the_exceptions_are_those_that_there_are() -> None:
    said = re.search(r"^Exceptions.*?\n\n", MAP, re.S | re.M)
    assert bool(said) == bool(UPWARD)
    if said:
        assert set(re.findall(r"`(\w+/\w+\.py)`", said.group(0))) == {name for name, _ in UPWARD}
        assert set(re.findall(r"import `(\w+)`", said.group(0))) == {package for _, package in UPWARD}


def test_what_models_may_import() -> None:
    said = re.search(r"^`models` may import (.*?)\.", MAP, re.M).group(1)
    assert tuple(re.findall(r"`(\w+)`", said)) == MODELS_IMPORT


@pytest.mark.parametrize("text", [MAP, CONTRIBUTING], ids=["house.md", "CONTRIBUTING.md"])
def test_paths_exist(text: str) -> None:
    paths = re.findall(r"`((?:xai|models|tests|docs|benchmarks|reports)/[\w./]*)`", text)
    assert paths
    for path in paths:
        assert (ROOT / path).exists(), path


def test_readers_find_the_map() -> None:
    assert "docs/house.md" in CONTRIBUTING
    assert "(house.md)" in (ROOT / "docs" / "index.md").read_text()
