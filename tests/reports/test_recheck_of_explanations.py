"""A report on explanations in which one number was altered is caught; the untouched one holds."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import xai
from tests.reports.test_recheck import altered, put
from xai.auditing.differences import Recheck
from xai.inputs.image_files import LabelledImages
from xai.reports.page import seal, sealed
from xai.reports.presets.images import model_report
from xai.reports.recheck import DATA, recheck


@pytest.fixture(scope="module")
def pictures(digit_images) -> LabelledImages:
    images, labels = digit_images
    return LabelledImages(images[:40], tuple(f"image {number}" for number in range(40)), labels[:40], "digits")


@pytest.fixture(scope="module")
def explained(digits_folder: Path, pictures: LabelledImages) -> str:
    """Return an explanation report."""
    report = model_report(
        xai.load(digits_folder), pictures, methods=["saliency", "gradcam"], examples=2, layers=["conv1"], units=2,
        steps=4, origin={"recipe": "mnist-cnn", "accuracy": 0.9},
    )  # fmt: skip
    return report.html()


def explained_check(page: str, folder: Path, pictures: LabelledImages, tmp_path: Path, **more: object) -> Recheck:
    file = tmp_path / "report.html"
    file.write_text(page)
    model = xai.load(folder)
    model.source = None
    return recheck(file, model, pictures, **more)


def test_an_explanation_report_holds_or_not(
    explained: str, digits_folder: Path, pictures: LabelledImages, tmp_path: Path
) -> None:
    found = explained_check(explained, digits_folder, pictures, tmp_path)
    assert found.differences == ()
    assert found.parts == ("explanations", "visualizations")
    assert "visible page" in found.covered

    def forged(*path: object) -> list[str]:
        page = altered(explained, lambda plain: put(plain["sections"], path, lambda value: value + 1))
        return [item.where for item in explained_check(page, digits_folder, pictures, tmp_path).differences]

    first = ("examples", "examples", 0, "explanations", 0)
    for path in [(*first, "map", 3, 4), ("units", "units", 1, "reached"), ("performance", "count")]:
        assert len(forged(*path)) == 1
    body = DATA.sub("", explained)
    digit = re.search(r"(?<=>)\d+(?=\N{NO-BREAK SPACE}%|\.\d\N{NO-BREAK SPACE}%)", body)
    place = explained.index(body[digit.start() - 20 : digit.start() + 20]) + 20
    slip = explained[:place] + ("1" if explained[place] != "1" else "2") + explained[place + 1 :]
    shown = seal(slip.replace(json.loads(DATA.findall(explained)[0])["sha256"], "0" * 64))
    assert sealed(shown)
    assert [i.where[:5] for i in explained_check(shown, digits_folder, pictures, tmp_path).differences] == ["page,"]
    other = LabelledImages(pictures.images + 1e-6, pictures.names, pictures.labels, pictures.source)
    found = explained_check(explained, digits_folder, other, tmp_path)
    assert [item.where for item in found.differences] == ["made from / data"]


def test_a_sample_of_an_explanation_report(
    explained: str, digits_folder: Path, pictures: LabelledImages, tmp_path: Path
) -> None:
    for seed in range(3):
        found = explained_check(explained, digits_folder, pictures, tmp_path, sample=0.3, seed=seed)
        assert found.passed, found.differences
        assert found.chance == pytest.approx(1 / 2)
        assert 0 < found.recomputed < found.numbers
