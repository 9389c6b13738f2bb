"""The page on the lecture names every claim and every erratum."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.lecture import ERRATA, EXPERIMENTS
from models.lecture.worked import WORKED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "lecture.md").read_text()


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPERIMENTS, start=1)))
def test_every_claim_has_a_row(number: int, name: str) -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith(f"| {number} |")]
    assert len(rows) == 1
    assert f"`{name}`" in rows[0]


@pytest.mark.parametrize("erratum", ERRATA, ids=lambda pair: pair[0])
def test_every_erratum_is_listed(erratum: tuple[str, str]) -> None:
    name, text = erratum
    assert f"- **{name[0].upper()}{name[1:]}** {text}." in PAGE


TABLE = [line for line in PAGE.split("## Every row")[1].split("##")[0].splitlines() if line.startswith("| ")][1:]


def test_every_row_of_the_lecture_is_in_the_table_and_in_the_report() -> None:
    """One line for each worked example, in the same order, and each claim named by at least one line but 17."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in TABLE]
    assert [re.findall(r"`(\w+)`", row[3])[0] for row in cells] == list(WORKED)
    claims = {int(number) for row in cells for number in re.findall(r"\d+", row[3].partition("claim")[2])}
    assert claims == set(range(1, len(EXPERIMENTS) + 1)) - {17}


@pytest.mark.parametrize("line", TABLE, ids=lambda line: line.split("|")[1].strip())
def test_what_the_table_names_is_there(line: str) -> None:
    _, _, code, tests, _, _ = line.split("|")
    paths = re.findall(r"`([\w/.]+)`", code)
    assert paths
    assert all((ROOT / path).is_file() for path in paths)
    named = re.findall(r"`(tests/[\w/.]+)(?:::(\w+))?`", tests)
    assert named
    for path, name in named:
        text = (ROOT / path).read_text()
        assert not name or re.search(rf"^(def|class) {name}\b", text, re.M), f"{path}::{name}"
