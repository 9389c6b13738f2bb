"""The page on the lecture names every claim and every erratum."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.lecture import ERRATA, EXPERIMENTS

PAGE = (Path(__file__).parents[2] / "docs" / "lecture.md").read_text()


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPERIMENTS, start=1)))
def test_every_claim_has_a_row(number: int, name: str) -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith(f"| {number} |")]
    assert len(rows) == 1
    assert f"`{name}`" in rows[0]


@pytest.mark.parametrize("erratum", ERRATA, ids=lambda pair: pair[0])
def test_every_erratum_is_listed(erratum: tuple[str, str]) -> None:
    name, text = erratum
    assert f"- **{name[0].upper()}{name[1:]}** {text}." in PAGE
