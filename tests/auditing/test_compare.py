"""Two versions of a model: what moved is told from what another seed moves, and each number is that of its formula."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import binom, binomtest
from torch import nn

import xai
from tests.auditing import versions
from tests.auditing.versions import data, trained
from tests.trace_state import differences, state_of
from xai.auditing.audit_data import AuditData
from xai.auditing.compare import replica_test
from xai.auditing.compare.group_shifts import group_shifts
from xai.auditing.compare.versions import B, Group, read_ensemble
from xai.auditing.limits import CHANGES
from xai.base import statistics
from xai.base.statistics import rank_p_value
from xai.evidence.similarity import rank_correlation
from xai.inputs.table import TabularInput
from xai.methods import COMPARISONS
from xai.model.model import Model
from xai.results.audit_result import AuditResult

QUICK = ["predictions", "errors", "confidence"]


def by_name(result: AuditResult) -> dict:
    return {finding.check: finding for finding in result.findings}


def fixed(probabilities: object, **settings: object) -> Model:
    """Return a function that answers row i, known by its first number, with the i-th of the given probabilities."""
    table = np.asarray(probabilities, dtype=float)
    return Model.from_callable(lambda rows: table[rows[:, 0].astype(int)], input=TabularInput(["row"]), **settings)


def test_every_number_is_that_of_its_formula() -> None:
    generator = np.random.default_rng(0)
    said = generator.dirichlet(np.ones(3), size=(4, 60))  # A, B and two replicas
    labels = generator.integers(3, size=60)
    models = [fixed(part, classes=["x", "y", "z"]) for part in said]
    rows = AuditData(np.arange(60.0)[:, None], labels)
    found = by_name(xai.compare(models[0], models[1], rows, QUICK, replicas=models[2:]))
    answers = said.argmax(2)
    churn = {pair: (answers[pair[0]] != answers[pair[1]]).mean() for pair in combinations(range(4), 2)}
    moved = {pair: 0.5 * np.abs(said[pair[0]] - said[pair[1]]).sum(1).mean() for pair in combinations(range(4), 2)}
    for name, law in (("predictions.changed", churn), ("predictions.shifted", moved)):
        finding = found[name]
        own, usual = (law[0, 1] + law[1, 2] + law[1, 3]) / 3, (law[0, 2] + law[0, 3] + law[2, 3]) / 3
        assert finding.details["a_to_b"] == pytest.approx(law[0, 1])
        assert finding.score == pytest.approx(own - usual)
        apart = [sum(value for pair, value in law.items() if place in pair) / 3 for place in range(4)]
        assert finding.details["distances"] == pytest.approx(apart)
        assert finding.details["p_value"] == np.mean([value >= apart[1] - 1e-9 for value in apart])
    right = (answers == labels).mean(1)
    score = found["errors.score"]
    assert score.score == pytest.approx(right[[0, 2, 3]].mean() - right[1])
    away = [abs(right[place] - np.delete(right, place).mean()) for place in range(4)]
    assert score.details["p_value"] == np.mean([value >= away[1] - 1e-9 for value in away])
    worse = int(((answers[0] == labels) & (answers[1] != labels)).sum())
    better = int(((answers[0] != labels) & (answers[1] == labels)).sum())
    assert score.details["p_rows"] == pytest.approx(binomtest(worse, worse + better).pvalue)
    changed = found["predictions.changed"].details
    assert (changed["broken"], changed["fixed"]) == (worse, better)


def test_the_largest_gain_of_any_group_is_what_a_group_is_held_against() -> None:
    """Enumerated: 5 versions, 3 groups of different sizes; a group's p-value counts versions, over all groups."""
    generator = np.random.default_rng(1)
    wrong = (generator.random((5, 90)) < 0.3).astype(float)
    place = np.repeat([0, 1, 2], [20, 30, 40])
    models = [fixed(np.eye(2)[part.astype(int)], classes=["right", "wrong"]) for part in wrong]
    rows = AuditData(np.arange(90.0)[:, None], [0] * 90, groups={"group": place})
    ensemble = read_ensemble(models[0], models[1], rows, models[2:])
    assert np.array_equal(ensemble.wrong, wrong)
    groups = [Group("group", str(number), place == number) for number in range(3)]
    found = {item.group: item for item in group_shifts(ensemble, wrong, wrong[B], groups, lambda masks: [], 0)}
    gains = np.zeros((5, 3))
    for group in range(3):
        rates = wrong[:, place == group].mean(1)
        spread = np.sqrt(rates.mean() * (1 - rates.mean()) / (place == group).sum())
        for version in range(5):
            gains[version, group] = (rates[version] - np.delete(rates, version).mean()) / spread
    for group in range(3):
        held = [max(gains[version]) >= gains[1, group] - 1e-9 for version in range(5)]
        assert found[f"group = {group}"].p_value == np.mean(held)
        assert found[f"group = {group}"].b == pytest.approx(wrong[1, place == group].mean())
        assert found[f"group = {group}"].reference == pytest.approx(wrong[[0, 2, 3, 4]][:, place == group].mean())


def test_explanations_are_compared_by_rank() -> None:
    weights = torch.tensor([[5.0, 4.0, 3.0, 2.0], [4.0, 5.0, 3.0, 2.0], [2.0, 3.0, 4.0, 5.0]])
    models = []
    for row in weights:
        network = nn.Linear(4, 2)
        with torch.no_grad():
            network.weight.copy_(torch.stack([-row, row]))
            network.bias.zero_()
        models.append(Model(network))
    rows = AuditData(torch.ones(40, 4), [0, 1] * 20)  # integrated gradients of a linear network: weight times input
    found = by_name(xai.compare(models[0], models[1], rows, ["explanations"], replicas=models[2:]))
    finding = found["explanations.changed"]
    law = {
        pair: 1 - float(rank_correlation(weights[pair[0]][None], weights[pair[1]])[0])
        for pair in combinations(range(3), 2)
    }
    assert law[0, 1] == pytest.approx(0.2)
    assert law[0, 2] == pytest.approx(2.0)
    assert finding.details["a_to_b"] == pytest.approx(law[0, 1])
    assert finding.score == pytest.approx((law[0, 1] + law[1, 2]) / 2 - law[0, 2])
    assert finding.details["p_value"] == 1.0  # the replica stands further apart than A and B


def test_ranks_are_never_finer_than_the_versions_allow() -> None:
    apart = np.array([1.0, 9.0, 2.0, 3.0])
    assert rank_p_value(apart, apart[1]) == 0.25
    assert rank_p_value(np.array([9.0, 9.0, 2.0, 3.0]), 9.0) == 0.5  # a tie speaks for noise
    assert replica_test.beyond(0.25, 2)
    assert not replica_test.beyond(0.5, 2)
    assert replica_test.beyond(1 / 20, 18)
    assert not replica_test.beyond(2 / 21, 19)
    assert not replica_test.beyond(0.051, 0)
    assert "the finest that 2 replicas allow" in replica_test.in_words(0.25, 2)
    assert "finest" not in replica_test.in_words(1 / 21, 19)


@pytest.mark.parametrize(("replicas", "chance"), [(1, 1 / 3), (4, 1 / 6), (19, 1 / 21)])
def test_another_seed_is_called_a_change_as_often_as_is_said(
    replicas: int, chance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B is one more seed: each finding may go beyond noise in 1 / (replicas + 2) of the cases, and no more."""
    monkeypatch.setattr(statistics, "RESAMPLES", 9)  # no p-value comes from them
    repeats = {1: 40, 4: 30, 19: 10}[replicas]
    counts: dict[str, int] = {}
    for number in range(repeats):
        models = [trained(1000 * number + seed) for seed in range(replicas + 2)]
        found = xai.compare(models[0], models[1], data(300), ["predictions", "errors"], replicas=models[2:])
        for finding in found.findings:
            counts[finding.check] = counts.get(finding.check, 0) + bool(finding.details["beyond_noise"])
    most = binom.ppf(0.9995, repeats, chance)
    assert max(counts.values()) <= most, counts
    assert sum(counts.values()) > 0 or replicas == 19


def test_planted_changes_are_found() -> None:
    a, replicas = trained(0), [trained(seed) for seed in range(2, 21)]
    for fault in ({"flip": 0.8}, {"drop": True}, {"keep": 7}):
        found = by_name(xai.compare(a, trained(1, **fault), data(), QUICK, replicas=replicas))
        for name in ("predictions.changed", "predictions.by_group", "errors.score", "errors.by_group"):
            assert found[name].status == "fail", (fault, name)
        certain = [item["group"] for item in found["errors.by_group"].details["groups"] if item["p_value"] <= 0.05]
        assert "group = in" in certain
        assert ("group = out" in certain) == ("keep" in fault)  # who pays is named, who does not is not
        if "keep" not in fault:
            assert found["errors.by_slice"].status == "fail"
            assert "group > " in found["errors.by_slice"].text
    same = xai.compare(a, a, data(), QUICK, replicas=replicas)
    assert same.passed
    assert not any(item.details["beyond_noise"] for item in same.findings if item.check.startswith("predictions"))


def test_without_replicas_only_losses_can_fail() -> None:
    found = by_name(xai.compare(trained(0), trained(1, flip=0.6), data(), QUICK))
    assert found["predictions.changed"].status == "warn"  # more than 5 % changed, but nobody knows how much is noise
    assert found["predictions.changed"].score > CHANGES["predictions.changed"].fail
    assert "Without replicas" in found["predictions.changed"].text
    assert "narrower" in found["errors.score"].control
    assert found["errors.score"].status == "fail"
    assert found["errors.by_group"].status == "fail"
    better = by_name(xai.compare(trained(1, flip=0.6), trained(0), data(), QUICK))
    assert better["errors.score"].status == "pass"
    assert "higher" in better["errors.score"].text


def test_a_model_and_itself() -> None:
    for finding in xai.compare(trained(0), trained(0), data(300)).findings:
        assert finding.status == "pass", finding
        assert finding.score == pytest.approx(0.0, abs=1e-12)


def test_a_comparison_leaves_no_trace_and_can_be_kept(tmp_path: Path) -> None:
    models = [Model(nn.Linear(5, 2)) for _ in range(3)]
    rows = AuditData(versions.TEST[0][:80].astype("float32"), versions.TEST[1][:80])
    for model in models:
        model.network.train()
    before = [state_of(model.network) for model in models]
    result = xai.compare(models[0], models[1], rows, replicas=models[2:], explanations={"sample": 4})
    assert all(differences(old, state_of(model.network)) == [] for old, model in zip(before, models, strict=True))
    again = AuditResult.load(result.save(tmp_path / "compare.json"))
    assert again == result
    assert again.compared
    repeated = xai.compare(models[0], models[1], rows, replicas=models[2:], **again.options)
    assert repeated.findings == result.findings


def test_a_report_shows_the_rows_that_moved_and_can_leave_them_out() -> None:
    frame = pd.DataFrame({"size": np.linspace(-1, 1, 60), "secret <b>": ["s3cret"] * 60, "other": ["x", "y"] * 30})
    table = TabularInput(list(frame.columns), categorical={"secret <b>": ["s3cret"], "other": ["x", "y"]})
    models = []
    for weight in (1.0, -1.0):
        network = nn.Linear(3, 2)
        with torch.no_grad():
            network.weight.copy_(torch.tensor([[0.0, 0.0, 0.0], [weight, 0.0, 0.1]]))
        models.append(Model(network, classes=["no", "yes"], input=table))
    rows = AuditData(frame, np.where(frame["size"] > 0, "yes", "no"))
    result = xai.compare(*models, rows, ["predictions"])
    shown = xai.comparison_report(result, *models, rows).html()
    assert "The rows that moved most" in shown
    assert "secret &lt;b&gt;" in shown
    assert "secret <b>" not in shown
    hidden = xai.comparison_report(result, *models, rows, raw_data=False).html()
    assert "s3cret" not in hidden


def test_every_check_has_limits_words_and_a_function() -> None:
    from xai.reports.sentences import COMPARISON_SENTENCES

    assert set(COMPARISON_SENTENCES) == set(COMPARISONS)
    assert {name.partition(".")[0] for name in CHANGES} == set(COMPARISONS)
    assert all(callable(spec.load()) for spec in COMPARISONS.values())
