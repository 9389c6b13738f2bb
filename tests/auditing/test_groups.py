"""Groups that cross, small ones, regressions, several labels, thresholds: bias is found, matched controls pass."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact

import xai
from tests.auditing.planted import findings, said
from xai.auditing.audit_data import AuditData
from xai.auditing.rates import GroupRate, compare_means
from xai.results.audit_result import AuditResult

COUNT = 800


def answers(wrong: np.ndarray, labels: np.ndarray) -> torch.Tensor:
    """Return probabilities (N, 2) that are sure of the label, or of the other class where an answer is wrong."""
    called = np.where(wrong, 1 - labels, labels)
    return torch.tensor(np.where(np.eye(2)[called] == 1, 0.9, 0.1), dtype=torch.float32)


def drawn(seed: int = 0) -> tuple[np.random.Generator, np.ndarray, dict[str, np.ndarray]]:
    draw = np.random.default_rng(seed)
    groups = {"sex": draw.choice(["f", "m"], COUNT), "age": draw.choice(["old", "young"], COUNT)}
    return draw, draw.integers(0, 2, COUNT), groups


@pytest.mark.parametrize("biased", [True, False])
def test_bias_where_two_columns_cross(biased: bool) -> None:
    """Errors follow whether both columns agree, so that neither alone shows anything."""
    draw, labels, groups = drawn()
    agree = (groups["sex"] == "f") == (groups["age"] == "old")
    wrong = draw.random(COUNT) < np.where(agree & biased, 0.4, 0.05)
    prediction = answers(wrong, labels)
    found = findings("bias", said(prediction), AuditData(prediction, labels, groups=groups))
    assert found["errors"].status == "pass"
    assert found["crossed_errors"].status == ("fail" if biased else "pass")
    worst = found["crossed_errors"].details["groups"][0]
    if biased:
        inside = agree & (groups["sex"] == worst["group"].partition(" and ")[0])
        assert worst["column"] == "sex and age"
        assert worst["rate"] in (pytest.approx(wrong[inside].mean()), pytest.approx(wrong[~agree].mean(), abs=0.06))
    assert {"crossed_parity", "crossed_opportunity"} <= set(found)
    assert found["crossed_parity"].status == "pass"


def test_a_small_group_that_is_wholly_wrong_is_never_passed() -> None:
    draw = np.random.default_rng(1)
    labels, wrong = draw.integers(0, 2, 500), draw.random(500) < 0.05
    groups = np.array(["most"] * 485 + ["few"] * 15)
    fair = answers(wrong, labels)
    wrong[485:] = True
    unfair = answers(wrong, labels)
    results = [
        xai.audit(said(rows), AuditData(rows, labels, groups={"who": groups}), ["bias"]) for rows in (unfair, fair)
    ]
    (found,), (clean,) = (result.of("bias.small_groups") for result in results)
    assert found.status == "fail"
    assert found.details["wholly_wrong"] == ["who = few"]
    table = [[15, 0], [wrong[:485].sum(), 485 - wrong[:485].sum()]]
    assert found.details["p_value"] == pytest.approx(fisher_exact(table).pvalue)
    assert not results[0].passed
    assert clean.status == "pass"
    assert results[1].passed


@settings(max_examples=8, deadline=None, derandomize=True)
@given(data=st.data())
def test_passed_is_never_true_where_a_named_group_was_wholly_wrong(data: st.DataObject) -> None:
    """Whatever the sizes of the groups, how often the others are wrong, and how many columns name groups."""
    sizes = data.draw(st.lists(st.integers(3, 60), min_size=1, max_size=4))
    rate, seed = data.draw(st.floats(0, 0.6)), data.draw(st.integers(0, 99))
    draw = np.random.default_rng(seed)
    names = np.repeat([f"g{number}" for number in range(len(sizes) + 1)], [*sizes, 60])
    wrong, lost = draw.random(len(names)) < rate, data.draw(st.integers(0, len(sizes) - 1))
    wrong[names == f"g{lost}"] = True
    order = draw.permutation(len(names))
    labels = draw.integers(0, 2, len(names))
    groups = {"who": names[order], "coin": draw.choice(["a", "b"], len(names))}
    rows = answers(wrong[order], labels)
    result = xai.audit(said(rows), AuditData(rows, labels, groups=groups), ["bias"])
    assert not result.passed
    assert not AuditResult.from_dict(json.loads(json.dumps(result.to_dict()))).passed


@pytest.mark.parametrize(("size", "seed"), [(22, 35), (30, 38)])
def test_a_larger_group_that_is_wholly_wrong_by_chance_does_not_pass(size: int, seed: int) -> None:
    """Where most other answers are wrong too, no test of rates fails, and no group is small."""
    draw = np.random.default_rng(seed)
    names, labels = np.repeat(["lost", "most"], [size, 60]), draw.integers(0, 2, size + 60)
    rows = answers((draw.random(len(names)) < 0.75) | (names == "lost"), labels)
    data = AuditData(rows, labels, groups={"who": names})
    assert not xai.audit(said(rows), data, ["bias"]).passed
    assert not xai.audit(said(rows), data, ["performance"]).passed  # nor where nobody asked about groups


def test_a_group_of_everybody_that_is_wholly_wrong_does_not_pass() -> None:
    labels = np.arange(60) % 2
    rows = answers(np.ones(60, dtype=bool), labels)
    result = xai.audit(said(rows), AuditData(rows, labels, groups={"who": ["all"] * 60}), ["bias"])
    assert not result.passed
    assert "Every answer is wrong" in result.of("bias.small_groups")[0].text


def test_three_rows_that_are_all_wrong_by_chance_do_not_fail_and_do_not_pass() -> None:
    draw = np.random.default_rng(2)
    labels, wrong = draw.integers(0, 2, 200), draw.random(200) < 0.4
    wrong[:3] = True
    rows = answers(wrong, labels)
    result = xai.audit(said(rows), AuditData(rows, labels, groups={"who": ["few"] * 3 + ["most"] * 197}), ["bias"])
    (found,) = result.of("bias.small_groups")
    assert found.status in ("pass", "warn")
    assert not result.passed


@pytest.mark.parametrize("biased", [True, False])
def test_probabilities_that_are_off_in_one_group(biased: bool) -> None:
    draw, _, groups = drawn(3)
    chance = draw.uniform(0.3, 0.7, COUNT)
    truth = np.where((groups["sex"] == "f") & biased, chance + 0.25, chance)
    labels = (draw.random(COUNT) < truth).astype(int)
    rows = torch.tensor(np.stack([1 - chance, chance], 1), dtype=torch.float32)
    found = findings("bias", said(rows), AuditData(rows, labels, groups={"sex": groups["sex"]}))["calibration"]
    assert found.status == ("fail" if biased else "pass")
    if biased:
        inside = groups["sex"] == "f"
        off = chance - labels
        assert found.score == pytest.approx(abs(off[inside].mean() - off[~inside].mean()), abs=1e-6)


@pytest.mark.parametrize("biased", [True, False])
def test_a_regression_that_errs_more_and_too_high_for_a_group(biased: bool) -> None:
    draw, _, groups = drawn(4)
    labels = draw.normal(size=(COUNT, 1))
    inside = (groups["sex"] == "f") & biased
    prediction = labels + np.where(inside, 0.8, 0.0)[:, None] + draw.normal(size=(COUNT, 1)) * 0.2
    rows = torch.tensor(prediction, dtype=torch.float32)
    model = xai.Model(torch.nn.Identity(), task="regression")
    found = findings("bias", model, AuditData(rows, labels, groups={"sex": groups["sex"]}))
    expected = "fail" if biased else "pass"
    assert {found[name].status for name in ("errors", "residual", "mean_error", "demographic_parity")} == {expected}
    if biased:
        assert found["residual"].score == pytest.approx(0.8 / labels.std(), rel=0.05)
        assert '"above the median"' in found["demographic_parity"].text


@pytest.mark.parametrize("biased", [True, False])
def test_several_labels_are_compared_one_by_one(biased: bool) -> None:
    draw, _, groups = drawn(5)
    labels = draw.integers(0, 2, (COUNT, 3))
    wrong = draw.random((COUNT, 3)) < 0.05
    wrong[:, 1] |= (groups["sex"] == "f") & (draw.random(COUNT) < 0.4) & biased
    rows = torch.tensor(np.where(wrong != (labels == 1), 0.9, 0.1), dtype=torch.float32)
    model = said(rows, task="multilabel", classes=["a", "b", "c"])
    found = findings("bias", model, AuditData(rows, labels, groups={"sex": groups["sex"]}))
    expected = "fail" if biased else "pass"
    assert found["errors"].status == found["equal_opportunity"].status == expected
    assert found["demographic_parity"].status != "untestable"
    if biased:
        assert found["equal_opportunity"].details["groups"][0]["what"] == "b"


def test_a_threshold_that_treats_groups_alike_is_found_with_its_cost() -> None:
    """Group f has its probabilities in a range in which the usual threshold alone calls it less often."""
    draw, _, groups = drawn(6)
    labels = draw.integers(0, 2, COUNT)
    high = np.where(groups["sex"] == "f", draw.uniform(0.4, 0.55, COUNT), draw.uniform(0.6, 0.9, COUNT))
    chance = np.where(labels == 1, high, draw.uniform(0.05, 0.3, COUNT))
    rows = torch.tensor(np.stack([1 - chance, chance], 1), dtype=torch.float32)
    found = findings("bias", said(rows), AuditData(rows, labels, groups={"sex": groups["sex"]}))["threshold"]
    assert found.status == "warn"
    assert 0.3 <= found.details["threshold"] <= 0.4
    assert found.details["cost"] < 0  # accuracy is gained, too
    moved = xai.audit(said(rows), AuditData(rows, labels, groups={"sex": groups["sex"]}), ["bias"], threshold=0.35)
    assert moved.of("bias.equal_opportunity")[0].score == 0.0
    assert moved.of("bias.threshold")[0].status == "pass"


def test_means_by_hand() -> None:
    values = {"x": np.arange(40.0)}
    (first, second) = compare_means(pd.DataFrame({"half": ["a", "b"] * 20}), values, 5)
    assert first.difference == -second.difference == -1.0
    assert (first.low + first.high) / 2 == pytest.approx(-1.0)


@pytest.mark.parametrize(
    ("low", "high", "certain"), [(0.1, 0.3, 0.1), (-0.3, -0.1, 0.1), (-0.1, 0.3, 0.0), (-0.3, 0.0, 0.0)]
)
def test_what_is_certain_of_a_difference_is_its_nearer_end(low: float, high: float, certain: float) -> None:
    rate = GroupRate("sex", "f", "missed", 50, 0.5, 50, 0.4, (low + high) / 2, low, high, 0.01)
    assert rate.certain == pytest.approx(certain)
