"""`xai report | explain | audit` of a function that returns a fitted estimator, and reports on tables."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.adapters.frames import people
from xai.base.errors import FolderError, InputError
from xai.cli import audit_command, explain_command, report_command

CODE = """
from pathlib import Path
import pandas as pd
import xai
from sklearn.linear_model import LinearRegression
from tests.adapters.frames import fitted
Path("ran").write_text("yes")

def paying():
    frame = pd.read_csv("people.csv", parse_dates=["since"])
    rows = frame.drop(columns="paid")
    return xai.from_sklearn(fitted(rows, frame.paid), rows)

def owed():
    frame = pd.read_csv("people.csv")
    return LinearRegression().fit(frame[["kids"]], 3 * frame.kids + 1)

def broken():
    raise ValueError("no data")

def nothing():
    return 3
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    frame, labels = (part[:90] for part in people())
    frame.assign(paid=labels).to_csv(tmp_path / "people.csv", index=False)
    frame[:1].to_csv(tmp_path / "new.csv", index=False)
    frame[["kids"]].assign(owed=3 * frame.kids + 1).to_csv(tmp_path / "owed.csv", index=False)
    (tmp_path / "payments.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("payments", None)


def called(command: object, *arguments: str) -> Result:
    return CliRunner().invoke(command.command, list(arguments))


GIVEN = ("--data", "people.csv", "--label", "paid", "--trust-code")


def test_a_function_is_reported_explained_and_audited(place: Path) -> None:
    done = called(report_command, "payments.py:paying", *GIVEN, "--examples", "1", "-o", "report.html")
    assert done.exit_code == 0, done.output
    page = (place / "report.html").read_text()
    for said in ("LogisticRegression", "What it goes by", "What it answers along a column", "row 0 of people.csv",
                 "city = ", "member = ", "Why it said so"):  # fmt: skip
        assert said in page, said
    assert re.search(r"<dd>202\d-\d\d-\d\d</dd>", page)
    done = called(
        explain_command, "payments:paying", "new.csv", *GIVEN, "-m", "kernel_shap", "-t", "yes", "-o", "e.html"
    )
    assert done.exit_code == 0, done.output
    assert "new.csv, row 0" in (place / "e.html").read_text()
    done = called(audit_command, "payments:paying", *GIVEN, "-c", "performance", "-o", "audit.html")
    assert done.exit_code == 0, done.output
    assert "LogisticRegression" in (place / "audit.html").read_text()


def test_a_regression_says_how_far_off_it_is(place: Path) -> None:
    given = ("--data", "owed.csv", "--label", "owed", "--trust-code", "--examples", "1")
    done = called(report_command, "payments.py:owed", *given, "-o", "owed.html")
    assert done.exit_code == 0, done.output
    page = (place / "owed.html").read_text()
    assert "mean absolute error" in page
    assert re.search(r"LinearRegression</b> reads one column and answers a number", page)


@pytest.mark.parametrize("command", [report_command, explain_command, audit_command])
@pytest.mark.parametrize("model", ["payments.py:paying", "payments:paying", "os:getcwd"])
def test_code_runs_with_trust_alone(place: Path, command: object, model: str) -> None:
    done = called(command, model, "--data", "people.csv", "--label", "paid", "-o", "none.html")
    assert done.exit_code != 0
    assert f"{model} is code; --trust-code would run" in done.output
    assert not (place / "ran").exists()
    assert not (place / "none.html").exists()


def test_what_is_no_model_is_named(place: Path) -> None:
    (place.parent / "outside.py").write_text("def made(): return 1")
    for model, said in (
        ("payments:broken", "expected a model, got ValueError: no data"),
        ("payments:nothing", "expected an xai.Model or a fitted estimator, got int"),
        ("payments:absent", "a callable named 'absent'"),
        ("nowhere_at_all:made", "No module named 'nowhere_at_all'"),
        ("../outside.py:made", "expected a file inside"),
        ("payments:owed", "--data, a CSV or Parquet file"),
    ):
        data = () if said.startswith("--data") else ("--data", "people.csv")
        done = called(audit_command, model, *data, "--label", "paid", "--trust-code", "-o", "none.html")
        assert done.exit_code != 0
        assert said in f"{done.output}{done.exception}"
        assert done.exception is None or isinstance(done.exception, SystemExit | InputError | FolderError)


def test_an_image_model_still_needs_inputs(digits_folder: Path) -> None:
    done = called(explain_command, str(digits_folder))
    assert done.exit_code != 0
    assert "Missing argument 'INPUTS...'" in done.output


def test_recipes_of_tables_have_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.recipes import train_recipe

    monkeypatch.chdir(tmp_path)
    for name, said in (
        ("diabetes-neuron", "reads one column and answers progression"),
        ("breast-cancer-dense", "names one of 2 classes"),
    ):
        train_recipe(name, tmp_path / name, epochs=1)
        done = called(report_command, name, "--examples", "1", "-o", f"{name}.html")
        assert done.exit_code == 0, done.output
        assert said in (tmp_path / f"{name}.html").read_text()
