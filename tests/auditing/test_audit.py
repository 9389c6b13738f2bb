"""The frame of an audit: data from everywhere, one rule for verdicts, a result that can be kept and gated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import xai
from tests.trace_state import differences, state_of
from xai.auditing.audit_data import AuditData, prepare
from xai.auditing.limits import LIMITS, Limit
from xai.auditing.verdicts import finding_by_limit
from xai.base.errors import FolderError, InputError
from xai.base.statistics import bootstrap_confusion, bootstrap_mean
from xai.inputs.table import TabularInput
from xai.methods import MODEL_CHECKS
from xai.model.model import Model
from xai.results.audit_result import AuditResult

CHECKS = ["performance"]


def table_model(weights: tuple[float, float] = (4.0, 0.0)) -> Model:
    """Return a model of a number and a category that answers "yes" where the weighted sum is above 0."""
    network = nn.Linear(2, 2)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[0.0, 0.0], weights]))
        network.bias.zero_()
    table = TabularInput(["size", "color"], categorical={"color": ["red", "blue"]})
    return Model(network, classes=["no", "yes"], input=table)


def table_data(count: int = 200, seed: int = 0) -> pd.DataFrame:
    """Return rows whose label is the sign of the size."""
    generator = np.random.default_rng(seed)
    size = generator.normal(size=count)
    color = generator.choice(["red", "blue"], count)
    return pd.DataFrame({"size": size, "color": color, "label": np.where(size > 0, "yes", "no")})


def test_the_same_data_in_every_form() -> None:
    model, frame = table_model(), table_data()
    numbers = np.stack([frame["size"], (frame["color"] == "blue").to_numpy(float)], 1)
    codes = (frame["label"] == "yes").to_numpy(int)
    forms = [
        AuditData(frame, frame["label"]),
        AuditData(frame, frame["label"].tolist()),
        AuditData(numbers, codes),
        AuditData(torch.tensor(numbers), torch.tensor(codes)),
        AuditData(numbers.tolist(), [str(code) for code in codes]),
    ]
    results = [xai.audit(model, data, CHECKS).findings for data in forms]
    assert all(found == results[0] for found in results)
    assert results[0][0].score == 1.0


def test_a_pipeline_of_scikit_learn_with_words_in_its_rows() -> None:
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    frame = table_data(400)
    columns = ["size", "color"]
    pipeline = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["color"]), remainder="passthrough"), LogisticRegression()
    ).fit(frame[columns][:200], frame["label"][:200])
    words = ["blue", "red"]

    def answer(rows: np.ndarray) -> np.ndarray:
        color = [words[int(code)] for code in rows[:, 1]]
        return pipeline.predict_proba(pd.DataFrame({"size": rows[:, 0], "color": color}))

    model = Model.from_callable(
        answer, classes=list(pipeline.classes_), input=TabularInput(columns, categorical={"color": words})
    )
    held_out, train = frame[200:], frame[:200]
    result = xai.audit(model, AuditData(held_out, held_out["label"], train=(train, train["label"])), CHECKS)
    expected_accuracy = pipeline.score(held_out[columns], held_out["label"])
    assert result.findings[0].details["tables"][0]["rows"][0]["value"] == pytest.approx(expected_accuracy)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"labels": ["yes"] * 5}, "one per row"),
        ({"labels": ["maybe"] * 200}, "classes of the model"),
        ({"labels": [7] * 200}, "classes from 0 to 1"),
        ({"labels": [-1] * 200}, "whole numbers from 0"),
        ({"labels": [0.5] * 200}, "whole numbers from 0"),
        ({"protected": ["sex"]}, "columns of the table"),
        ({"groups": {"sex": ["f"] * 3}}, "one entry per row"),
        ({"groups": 3}, "a DataFrame or columns"),
        ({"masks": np.ones((200, 2, 2))}, "one area per image"),
    ],
)
def test_data_that_does_not_fit(change: dict, says: str) -> None:
    frame = table_data()
    fields = {"inputs": frame, "labels": frame["label"], **change}
    with pytest.raises(InputError, match=says):
        xai.audit(table_model(), AuditData(**fields), CHECKS)


def test_arguments_that_cannot_be() -> None:
    frame = table_data()
    data = AuditData(frame, frame["label"])
    for arguments in ({"checks": ["luck"]}, {"checks": []}, {"luck": {}}, {"seed": -1}, {"rows": 3}):
        with pytest.raises(InputError, match="audit: "):
            xai.audit(table_model(), data, **{"checks": CHECKS, **arguments})
    with pytest.raises(InputError, match="an AuditData"):
        xai.audit(table_model(), frame, CHECKS)
    with pytest.raises(InputError, match="a pair"):
        AuditData(frame, frame["label"], train=frame)
    with pytest.raises(InputError, match="a list of column names"):
        AuditData(frame, frame["label"], protected="size")


def test_protected_columns_become_words() -> None:
    frame = table_data()
    sex = ["f", None] * 100
    data = AuditData(frame, frame["label"], protected=["size", "color"], groups={"sex": sex})
    groups = prepare(table_model(), data).held_out.groups
    assert groups["color"].tolist() == frame["color"].tolist()
    assert groups["sex"].tolist() == ["f", "missing"] * 100
    counts = groups["size"].value_counts()
    assert len(counts) == 4
    assert set(counts) == {50}


def test_rows_are_drawn_and_the_digest_knows_them_all() -> None:
    frame = table_data(100)
    data = AuditData(frame, frame["label"])
    part = prepare(table_model(), data, rows=30, seed=1)
    assert len(part.held_out) == 30
    assert part.sizes == {"held_out": 100, "train": 0}
    chosen = frame.iloc[part.held_out.index.tolist()]
    assert part.held_out.inputs[:, 0].tolist() == pytest.approx(chosen["size"].tolist())
    other = frame.copy()
    left_out = next(row for row in range(100) if row not in part.held_out.index.tolist())
    other.loc[left_out, "size"] += 0.001
    assert prepare(table_model(), AuditData(other, other["label"]), rows=30, seed=1).digest != part.digest


def test_an_interval_that_reaches_back_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "more", Limit(0.1, 0.2))
    monkeypatch.setitem(LIMITS, "less", Limit(0.8, 0.5, least=True))
    cases = [
        ("more", 0.3, (0.21, 0.4), "fail"), ("more", 0.3, (0.19, 0.4), "warn"), ("more", 0.1, (0.0, 0.3), "pass"),
        ("less", 0.4, (0.3, 0.49), "fail"), ("less", 0.4, (0.3, 0.51), "warn"), ("less", 0.8, (0.4, 0.9), "pass"),
    ]  # fmt: skip
    for name, score, interval, status in cases:
        assert finding_by_limit(name, score, interval, "none", "").status == status
    assert finding_by_limit("more", 0.3, (0.25, 0.4), "none", "", at_most="warn").status == "warn"


def test_intervals_are_those_of_theory() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(2.0, 1.0, 400)
    half = 1.96 * values.std() / 20
    assert bootstrap_mean(values, 1) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)
    other = generator.normal(1.0, 2.0, 400)
    difference, half = values.mean() - other.mean(), 1.96 * np.hypot(values.std(), other.std()) / 20
    assert bootstrap_mean(values, 1, minus=other) == pytest.approx((difference - half, difference + half), abs=0.04)
    confusion = np.array([[150, 50], [30, 170]])
    share, half = 0.8, 1.96 * (0.8 * 0.2 / 400) ** 0.5
    found = bootstrap_confusion(confusion, lambda c: np.trace(c, axis1=1, axis2=2) / c.sum((1, 2)), 1)
    assert found == pytest.approx((share - half, share + half), abs=0.006)
    assert bootstrap_mean(np.ones(50), 0) == (1.0, 1.0)


def test_a_result_is_kept_and_made_again(tmp_path: Path) -> None:
    frame = table_data()
    data = AuditData(frame, frame["label"], train=(frame, frame["label"]))
    result = xai.audit(table_model(), data, CHECKS, seed=3)
    again = AuditResult.load(result.save(tmp_path / "audit.json"))
    assert again == result
    plain = result.to_dict()
    plain["findings"][0]["check"] = "shortcuts.shared_mark"
    assert AuditResult.from_dict(plain).findings[0].check == "shortcuts.shared_patch"
    assert xai.audit(table_model(), data, **again.options).findings == result.findings
    assert result.to_frame()["check"].tolist() == [finding.check for finding in result.findings]
    (tmp_path / "other.json").write_text('{"schema_version": 1}')
    for path in (tmp_path / "other.json", tmp_path / "missing.json"):
        with pytest.raises(FolderError):
            AuditResult.load(path)


def test_a_gate_names_a_check_or_a_finding() -> None:
    frame = table_data()
    wrong = frame["label"].map({"yes": "no", "no": "yes"})
    result = xai.audit(table_model(), AuditData(frame, wrong), CHECKS)
    assert not result.passed
    assert [item.check for item in result.gate({"performance": "fail"})] == ["performance.skill", "performance.classes"]
    assert [item.check for item in result.gate({"performance.skill": "warn"})] == ["performance.skill"]
    assert [item.status for item in result.gate({"performance.overfitting": "untestable"})] == ["untestable"]
    assert result.gate({"performance.overfitting": "fail"}) == []
    assert len(result.gate({"all": "fail"})) == 2
    with pytest.warns(DeprecationWarning, match=r"one_stretch is now shortcuts\.one_window"):
        assert result.of("shortcuts.one_stretch") == []
    for levels in ({"luck": "fail"}, {"performance": "never"}):
        with pytest.raises(InputError, match="fail_on"):
            result.gate(levels)


def test_an_audit_leaves_no_trace() -> None:
    model, frame = table_model(), table_data()
    model.network.train()
    before = state_of(model.network)
    xai.audit(model, AuditData(frame, frame["label"], train=(frame, frame["label"]), protected=["color"]))
    assert differences(before, state_of(model.network)) == []


def test_every_check_of_the_table_has_limits_and_words() -> None:
    from xai.reports.sentences import AUDIT_SENTENCES

    assert set(AUDIT_SENTENCES) == set(MODEL_CHECKS)
    assert {name.partition(".")[0] for name in LIMITS} <= set(MODEL_CHECKS)
    assert all(callable(spec.load()) for spec in MODEL_CHECKS.values())
