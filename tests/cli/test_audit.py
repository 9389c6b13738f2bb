"""`xai audit` as a user meets it: data of every kind, a gate, reports with and without inputs."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.auditing.test_audit import table_data, table_model
from tests.cli.test_cli import here as xai
from tests.cli.test_cli import refused
from xai.model.folder import save_model

TABLE = """
from torch import nn

def build():
    return nn.Linear(2, 2)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a model of a table, and its data beside it."""
    place = tmp_path_factory.mktemp("audit")
    save_model(table_model(), place / "model", factory="table.py:build")
    (place / "model" / "table.py").write_text(TABLE)
    for seed, part in enumerate(("test", "train")):
        frame = table_data(seed=seed)
        frame["sex"] = pd.Series(["f", "m"] * 100)
        frame.to_csv(place / f"{part}.csv", index=False)
    hole = table_data()
    hole.loc[3, "size"] = float("nan")
    hole.to_csv(place / "hole.csv", index=False)
    wrong = table_data()
    wrong.assign(label=wrong["label"].map({"yes": "no", "no": "yes"})).to_csv(place / "wrong.csv", index=False)
    return place


def test_a_table_with_both_parts(folder: Path) -> None:
    arguments = ["model", "--trust-code", "--data", "test.csv", "--train", "train.csv", "--protected", "sex"]
    outputs = ["-o", "audit.html", "--json", "audit.json", "-c", "performance", "--fail-on", "all=warn"]
    done = xai("audit", *arguments, *outputs, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "audit.html\n"
    found = json.loads((folder / "audit.json").read_text())
    assert found["data"] == found["data"] | {"held_out": 200, "train": 200, "protected": ["sex"], "name": "test.csv"}
    assert {item["status"] for item in found["findings"]} == {"pass"}
    page = (folder / "audit.html").read_text()
    assert "none fails" in page
    inside = json.loads(page.partition('<script type="application/json" id="page-data">')[2].partition("</script>")[0])
    assert inside["sections"]["audit"]["audit"]["findings"] == found["findings"]


def test_whose_rows_they_are_when_they_were_and_a_threshold(folder: Path) -> None:
    for part, first in (("test", 0), ("train", 100)):
        frame = pd.read_csv(folder / f"{part}.csv")
        marks = {"who": [f"p{first + row}" for row in range(200)], "day": range(200), "stands": 1.0}
        frame.assign(**marks).to_csv(folder / f"marked_{part}.csv", index=False)
    arguments = ["model", "--trust-code", "--data", "marked_test.csv", "--train", "marked_train.csv"]
    marks = ["--entity", "who", "--time", "day", "--weights", "stands"]
    outputs = ["-o", "marked.html", "--json", "marked.json", "-c", "performance", "-c", "data", "--threshold", "0.4"]
    done = xai("audit", *arguments, *marks, *outputs, cwd=folder)
    assert done.returncode == 0, done.stderr
    found = {item["check"]: item for item in json.loads((folder / "marked.json").read_text())["findings"]}
    assert found["data.entities"]["score"] == 0.5
    assert found["data.order"]["score"] == 1.0
    assert found["performance.latest"]["status"] == found["performance.weighted"]["status"] == "pass"
    again = xai("recheck", "marked.html", *arguments, *marks, cwd=folder)
    assert again.returncode == 0, again.stdout + again.stderr
    refused(xai("audit", *arguments, "--entity", "whose", cwd=folder), "whose")


def test_the_gate_says_what_broke_it_and_the_report_is_there(folder: Path) -> None:
    arguments = ["model", "--trust-code", "--data", "wrong.csv", "-c", "performance", "-o", "wrong.html"]
    done = xai("audit", *arguments, "--fail-on", "performance=fail", cwd=folder)
    assert done.returncode == 1
    assert done.stdout == "wrong.html\n"
    assert "performance.skill: fail" in done.stderr
    assert (folder / "wrong.html").is_file()
    assert xai("audit", *arguments, cwd=folder).returncode == 0


def test_a_gate_on_a_finding_that_such_data_do_not_have_loses_no_report(folder: Path) -> None:
    arguments = ["model", "--trust-code", "--data", "test.csv", "-c", "shortcuts", "-o", "kept.html"]
    done = xai("audit", *arguments, "--json", "kept.json", "--fail-on", "shortcuts.one_word=fail", cwd=folder)
    assert done.returncode == 2
    assert done.stdout == "kept.html\n"
    assert "shortcuts.one_word" in done.stderr
    assert (folder / "kept.html").is_file()
    assert (folder / "kept.json").is_file()


def test_a_gate_takes_the_old_name_of_a_finding_and_says_the_new_one(folder: Path) -> None:
    arguments = ["model", "--trust-code", "--data", "test.csv", "-c", "shortcuts", "-o", "old.html"]
    done = xai("audit", *arguments, "--fail-on", "shortcuts.one_stretch=fail", cwd=folder)
    assert done.returncode == 2  # a table has no such finding
    assert "shortcuts.one_stretch is now shortcuts.one_window" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--data"),
        (["--data", "nowhere.csv"], "nowhere.csv"),
        (["--data", "test.csv", "--label", "answer"], "answer"),
        (["--data", "test.csv", "--protected", "height"], "height"),
        (["--data", "test.csv", "--fail-on", "luck=fail"], "luck=fail"),
        (["--data", "test.csv", "--fail-on", "performance.luck=fail"], "performance.luck=fail"),
        (["--data", "test.csv", "--fail-on", "performance=never"], "performance=never"),
        (
            ["--data", "test.csv", "-c", "performance", "--fail-on", "bias=fail"],
            "that are made (performance), got bias",
        ),
        (["--data", "test.csv", "-c", "performance", "--fail-on", "bias.errors=fail"], "got bias.errors"),
        (["--data", "test.csv", "-c", "luck"], "luck"),
        (["--data", "test.csv", "--json", "none.html"], "--json"),
        (["--data", "test.csv", "--json", "model/../none.html"], "overwrite"),
        (
            ["--data", "hole.csv", "-c", "performance"],
            "xai: audit: inputs: expected finite numbers, got NaN or infinity in row 3, column 'size'",
        ),
    ],
)
def test_what_cannot_be_audited(folder: Path, arguments: list[str], says: str) -> None:
    refused(xai("audit", "model", "--trust-code", *arguments, "-o", "none.html", cwd=folder), says)
    assert not (folder / "none.html").exists()
