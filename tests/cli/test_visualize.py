"""`xai visualize`: every view and every kind of input, and what is refused before any work."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from models.networks.convolutional import convolutional
from models.networks.feedforward import feedforward
from models.networks.recurrent import recurrent, text_recurrent
from xai.cli.main import run
from xai.inputs.image import ImageInput
from xai.inputs.series import SequenceInput
from xai.inputs.table import TabularInput
from xai.inputs.text import TextInput
from xai.model.folder import save_model
from xai.model.model import Model

NETWORKS = {
    "image": (convolutional, {"shape": [1, 12, 12], "classes": 2, "channels": [3, 4]}, ImageInput((1, 12, 12))),
    "tabular": (
        feedforward,
        {"inputs": 3, "outputs": 2, "hidden": [4], "categories": [0, 0, 3]},
        TabularInput(["age", "<height>", "color"], {"color": ["red", "green", "blue"]}),
    ),
    "sequence": (
        recurrent,
        {"inputs": 2, "outputs": 2, "cell": "gru", "hidden": 4},
        SequenceInput(["left", "right"], 6, mean=[1.0, 0.0], std=[2.0, 1.0]),
    ),
    "text": (
        text_recurrent,
        {"words": 6, "outputs": 2, "cell": "lstm", "embedding": 3, "hidden": 4},
        TextInput(["good", "bad", "<b>film", "end"], pattern=r"\S+"),
    ),
}


def model_folder(kind: str, path: Path) -> Path:
    """Write a small random network of a kind as a model folder."""
    factory, arguments, input = NETWORKS[kind]
    torch.manual_seed(0)
    model = Model(factory(**arguments), classes=["no", "yes"], input=input, name=f"small {kind}")
    return save_model(model, path / kind, factory=f"{factory.__module__}:{factory.__name__}", arguments=arguments)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    path = tmp_path_factory.mktemp("models")
    made = {kind: model_folder(kind, path) for kind in NETWORKS}
    epochs = made["image"] / "epochs"
    epochs.mkdir()
    torch.manual_seed(1)
    for epoch in (1, 2):
        save_file(convolutional(**NETWORKS["image"][1]).state_dict(), epochs / f"epoch-00{epoch}.safetensors")
    return made


@pytest.fixture
def xai(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tmp_path: Path):
    """Return a function that runs the command in this process: its code, and what it said where."""
    monkeypatch.chdir(tmp_path)
    Image.linear_gradient("L").resize((12, 12)).save("picture.png")

    def called(folder: Path, *arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["xai", "visualize", str(folder), *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            run()
        return ended.value.code, *capsys.readouterr()

    return called


def sections(path: str) -> dict[str, dict]:
    """Return the numbers that ride along in a page."""
    text = Path(path).read_text()
    found = re.search(r'<script type="application/json" id="page-data">(.*?)</script>', text, re.S)[1]
    return json.loads(found)["sections"]


@pytest.mark.parametrize(
    ("arguments", "section", "pictures"),
    [
        (("--view", "units", "-l", "norm2"), "units", 4),
        (("--view", "atlas", "-l", "norm2"), "atlas-norm2", 4),
        (("--view", "depth"), "depth", 9),
        (("--view", "constraints", "-l", "norm2", "-c", 1), "constraints", 10),
        (("--view", "emergence", "--class", "yes"), "emergence", 2),
        (("--view", "maps", "--input", "picture.png"), "maps", 1 + 3 + 3 + 4),
        (("--view", "grid", "--image", "picture.png", "-l", "norm2"), "grid", 1),
    ],
)
def test_each_view_is_a_section_and_says_its_cost(
    xai, folders: dict[str, Path], arguments: tuple, section: str, pictures: int
) -> None:
    code, out, err = xai(folders["image"], *arguments, "--steps", 2, "-o", "page.html")
    assert (code, out) == (0, "page.html\n"), err
    assert re.match(r"about [\d,]+ passes", err)
    assert list(sections("page.html")) == [section]
    body = Path("page.html").read_text().partition(f'<section id="{section}">')[2].partition("</section>")[0]
    strip = body.partition("From noise to image")[0]
    assert strip.count('class="picture') == pictures


def test_several_views_make_one_page_in_their_order(xai, folders: dict[str, Path]) -> None:
    code, _, err = xai(
        folders["image"], "--view", "grid", "--view", "depth", "--input", "picture.png", "--steps", 1, "--minimize"
    )
    assert code == 0, err
    found = sections("visualization.html")
    assert list(found) == ["grid", "depth"]
    assert all(unit["unit"].startswith("-(") for group in found["depth"].values() for unit in group)
    places = found["grid"]["places"]
    assert len(places) == 6 * 6  # conv2 sees 12 pixels pooled once
    assert len(found["grid"]["strength"]) == 6
    page = Path("visualization.html").read_text()
    assert page.count("<image ") == 36
    assert "activity" in page


@pytest.mark.parametrize("view", ["units", "emergence", "constraints"])
def test_a_class_and_minimizing_are_honored_by_views_of_units(xai, folders: dict[str, Path], view: str) -> None:
    code, _, err = xai(folders["image"], "--view", view, "--class", "yes", "--minimize", "--steps", 1)
    assert code == 0, err
    assert '"unit":"-(class yes)"' in Path("visualization.html").read_text()
    assert "channel" not in str(sections("visualization.html"))


def test_a_table_shows_its_columns_within_the_given_bounds(xai, folders: dict[str, Path]) -> None:
    code, _, err = xai(folders["tabular"], "--bounds", -1, 2, "--steps", 30, "--class", "yes")
    assert code == 0, err
    page = Path("visualization.html").read_text()
    assert "&lt;height&gt;" in page
    assert "<height>" not in page
    assert any(f'<td class="n">{word}</td>' in page for word in ("red", "green", "blue"))
    assert "not tested" in page.partition("No real ones")[2]
    Path("rows.csv").write_text("age,<height>,color\n" + "".join(f"{n},{-n},{n % 3}\n" for n in range(30)))
    code, _, err = xai(folders["tabular"], "--data", "rows.csv", "--steps", 60)
    assert code == 0, err
    page = Path("visualization.html").read_text()
    assert "30 real ones (rows of rows.csv)" in page
    assert "Best real" in page
    units = sections("visualization.html")["units"]["units"]
    assert [unit["unit"] for unit in units] == [*(f"linear1 channel {n}" for n in range(4)), "class no", "class yes"]
    assert {finding["check"] for finding in units[0]["evidence"]} >= {"real_images", "noise", "small_changes"}


def test_a_series_shows_a_curve_for_each_channel(xai, folders: dict[str, Path]) -> None:
    code, _, err = xai(folders["sequence"], "--steps", 2, "--size", 5)
    assert code == 0, err
    page = Path("visualization.html").read_text()
    assert page.count('<polyline class="found"') == (4 + 2) * 2
    points = re.findall(r'class="found" points="([^"]+)"', page)
    assert all(len(item.split()) == 5 for item in points)
    assert "recurrent unit 3" in page


def test_a_text_shows_real_words_and_what_they_reach(xai, folders: dict[str, Path]) -> None:
    Path("texts.csv").write_text("text\n" + "good film\nbad end\nfilm good end\n" * 8)
    code, _, err = xai(folders["text"], "--steps", 4, "--size", 3, "--data", "texts.csv")
    assert code == 0, err
    page = Path("visualization.html").read_text()
    shown = re.findall(r'<p class="shaded">(.*?)</p>', page, re.S)
    assert len(shown) == 4 + 2
    words = [re.findall(r">([^<]+)</span>", item) for item in shown]
    assert all(len(item) == 3 and set(item) <= {"good", "bad", "&lt;b&gt;film", "end"} for item in words)
    assert "the mixture of words" in page
    assert "24 real ones (texts of texts.csv)" in page


@pytest.mark.parametrize(
    ("kind", "arguments", "part"),
    [
        ("image", ("--view", "atlas"), "exactly one --layer"),
        ("image", ("--view", "grid"), "--input"),
        ("image", ("--input", "picture.png"), "--view"),
        ("image", ("--view", "grid", "--input", "nowhere.png"), "no file"),
        ("image", ("--view", "grid", "--input", "picture.png", "--layer", "logits"), "maps"),
        ("image", ("--view", "grid", "--input", "picture.png", "--class", "yes"), "grid"),
        ("image", ("--view", "depth", "--class", "yes"), "depth"),
        ("image", ("--view", "depth", "-o", "page.png"), ".png"),
        ("image", ("--bounds", 0, 1), "bounds"),
        ("image", ("--class", "maybe"), "no, yes"),
        ("image", ("--size", 1), "size"),
        ("tabular", (), "bounds"),
        ("tabular", ("--view", "depth", "--bounds", 0, 1), "tabular"),
        ("tabular", ("--bounds", 0, 1, "--size", 3), "size"),
        ("tabular", ("--bounds", 0, 1, "-o", "page.png"), "tabular"),
        ("tabular", ("--data", "nowhere.csv"), "nowhere.csv"),
        ("sequence", ("--size", 7), "1 to 6"),
        ("sequence", ("--data", "some.csv"), "sequence"),
        ("text", ("--layer", "nowhere"), "recurrent"),
    ],
)
def test_what_cannot_be_is_one_line(xai, folders: dict[str, Path], kind: str, arguments: tuple, part: str) -> None:
    code, out, err = xai(folders[kind], *arguments, "--steps", 1)
    assert (code, out) == (2, "")
    assert len(err.strip().splitlines()) == 1, err
    assert part in err
    assert not list(Path().glob("*.html"))
