"""The audit of a run: that of the same rows and labels by hand, whatever the workers, and never made twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import xai
from tests.runs.folders import contents, image_model, images, table_model
from xai.base.errors import InputError
from xai.runs import audited

GIVEN = {"methods": ["saliency"], "checks": "none", "shard_rows": 16, "workers": 0, "audit": ["performance"]}


def frame() -> pd.DataFrame:
    model, rows = table_model(), np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    called = ["yes" if row % 3 else "no" for row in range(60)]
    return pd.DataFrame(rows, columns=model.input.names).assign(label=called)


def test_the_audit_is_that_of_the_rows_that_the_run_explained(tmp_path: Path) -> None:
    model, data = table_model(), frame()
    data.loc[7, data.columns[1]] = np.nan  # fails
    data.loc[9, "label"] = None
    data.loc[11, "label"] = "perhaps"  # no class of the model
    found = xai.run(model, data, out=tmp_path / "run", **GIVEN)
    rows = [row for row in range(60) if row not in (7, 9, 11)]
    given = xai.AuditData(data.iloc[rows], data["label"].iloc[rows].tolist(), numbers=rows)
    alone = xai.audit(model, given, ["performance"])
    assert found.audit.findings == alone.findings
    assert found.audit.data["total"]["held_out"] == 57


def test_no_more_rows_are_audited_than_are_drawn_and_they_keep_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audited, "MOST_DRAWN", 25)
    result = xai.run(table_model(), frame(), out=tmp_path / "run", **GIVEN).audit
    assert (result.data["held_out"], result.data["total"]["held_out"]) == (25, 60)
    worst = next(finding.details["worst"] for finding in result.findings if "worst" in finding.details)
    assert max(worst) > 25


def test_a_run_gets_its_audit_later_and_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, data, labels = image_model(), images(40), [0, 1, 2, 0] * 10
    given = {**GIVEN, "labels": labels}
    whole, told = tmp_path / "whole", []
    xai.run(model, data, out=whole, log=told.append, **given)
    assert [event["event"] for event in told][-2:] == ["finished", "audited"]
    assert xai.run(model, data, out=tmp_path / "later", **{**given, "audit": False}).audit is None
    xai.run(model, data, out=tmp_path / "later", **{**given, "workers": 2})
    assert contents(tmp_path / "later") == contents(whole)
    monkeypatch.setattr(audited, "audit", None)  # would fail if it were called
    assert xai.run(model, data, out=whole, **given).audit.findings


def test_texts_of_several_lengths_are_audited(tmp_path: Path) -> None:
    def answer(texts: list[str]) -> np.ndarray:
        good = np.array(["good" in text for text in texts], dtype=float)
        return np.stack([1 - good, good], 1)

    model = xai.Model.from_callable(answer, classes=["bad", "good"], input=xai.TextInput())
    texts = [f"{'very ' * (row // 7)}{'good' if row % 2 else 'bad'} tea" for row in range(40)]
    given = {**GIVEN, "methods": ["lime_text"], "options": {"lime_text": {"samples": 20}}}
    labels = [row % 2 for row in range(39)] + [0]
    result = xai.run(model, texts, out=tmp_path / "run", labels=labels, **given).audit
    skill = next(finding for finding in result.findings if finding.check == "performance.skill")
    alone = xai.audit(model, xai.AuditData(texts, labels), ["performance"])
    assert skill == next(finding for finding in alone.findings if finding.check == "performance.skill")


def test_regressions_are_audited(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = xai.Model(torch.nn.Linear(3, 1), task="regression")
    rows = torch.rand(40, 3)
    labels = model.predict(rows)[:, 0].tolist()
    result = xai.run(model, rows, out=tmp_path / "run", labels=labels, **GIVEN).audit
    assert next(finding.score for finding in result.findings if finding.score is not None) > 0.99


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"audit": ["magic"]}, "checks: expected among"),
        ({"keep_inputs": False}, "audit: expected keep_inputs"),
    ],
)
def test_an_audit_that_cannot_be_is_said_before_any_work(tmp_path: Path, change: dict, named: str) -> None:
    with pytest.raises(InputError, match=f"^run: {named}"):
        xai.run(table_model(), frame(), out=tmp_path / "run", **{**GIVEN, **change})
    assert not (tmp_path / "run").exists()


def test_without_labels_the_run_is_whole_all_the_same(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"at least 20 explained rows with a label .* 0 of 40 rows; the run itself is whole"
    ):
        xai.run(image_model(), images(40), out=tmp_path / "run", **GIVEN)
    assert xai.open_run(tmp_path / "run").finished
