"""The least change of a row, counterfactuals, and what a test that passed could have seen: against known truths."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import xai
from tests.auditing.planted import findings
from xai.auditing.audit_data import AuditData, prepare
from xai.auditing.checks.least_change import LEVELS
from xai.auditing.counterfactuals import allowed, counterfactual
from xai.auditing.limits import LIMITS, Limit
from xai.auditing.verdicts import finding_by_limit
from xai.base.errors import InputError
from xai.base.statistics import wilson
from xai.inputs.table import TabularInput
from xai.model.model import Model

WEIGHTS = torch.tensor([2.0, -1.0, 0.0])


def linear(table: TabularInput | None = None) -> Model:
    """Return a model that says "yes" where 2 a - b is above 0."""
    network = nn.Linear(3, 2)
    with torch.no_grad():
        network.weight.copy_(torch.stack([-WEIGHTS, WEIGHTS]) / 2)
        network.bias.zero_()
    return Model(network, classes=["no", "yes"], input=table or TabularInput(["a", "b", "c"]))


def rows(count: int = 300, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    values = torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))
    return values, (values @ WEIGHTS > 0).long()


def test_the_least_change_is_that_of_a_linear_model() -> None:
    """Its answer changes where every number moves by its margin over the sum of the weights' sizes, in deviations."""
    values, labels = rows()
    found = findings("robustness", linear(), AuditData(values, labels))["least_change"]
    spread = values.std(0)
    truth = (values @ WEIGHTS).abs() / (WEIGHTS.abs() * spread).sum() / 10
    levels = np.array([*LEVELS, 2 * LEVELS[-1]])
    expected = [
        levels[min(np.searchsorted(levels, float(truth[row])), len(levels) - 1)] for row in found.details["rows"]
    ]
    assert found.details["least"] == pytest.approx([10 * level for level in expected])
    assert found.score == pytest.approx(np.median(expected))
    assert found.details["interval"][0] <= found.score <= found.details["interval"][1]
    assert found.status == "pass"


def test_a_counterfactual_is_near_sparse_and_keeps_what_may_not_change() -> None:
    values, labels = rows()
    model = linear()
    made = prepare(model, AuditData(values[:100], labels[:100], train=(values[100:], labels[100:])))
    row = torch.tensor([0.5, 0.2, 3.0])  # 2 a - b = 0.8: "yes"

    def found(**ways: list[str]) -> object:
        return counterfactual(model, made.held_out, row, 1, made.train, allowed(model, **ways))

    free = found()
    assert free.answer == 0
    assert len(free.columns) == 1
    assert free.columns != [2]
    assert float(free.row @ WEIGHTS) == pytest.approx(0.0, abs=0.2)  # just beyond the border
    assert found(immutable=["a"]).columns == [1]
    assert found(immutable=["b"]).columns == [0]
    assert found(immutable=["a", "b"]) is None
    falling = found(decreasing=["a", "b"])
    assert (falling.columns, bool(falling.row[0] < row[0])) == ([0], True)
    assert found(increasing=["a", "b"]).columns == [1]
    low, high = made.train.inputs.amin(0), made.train.inputs.amax(0)
    kept = free.row == row
    assert bool(((free.row >= low) & (free.row <= high) | kept).all())
    with pytest.raises(InputError, match="immutable"):
        allowed(model, immutable=["age"])


def test_the_worst_errors_carry_one_where_it_is_asked_for() -> None:
    values, labels = rows()
    labels[:4] = 1 - labels[:4]
    data = AuditData(values[:100], labels[:100], train=(values[100:], labels[100:]))
    assert "counterfactuals" not in xai.audit(linear(), data).checks
    result = xai.audit(linear(), data, ["counterfactuals"], counterfactuals={"immutable": ["b"]})
    (finding,) = result.findings
    assert finding.status == "pass"
    assert finding.score == 1.0
    assert finding.details["by_column"]["b"] == finding.details["by_column"]["c"] == 0
    lines = finding.details["raw"]["tables"][0]["rows"]
    assert {line["row"] for line in lines} == {0, 1, 2, 3}
    assert all(line["if"].startswith("a (") and line["answer"] != line["would be"] for line in lines)
    assert result.without_raw_data().findings[0].details.get("raw") is None
    words = TabularInput(["a", "b", "c"], categorical={"c": ["x", "y"]})
    values[:, 2] = (values[:, 2] > 0).float()
    assert xai.audit(linear(words), AuditData(values, labels), ["counterfactuals"]).findings[0].score <= 2


def test_four_of_five_samples_of_the_smallest_visible_effect_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "share", Limit(0.3, 0.4))
    monkeypatch.setitem(LIMITS, "least", Limit(0.9, 0.8, least=True))
    for found in (112, 20):
        passed = finding_by_limit("share", found / 400, wilson(found, 400), "none", "")
        effect = passed.details["detectable"]
        assert f"{effect:.2g} or more" in passed.details["could_have_seen"]
        draw = np.random.default_rng(0).binomial(400, effect, 500)
        failed = [
            finding_by_limit("share", hits / 400, wilson(hits, 400), "none", "").status == "fail" for hits in draw
        ]
        assert 0.7 < np.mean(failed) < 0.9
    assert finding_by_limit("least", 0.95, (0.93, 0.97), "none", "").details["detectable"] < 0.8
    assert "detectable" not in finding_by_limit("share", 0.5, (0.45, 0.55), "none", "").details  # it failed
    exact = finding_by_limit("share", 0.1, (0.1, 0.1), "none", "").details  # nothing is left to chance
    assert "detectable" not in exact
    assert exact["could_have_seen"] == "On these rows, any number above 0.3 would have warned."
    unknown = finding_by_limit("least", 0.95, (-np.inf, np.inf), "none", "").details
    assert unknown["could_have_seen"] == "On these rows, any number below 0.9 would have warned."
    warned = finding_by_limit("share", 0.1, (0.05, 0.15), "none", "", at_most="warn")
    assert "would have warned" in warned.details["could_have_seen"]
