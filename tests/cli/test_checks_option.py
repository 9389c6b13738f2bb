"""`xai explain --checks`: none, quick or some, and quick by itself where all would take over a minute a picture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from xai.cli.main import main
from xai.evidence.levels import checks_of, cost_per_row
from xai.methods import CHECKS


@pytest.fixture
def picture(tmp_path: Path, digit_images) -> Path:
    Image.fromarray((digit_images[0][0, 0] * 255).byte().numpy()).save(tmp_path / "digit.png")
    return tmp_path / "digit.png"


def explained(folder: Path, picture: Path, *options: str):
    out = picture.parent / "page.html"
    given = ["explain", str(folder), str(picture), "-m", "saliency", "-m", "gradcam", "-o", str(out), *options]
    done = CliRunner().invoke(main, given)
    return done, out.read_text() if out.exists() else ""


@pytest.mark.parametrize(("asked", "made"), [("none", set()), ("deletion, completeness", {"deletion", "completeness"})])
def test_what_is_asked_for_is_made(asked: str, made: set, digits_folder: Path, picture: Path) -> None:
    done, page = explained(digits_folder, picture, "--checks", asked)
    assert done.exit_code == 0, done.output
    assert set(re.findall(r'"check":"(\w+)"', page)) == made
    passes = int(re.search(r"about ([\d,]+) passes", done.stderr)[1].replace(",", ""))
    assert passes == cost_per_row(["saliency", "gradcam"], sorted(made))
    assert "left out" not in done.stderr


def test_quick_ones_are_made_where_all_take_too_long(
    digits_folder: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xai.evidence.levels.PER_SECOND", 1)  # a core that computes one activation in a second
    done, page = explained(digits_folder, picture)
    quick = checks_of("quick", ["saliency", "gradcam"], 1)
    assert set(re.findall(r'"check":"(\w+)"', page)) == set(quick) < set(CHECKS)
    assert done.stderr.startswith("left out, as all checks would take over a minute a picture: ")
    assert "(--checks full makes them)" in done.stderr


def test_a_costly_method_does_not_make_the_checks_of_the_others_dear() -> None:
    both = ["saliency", "lime_image"]
    quick = checks_of("quick", both, 1)
    assert quick[0] == "faithfulness"  # which decides the verdict
    assert cost_per_row(both, quick) < 3 * cost_per_row(both, []) < 0.3 * cost_per_row(both, list(CHECKS))


def test_what_is_no_check_is_named(digits_folder: Path, picture: Path) -> None:
    done, _ = explained(digits_folder, picture, "--checks", "magic")
    assert "checks: expected among faithfulness" in str(done.exception)
