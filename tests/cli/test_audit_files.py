"""`xai audit` of a fitted pipeline in a file, without any Python, and the report as a PDF."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from xai.cli.audit_command import command
from xai.cli.pdf import BROWSERS
from xai.results.audit_result import AuditResult


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a pipeline of numbers and words, another of numbers alone, and their data."""
    place, draw = tmp_path_factory.mktemp("pipelines"), np.random.default_rng(0)
    frame = pd.DataFrame({"income": draw.normal(size=600), "city": draw.choice(["A", "B"], 600)})
    paid = np.where(frame["income"] + (frame["city"] == "A") + 0.5 * draw.normal(size=600) > 0.5, 2, 1)
    frame = frame.assign(label=paid, owed=2 * frame["income"], sex=draw.choice(["f", "m"], 600))
    encoded = make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough")
    pipeline = make_pipeline(encoded, LogisticRegression()).fit(frame[["income", "city"]][:300], paid[:300])
    joblib.dump(pipeline, place / "paid.joblib")
    joblib.dump(LinearRegression().fit(frame[["income"]][:300], frame["owed"][:300]), place / "owed.joblib")
    frame[:300].to_csv(place / "train.csv", index=False)
    frame[300:].to_csv(place / "test.csv", index=False)
    return place


def audited(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.chdir(folder)
    return CliRunner().invoke(command, [*arguments, "-o", "audit.html", "--json", "audit.json"])


def test_a_pipeline_that_takes_words_and_names_its_classes_by_numbers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "card.toml").write_text('intended_use = "To say who will pay."\n')
    given = ["paid.joblib", "--data", "test.csv", "--train", "train.csv", "--protected", "sex", "-c", "performance"]
    done = audited(folder, monkeypatch, *given, "--trust-code", "--card", "card.toml")
    assert done.exit_code == 0, done.output
    found = json.loads((folder / "audit.json").read_text())
    pipeline, frame = joblib.load(folder / "paid.joblib"), pd.read_csv(folder / "test.csv")
    accuracy = pipeline.score(frame[["income", "city"]], frame["label"])
    assert found["findings"][0]["details"]["tables"][0]["rows"][0]["value"] == pytest.approx(accuracy)
    assert found["data"]["protected"] == ["sex"]
    assert found["model"]["classes"] == ["1", "2"]
    assert found["card"]["intended_use"] == "To say who will pay."
    assert "To say who will pay." in (folder / "audit.html").read_text()


def test_a_regression_and_what_cannot_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = audited(
        folder, monkeypatch, "owed.joblib", "--data", "test.csv", "--label", "owed", "-c", "performance", "--trust-code"
    )
    assert done.exit_code == 0, done.output
    assert json.loads((folder / "audit.json").read_text())["findings"][0]["score"] == pytest.approx(1.0)
    for arguments, says in (
        (["paid.joblib", "--data", "test.csv"], "--trust-code"),
        (["paid.joblib", "--trust-code"], "--data"),
        (["none.skops", "--data", "test.csv"], "no file at"),
    ):
        refused = audited(folder, monkeypatch, *arguments)
        assert refused.exit_code != 0
        assert says in f"{refused.output}{refused.exception}"


def test_a_skops_file_of_types_that_skops_does_not_know_is_not_loaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever skops is installed: without trust it is asked what the file holds, and no more."""
    loaded = []

    def load(path: str, trusted: list[str]) -> object:
        loaded.append(trusted)
        return joblib.load(folder / "paid.joblib")

    made = SimpleNamespace(get_untrusted_types=lambda file: ["planted.Type"], load=load)
    monkeypatch.setitem(sys.modules, "skops", SimpleNamespace(io=made))
    monkeypatch.setitem(sys.modules, "skops.io", made)
    (folder / "unknown.skops").write_bytes(b"")
    given = ["unknown.skops", "--data", "test.csv", "-c", "performance"]
    refused = audited(folder, monkeypatch, *given)
    assert refused.exit_code != 0
    assert "planted.Type" in refused.output
    assert "--trust-code" in refused.output
    assert loaded == []
    assert audited(folder, monkeypatch, *given, "--trust-code").exit_code == 0
    assert loaded == [["planted.Type"]]


def test_a_skops_file_needs_no_trust(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skops = pytest.importorskip("skops.io")
    skops.dump(joblib.load(folder / "paid.joblib"), folder / "paid.skops")
    done = audited(folder, monkeypatch, "paid.skops", "--data", "test.csv", "-c", "performance")
    assert done.exit_code == 0, done.output


def test_an_onnx_network_of_a_table_answers_as_the_pipeline_that_it_was_made_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    to_onnx = pytest.importorskip("skl2onnx").to_onnx
    draw = np.random.default_rng(0)
    rows = pd.DataFrame(draw.normal(size=(300, 3)), columns=["a", "b", "c"])
    labels = (rows["a"] - rows["b"] + 0.3 * draw.normal(size=300) > 0).astype(int)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows[:150].to_numpy(), labels[:150])
    made = to_onnx(pipeline, rows[:1].to_numpy(np.float32))
    (tmp_path / "paid.onnx").write_bytes(made.SerializeToString())
    rows[150:].assign(label=labels[150:]).to_csv(tmp_path / "test.csv", index=False)
    done = audited(tmp_path, monkeypatch, "paid.onnx", "--data", "test.csv", "-c", "performance")
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "audit.json").read_text())
    refused = audited(tmp_path, monkeypatch, "paid.onnx", "--data", "test.csv", "--protected", "a")
    assert "expected 3 columns of numbers, got 2: b, c" in f"{refused.output}{refused.exception}"
    share = pipeline.score(rows[150:].to_numpy(), labels[150:])
    assert found["findings"][0]["details"]["tables"][0]["rows"][0]["value"] == pytest.approx(share)


def test_an_onnx_network_that_takes_each_column_by_its_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    convert = pytest.importorskip("skl2onnx").convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    pipeline = joblib.load(folder / "paid.joblib")
    made = convert(
        pipeline, initial_types=[("city", StringTensorType([None, 1])), ("income", FloatTensorType([None, 1]))]
    )
    (tmp_path / "paid.onnx").write_bytes(made.SerializeToString())
    frame = pd.read_csv(folder / "test.csv")
    frame.to_csv(tmp_path / "test.csv", index=False)
    given = ["paid.onnx", "--data", "test.csv", "-c", "performance", "--protected", "city"]
    done = audited(tmp_path, monkeypatch, *given)
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "audit.json").read_text())
    share = pipeline.score(frame[["income", "city"]], frame["label"])
    assert found["findings"][0]["details"]["tables"][0]["rows"][0]["value"] == pytest.approx(share)
    assert found["model"]["classes"] == ["1", "2"]  # as the network names them
    frame.assign(city=1.0).to_csv(tmp_path / "test.csv", index=False)
    refused = audited(tmp_path, monkeypatch, *given)
    assert refused.exit_code != 0
    assert "a column 'city' of tensor(string)" in f"{refused.output}{refused.exception}"


def test_counterfactuals_keep_to_what_may_change(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = ["paid.joblib", "--trust-code", "--data", "test.csv", "-c", "performance"]
    done = audited(folder, monkeypatch, *given, "--immutable", "city", "--increasing", "income")
    assert done.exit_code == 0, done.output
    result = AuditResult.load(folder / "audit.json")
    assert result.options["counterfactuals"] == {"immutable": ["city"], "increasing": ["income"]}
    assert result.of("counterfactuals")[0].details["by_column"]["city"] == 0
    refused = audited(folder, monkeypatch, *given, "--immutable", "nothing")
    assert refused.exit_code != 0
    assert "nothing" in f"{refused.output}{refused.exception}"


def test_the_report_is_printed_by_what_is_installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = ["paid.joblib", "--data", "test.csv", "-c", "performance", "--trust-code", "--pdf", "audit.pdf"]
    monkeypatch.setattr("xai.cli.pdf.BROWSERS", ("no-such-browser",))
    refused = audited(folder, monkeypatch, *given)
    assert refused.exit_code == 1
    assert "no-such-browser" in refused.output
    script = folder / "browser"
    loop = 'for flag; do case $flag in --print-to-pdf=*) echo "%PDF" > "${flag#*=}";; esac; done'
    script.write_text(f"#!/bin/sh\n{loop}\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setattr("xai.cli.pdf.BROWSERS", ("browser",))
    done = audited(folder, monkeypatch, *given)
    assert done.exit_code == 0, done.output
    assert (folder / "audit.pdf").read_text().startswith("%PDF")
    assert len(BROWSERS) > 1
