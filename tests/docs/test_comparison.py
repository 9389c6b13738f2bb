"""docs/comparison.md is true of the packages that are installed: the names in their columns exist."""

from __future__ import annotations

import inspect
import re
from importlib.metadata import version
from pathlib import Path

import captum.attr
import captum.concept
import captum.influence
import captum.metrics
import captum.robust
import lime.explanation
import lime.lime_image
import lime.lime_tabular
import lime.lime_text
import lime.submodular_pick
import pytest

import xai

TEXT = (Path(__file__).parents[2] / "docs" / "comparison.md").read_text()
CAPTUM = (captum.attr, captum.concept, captum.influence, captum.metrics, captum.robust)
LIME = (lime.lime_image, lime.lime_tabular, lime.lime_text, lime.submodular_pick, lime.explanation.Explanation)
PLACES = {"captum": CAPTUM, "lime": LIME, "here": (xai,)}


def said() -> list[tuple[str, str]]:
    """Return every name in code that a table says a package has, with the package."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("|")]
    cells = [("here", row[0]) for row in rows if row[0].startswith("`xai.")]
    cells += [(package, row[at]) for row in rows if len(row) == 4 for package, at in (("captum", 1), ("lime", 3))]
    cells += [(row[0], row[1]) for row in rows if len(row) == 2 and row[0] in PLACES]
    return [(package, name) for package, cell in cells for name in re.findall(r"`([^`]+)`", cell)]


@pytest.mark.parametrize(("package", "name"), said())
def test_the_name_exists(package: str, name: str) -> None:
    called, _, argument = name.removeprefix("xai.").rstrip(")").partition("(")
    found = [getattr(place, called) for place in PLACES[package] if hasattr(place, called)]
    assert found, f"{package} has no {called}"
    if argument:
        key, _, default = argument.partition("=")
        assert repr(inspect.signature(found[0].attribute).parameters[key].default) == default


def test_both_tables_are_read() -> None:
    names = set(said())
    assert {("captum", "TracInCP"), ("captum", "Saliency(abs=True)"), ("lime", "SubmodularPick")} <= names


def test_the_versions_are_those_installed() -> None:
    assert f"captum {version('captum')} and lime {version('lime')}" in TEXT
