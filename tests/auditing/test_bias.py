"""Bias that is planted is found, bias that is not is not; intervals and p-values against known values."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import fisher_exact
from torch import nn

from tests.auditing.planted import findings
from xai.auditing.audit_data import AuditData
from xai.auditing.rates import compare_groups
from xai.base.statistics import newcombe
from xai.inputs.table import TabularInput
from xai.model.model import Model


def answers(unfair: float, count: int = 1200, seed: int = 0) -> tuple[Model, AuditData]:
    """Return a model and rows in which group f loses a share of its right positive answers."""
    generator = np.random.default_rng(seed)
    sex = generator.choice(["f", "m"], count)
    labels = generator.integers(2, size=count)
    said = np.where(generator.random(count) < 0.05, 1 - labels, labels)
    said = np.where((sex == "f") & (labels == 1) & (generator.random(count) < unfair), 0, said)
    probability = torch.from_numpy(np.stack([0.95 - 0.9 * said, 0.05 + 0.9 * said], 1)).float()
    model = Model(nn.Identity(), output="probabilities", classes=["no", "yes"], input=TabularInput(["p0", "p1"]))
    return model, AuditData(probability, labels, groups={"sex": sex})


def test_a_group_that_is_missed_is_found() -> None:
    found = findings("bias", *answers(0.4))
    assert found["equal_opportunity"].status == "fail"
    worst = found["equal_opportunity"].details["groups"][0]
    assert (worst["column"], worst["what"]) == ("sex", "yes")
    assert found["equal_opportunity"].score == pytest.approx(0.38, abs=0.1)
    assert found["demographic_parity"].status == "fail"
    assert found["errors"].status == "fail"
    assert found["labels"].status == "pass"


def test_a_fair_model_passes() -> None:
    for seed in range(2):
        found = findings("bias", *answers(0.0, seed=seed))
        assert {found[name].status for name in ("labels", "demographic_parity", "equal_opportunity", "errors")} == {
            "pass"
        }


def test_a_sentence_on_errors_begins_with_those_who_fare_worse() -> None:
    generator = np.random.default_rng(3)
    age, labels = generator.integers(20, 80, 800), generator.integers(2, size=800)
    answered = np.where((age > 34) & (generator.random(800) < 0.2), 1 - labels, labels)
    probability = torch.from_numpy(np.stack([0.95 - 0.9 * answered, 0.05 + 0.9 * answered], 1)).float()
    model = Model(nn.Identity(), output="probabilities", classes=["no", "yes"], input=TabularInput(["p0", "p1"]))
    found = findings("bias", model, AuditData(probability, labels, groups={"age": age}))
    assert re.fullmatch(r'Outside age = "up to 34.*", 2\d % are answered wrongly; inside, 0 %\.', found["errors"].text)
    worst = found["equal_opportunity"]
    assert worst.text.startswith('Of the rows of class "yes" outside age = "up to 34')
    assert 'class "yes" in' in findings("bias", *answers(0.4))["equal_opportunity"].text


def test_without_protected_columns_it_says_so() -> None:
    model, data = answers(0.4)
    found = findings("bias", model, AuditData(data.inputs, data.labels))
    assert {found[name].status for name in ("labels", "equal_opportunity", "proxies")} == {"untestable"}


def test_errors_by_chance_over_many_groups_are_not_found() -> None:
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({f"column {k}": generator.integers(3, size=900).astype(str) for k in range(12)})
    wrong = (generator.random(900) < 0.2).astype(float)
    rates = compare_groups(frame, {"wrong": wrong})
    assert len(rates) == 36
    assert min(rate.p_value for rate in rates) > 0.05
    assert all(rate.low < 0 < rate.high for rate in rates)
    plain = []
    for column in frame:
        for group in ("0", "1", "2"):
            inside, outside = wrong[frame[column] == group], wrong[frame[column] != group]
            counts = [[part.sum(), len(part) - part.sum()] for part in (inside, outside)]
            plain.append(fisher_exact(counts).pvalue)
    assert min(rate.p_value for rate in rates) == pytest.approx(min(1.0, 36 * min(plain)))


def test_newcombes_interval_is_his() -> None:
    # Newcombe 1998, table II, method 10.
    assert newcombe(56, 70, 48, 80, 0.95) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert newcombe(9, 10, 3, 10, 0.95) == pytest.approx((0.1705, 0.8090), abs=1e-4)
    assert newcombe(10, 10, 0, 10, 0.95) == pytest.approx((0.6075, 1.0), abs=1e-4)


def test_a_slice_where_the_model_errs_and_does_not_admit_it() -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.rand(1600, 3, generator=generator)
    labels = (rows[:, 0] > 0.5).long()
    network = nn.Linear(3, 2)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[0.0, 0.0, 0.0], [30.0, 0.0, 0.0]]))
        network.bias.copy_(torch.tensor([0.0, -15.0]))
    model = Model(network, input=TabularInput(["size", "age", "luck"]))
    labels = torch.where(rows[:, 1] > 0.8, 1 - labels, labels)
    found = findings("bias", model, AuditData(rows, labels))["slices"]
    assert found.status == "fail"
    assert "age > 0.8" in found.text or "age > 0.79" in found.text
    fair = findings("bias", model, AuditData(rows, (rows[:, 0] > 0.5).long()))["slices"]
    assert fair.status in ("pass", "untestable")
    # Hard rows of which the model is unsure are no surprise.
    unsure = Model(nn.Identity(), output="probabilities", input=TabularInput(["p0", "p1"]))
    share = torch.where(rows[:, :1] > 0.5, 0.5, 0.97)
    drawn = (torch.rand(1600, generator=generator) < share[:, 0]).long()
    assert findings("bias", unsure, AuditData(torch.cat([1 - share, share], 1), drawn))["slices"].status == "pass"


def test_a_proxy_is_found_and_named() -> None:
    generator = np.random.default_rng(0)
    sex = generator.choice(["f", "m"], 600)
    code = np.where(generator.random(600) < 0.05, sex == "m", sex == "f").astype(float)
    rows = np.stack([code, generator.normal(size=600), (sex == "f").astype(float)], 1)
    table = TabularInput(["club", "noise", "sex"], categorical={"sex": ["m", "f"]})
    model = Model(nn.Linear(3, 2), input=table)
    found = findings("bias", model, AuditData(rows, [0, 1] * 300, protected=["sex"]))["proxies"]
    assert found.status == "warn"
    assert found.score == pytest.approx(0.9, abs=0.06)
    assert "most by club" in found.text
    other = TabularInput(["noise", "sex"], categorical={"sex": ["m", "f"]})
    model = Model(nn.Linear(2, 2), input=other)
    assert findings("bias", model, AuditData(rows[:, 1:], [0, 1] * 300, protected=["sex"]))["proxies"].status == "pass"
