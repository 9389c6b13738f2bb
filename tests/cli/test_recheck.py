"""`xai recheck` as a user meets it: what holds ends with 0, what was altered with 1 and a line for each difference."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_audit import folder as audit_folder
from tests.cli.test_cli import here as xai
from tests.cli.test_cli import refused

folder = audit_folder  # the model of a table with its data beside it

DATA = ["--data", "test.csv", "--train", "train.csv"]
MODEL = ["model", "--trust-code"]


@pytest.fixture(scope="module")
def audited(folder: Path) -> Path:
    """Return the folder with a report and its JSON."""
    outputs = ["-o", "held.html", "--json", "held.json", "-c", "performance", "--protected", "sex"]
    assert xai("audit", *MODEL, *DATA, *outputs, cwd=folder).returncode == 0
    return folder


def test_a_report_and_its_json_hold(audited: Path) -> None:
    for report in ("held.html", "held.json"):
        done = xai("recheck", report, *MODEL, *DATA, cwd=audited)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "the chance to catch one altered number among them all is 100 %" in done.stdout
        assert len(done.stdout.splitlines()) == 1


def test_an_altered_number_ends_with_1_and_a_line(audited: Path) -> None:
    plain = json.loads((audited / "held.json").read_text())
    plain["findings"][0]["score"] += 0.001
    (audited / "forged.json").write_text(json.dumps(plain))
    done = xai("recheck", "forged.json", *MODEL, *DATA, cwd=audited)
    assert done.returncode == 1
    line, last = done.stdout.splitlines()
    score = plain["findings"][0]["score"]
    assert line.startswith(f"findings / performance.skill / score: reported {score!r}, recomputed ")
    assert "numbers computed again (performance)" in last


def test_other_rows_are_said_without_a_chance_to_catch_a_number(audited: Path) -> None:
    data = list(DATA)
    data[data.index("--data") + 1] = data[data.index("--train") + 1]
    done = xai("--json", "recheck", "held.html", *MODEL, *data, cwd=audited)
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    said = json.loads(line)
    assert (said["path"], said["passed"], said["recomputed"], said["chance"]) == ("held.html", False, 0, None)
    assert {"where", "reported", "recomputed"} == set(said["differences"][0])


def test_what_cannot_be_rechecked(audited: Path) -> None:
    refused(xai("recheck", "nowhere.html", *MODEL, *DATA, cwd=audited), "nowhere.html")
    refused(xai("recheck", "model/model.toml", *MODEL, *DATA, cwd=audited), "model.toml")
    refused(xai("recheck", "held.html", *MODEL, cwd=audited), "--data")
    refused(xai("recheck", "held.html", *MODEL, *DATA, "--sample", "0", cwd=audited), "sample")
