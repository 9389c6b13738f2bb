"""The report on a run: what it says, that it escapes, and that it stays small whatever the number of rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from click.testing import CliRunner

import xai
from tests.runs.folders import image_model, images, table_model
from xai.base.errors import InputError
from xai.cli.main import main
from xai.runs.store import Run

CHECKS = ["completeness", "stability"]


@pytest.fixture(scope="module")
def of_images(tmp_path_factory: pytest.TempPathFactory) -> Run:
    data = images(40)
    data[11] = float("nan")
    labels = [number % 3 for number in range(40)]
    out = tmp_path_factory.mktemp("report") / "run"
    return xai.run(image_model(), data, ["saliency"], CHECKS, out, labels=labels, workers=0)


def test_a_report_on_images(of_images: Run) -> None:
    page = xai.run_report(of_images).html()
    frame = of_images.to_frame()
    right = frame["correct"].dropna().astype(bool)
    assert f"right in {100 * right.mean():.1f}\N{NO-BREAK SPACE}% of {len(right)} labelled rows" in page
    assert '<span class="fail">1 failed</span>' in page
    for title in ("The evidence of all rows", "Mean maps by class", "Typical and unusual", "Least supported"):
        assert title in page
    assert "Groups of explanations" in page
    assert "finite numbers" in page[page.index("Rows that failed") :]
    assert "The drawings are of all 39 explained rows" in page
    assert "<option>class 0</option><option>class 1</option>" in page  # by which its rows are chosen
    assert "in row 0" not in page  # a row that failed has its own number
    assert xai.run_report(of_images).html() == page


def test_a_report_on_a_table(tmp_path: Path) -> None:
    model = table_model()
    frame = pd.DataFrame(torch.randn(80, 4).numpy(), columns=model.input.names)
    found = xai.run(model, frame, ["input_x_gradient"], "none", tmp_path / "run", target=1, workers=0)
    page = xai.run_report(found, title="Who repays").html()
    assert "<h1>Who repays</h1>" in page
    assert "The mean size of each column" in page
    assert "Each point is a row" in page
    assert "over what the rows had there" in page
    assert "the run was made without checks" in page


def test_a_report_on_texts_tells_words(tmp_path: Path) -> None:
    texts = ["a good film"] * 10 + ["a bad <b>film</b>"] * 10
    model = xai.Model.from_callable(_good, classes=["bad", "good"], input=xai.TextInput())
    found = xai.run(model, texts, ["lime_text"], "none", tmp_path / "run", target=1, workers=0)
    page = xai.run_report(found).html()
    assert "How often each feature is among the five largest" in page
    assert ">good<" in page
    assert "<b>film" not in page


def _good(texts: list[str]):
    import numpy as np

    share = np.array([0.9 if "good" in text else 0.2 for text in texts])
    return np.stack([1 - share, share], 1)


def test_ten_times_the_rows_are_hardly_more_bytes(tmp_path: Path) -> None:
    model, sizes = image_model(), []
    for count in (150, 1500):
        out = tmp_path / str(count)
        found = xai.run(model, images(count), ["saliency"], "none", out, workers=0, shard_rows=150)
        sizes.append(len(xai.run_report(found, rows=100).html()))
    assert "of 1,500 explained rows" in xai.run_report(found, rows=100).html()
    assert sizes[1] < sizes[0] * 1.5 + 50_000 < 1_000_000


def test_the_command_tells_a_run_from_a_model(tmp_path: Path, of_images: Run) -> None:
    made = CliRunner().invoke(main, ["report", str(of_images.folder), "-o", str(tmp_path / "run.html")])
    assert made.exit_code == 0, made.output
    assert made.stdout == f"{tmp_path / 'run.html'}\n"
    assert "Mean maps by class" in (tmp_path / "run.html").read_text()


def test_a_notebook_shows_the_same_chapters(of_images: Run) -> None:
    assert "Mean maps by class" in of_images._repr_html_()


def test_what_is_no_run_is_named() -> None:
    with pytest.raises(InputError, match=r"^run_report: run: expected a run of xai.open_run"):
        xai.run_report("run/")
