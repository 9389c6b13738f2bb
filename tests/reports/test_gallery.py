"""The gallery: every specification is one, and its commands are those there are."""

from __future__ import annotations

import runpy
from pathlib import Path

import click
import pytest

from tests.house import ROOT
from xai.cli.main import COMMANDS, main

GALLERY = runpy.run_path(str(ROOT / "reports" / "make_gallery.py"))
PAGES = GALLERY["specifications"]()


def test_there_is_a_page_per_type_of_report_and_kind_of_model() -> None:
    assert {page.command[0] for page in PAGES.values()} >= {"report", "visualize", "audit", "compare", "lecture"}
    trained = {arguments[0] for page in PAGES.values() for arguments in page.train}
    assert trained >= {"mnist-cnn", "reviews-gru", "vowels-gru", "spelling-attention", "german-credit-dense"}


@pytest.mark.parametrize("name", PAGES)
def test_a_specification_names_a_command_and_options_that_there_are(name: str) -> None:
    from models.recipe_table import RECIPES

    page = PAGES[name]
    calls = [page.command, *(["train", *arguments] for arguments in page.train)]
    for command, *arguments in calls:
        assert command in COMMANDS
        context = click.Context(main)
        found = main.get_command(context, command)
        found.make_context(command, [*arguments, "-o", "x.html"], parent=context)  # parses; runs nothing
    assert all(arguments[0] in RECIPES for arguments in page.train)


def test_the_index_has_a_card_per_page_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "digits.html").write_text("x")
    pages = {name: PAGES[name] for name in ("digits", "credit")}
    text = GALLERY["index"](pages, tmp_path)
    assert 'href="digits.html"' in text
    assert "credit.html" not in text
    assert "webp" not in text
    (tmp_path / "digits.webp").write_text("x")
    assert 'src="digits.webp"' in GALLERY["index"](pages, tmp_path)
