"""Rows that stand for several: point values of repeated rows, certainty of fewer, and a word where it is not so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from tests.auditing.planted import findings, said
from xai.auditing.audit_data import AuditData, prepare
from xai.auditing.audit_run import audit
from xai.auditing.checks.performance import performance
from xai.auditing.checks.thresholds import other_threshold
from xai.auditing.rates import compare_groups, compare_means
from xai.auditing.row_metadata import weights_of
from xai.auditing.split import Split
from xai.base.errors import InputError
from xai.base.statistics import newcombe, same_rate, wilson
from xai.base.weighted_statistics import (
    WeightedMean,
    effective_count,
    newcombe_of_shares,
    same_share,
    welch,
    wilson_of_share,
)  # fmt: skip
from xai.inputs.table import TabularInput
from xai.model.model import Model
from xai.reports.presets.audit import audit_report
from xai.results.finding import Finding

ROWS = 90
WEIGHTS = np.random.default_rng(1).permutation(np.repeat([1.0, 3.0], ROWS // 2))  # 180 rows in all: 15 bins of 12
BY_WEIGHT = {
    "performance.skill", "performance.classes", "performance.latest", "performance.weighted",
    "performance.new_entities", "calibration.error", "calibration.temperature", "bias.labels",
    "bias.demographic_parity", "bias.equal_opportunity", "bias.errors", "bias.calibration", "bias.threshold",
    "bias.crossed_parity", "bias.crossed_opportunity", "bias.crossed_errors",
}  # fmt: skip


def answers(seed: int, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities (N, K), and labels that follow them."""
    draw = np.random.default_rng(seed)
    probability = draw.dirichlet(np.ones(classes), ROWS).clip(0.02)
    probability /= probability.sum(1, keepdims=True)
    return probability, np.array([draw.choice(classes, p=row) for row in probability])


def heavy_and_repeated(chapter: str, seed: int) -> tuple[Mapping[str, Finding], Mapping[str, Finding]]:
    """Return the findings of a chapter on rows with weights, and on the same rows repeated as often."""
    probability, labels = answers(seed)
    again = np.repeat(np.arange(ROWS), WEIGHTS.astype(int))
    model, times = said(torch.empty(0)), np.arange(ROWS)
    heavy = findings(chapter, model, AuditData(probability, labels, weights=WEIGHTS, time=times))
    return heavy, findings(chapter, model, AuditData(probability[again], labels[again], time=times[again]))


def width(finding: Finding) -> float:
    low, high = finding.details["interval"]
    return high - low


def test_whole_weights_are_repeated_rows_but_less_certain() -> None:
    heavy, repeated = heavy_and_repeated("performance", 0)
    for name in ("skill", "classes"):
        assert heavy[name].score == pytest.approx(repeated[name].score)
        assert width(heavy[name]) > 1.05 * width(repeated[name])
    scores = [
        {line["score"]: line["value"] for line in found["skill"].details["tables"][0]["rows"]}
        for found in (heavy, repeated)
    ]
    assert scores[0] == pytest.approx(scores[1])
    assert heavy["skill"].details["confusion"] == repeated["skill"].details["confusion"]
    heavy, repeated = heavy_and_repeated("calibration", 0)
    for name, key in (("error", "expected_calibration_error"), ("error", "temperature"), ("temperature", "gap")):
        assert heavy[name].details[key] == pytest.approx(repeated[name].details[key], rel=1e-4)
    assert heavy["error"].details["control_error"] > 1.05 * repeated["error"].details["control_error"]
    assert heavy["temperature"].score == repeated["temperature"].score


def test_a_regression_by_weight_is_that_of_repeated_rows() -> None:
    draw = np.random.default_rng(0)
    inputs = draw.normal(size=(ROWS, 1))
    labels = inputs + draw.normal(size=(ROWS, 1))
    again = np.repeat(np.arange(ROWS), WEIGHTS.astype(int))
    model = Model.from_callable(lambda rows: rows, task="regression")
    heavy = findings("performance", model, AuditData(inputs, labels, weights=WEIGHTS))
    repeated = findings("performance", model, AuditData(inputs[again], labels[again]))["skill"]
    lines = [found.details["tables"][0]["rows"] for found in (heavy["skill"], repeated)]
    for a, b in zip(*lines, strict=True):
        assert a["value"] == pytest.approx(b["value"]), a["score"]
    assert heavy["weighted"].score == pytest.approx(
        findings("performance", model, AuditData(inputs, labels))["skill"].score - repeated.score
    )


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_groups_by_weight_are_those_of_repeated_rows(seed: int) -> None:
    draw = np.random.default_rng(seed)
    weights = draw.integers(0, 4, ROWS).astype(float)
    groups = pd.DataFrame({"sex": draw.choice(["f", "m"], ROWS)})
    values = draw.integers(0, 2, ROWS).astype(float)
    values[:5] = np.nan
    again = np.repeat(np.arange(ROWS), weights.astype(int))
    repeated = groups.iloc[again].reset_index(drop=True)
    for compare, numbers in ((compare_groups, values), (compare_means, draw.normal(size=ROWS))):
        weighted = compare(groups, {"it": numbers}, 10, weights)
        for a, b in zip(weighted, compare(repeated, {"it": numbers[again]}, 10), strict=True):
            assert (a.rate, a.other_rate) == pytest.approx((b.rate, b.other_rate))
            assert a.high - a.low > b.high - b.low
            assert a.low <= a.difference <= a.high


@settings(max_examples=40)
@given(st.integers(0, 20), st.integers(1, 30), st.integers(0, 20), st.integers(1, 30))
def test_of_rows_that_count_alike_everything_is_as_without_weights(a: int, more: int, b: int, others: int) -> None:
    first, second = (np.repeat([1.0, 0.0], [found, rest]) for found, rest in ((a, more), (b, others)))
    counts = (a, len(first), b, len(second))
    shares = (first.mean(), float(len(first)), second.mean(), float(len(second)))
    assert wilson_of_share(*shares[:2]) == pytest.approx(wilson(*counts[:2]), abs=1e-12)
    assert newcombe_of_shares(*shares, 0.99) == pytest.approx(newcombe(*counts, 0.99), abs=1e-12)
    assert same_share(*shares) == same_rate(first, second)
    assert effective_count(np.full(len(first), 7.0)) == pytest.approx(len(first))


def test_welch_of_rows_that_count_alike_is_that_of_scipy() -> None:
    draw = np.random.default_rng(3)
    first, second = draw.normal(size=30), 2 * draw.normal(size=50) + 1
    ends, p_value = welch(*(WeightedMean(values, np.full(len(values), 0.2)) for values in (first, second)), 0.9)
    known = ttest_ind(first, second, equal_var=False)
    assert p_value == pytest.approx(known.pvalue)
    assert ends == pytest.approx(tuple(known.confidence_interval(0.9)))
    assert welch(*(WeightedMean(np.ones(5), np.ones(5)) for _ in range(2))) == ((0.0, 0.0), 1.0)


def test_an_interval_by_weight_covers_as_often_as_it_says() -> None:
    """Half of the rows stand for 9: as certain as 61 of 100 rows, where the raw count would cover too rarely."""
    draw, covered, raw = np.random.default_rng(0), 0, 0
    weights = np.repeat([1.0, 9.0], 50)
    for _ in range(400):
        happened = (draw.random(100) < 0.3).astype(float)
        share = float(np.average(happened, weights=weights))
        ends = [wilson_of_share(share, count) for count in (effective_count(weights), 100)]
        covered, raw = covered + (ends[0][0] <= 0.3 <= ends[0][1]), raw + (ends[1][0] <= 0.3 <= ends[1][1])
    assert covered / 400 >= 0.92
    assert raw / 400 < 0.90


def test_the_cost_of_a_threshold_is_by_weight() -> None:
    """Rows of 9 that only the own threshold gets right make another one dear, which raw rows do not say."""
    draw = np.random.default_rng(0)
    probability = np.concatenate([np.full(100, 0.6), np.full(100, 0.9), np.full(200, 0.1)])
    labels = np.concatenate([draw.permutation(np.repeat([0, 1], 50)), np.ones(100), np.zeros(200)]).astype(int)
    groups = pd.DataFrame({"sex": np.where(np.arange(400) < 100, "f", draw.choice(["f", "m"], 400))})
    split = Split(
        torch.zeros(400, 1), torch.tensor(labels), torch.tensor(np.stack([1 - probability, probability], 1)),
        torch.arange(400), "classification", groups,
    )  # fmt: skip
    weights = np.where((probability == 0.6) & (labels == 1), 9.0, 1.0)
    heavy = replace(split, metadata=pd.DataFrame({"weights": weights}))
    model = said(torch.empty(0), classes=["no", "yes"])
    plain, by_weight = (other_threshold(model, part, 10, 0) for part in (split, heavy))
    assert plain.effective is None
    half = weights[torch.randperm(400, generator=torch.Generator().manual_seed(0)).chunk(2)[1]]  # which measures it
    assert by_weight.effective == pytest.approx(half.sum() ** 2 / (half**2).sum())
    assert by_weight.facts["accuracy"] > plain.facts["accuracy"] + 0.05  # what is right counts more
    tried = by_weight.details["tables"][0]["rows"]
    assert (
        max(line["accuracy"] for line in tried if line["threshold"] < 0.6)
        - min(line["accuracy"] for line in tried if 0.6 < line["threshold"] < 0.9)
        > 0.4
    )  # 9 x 50 of 800 are lost, 50 of 400 won


@pytest.fixture(scope="module")
def weighed() -> dict[str, Finding]:
    """Return the findings of an audit by weight."""
    probability, labels = answers(0, classes=2)
    draw = np.random.default_rng(2)
    groups = {"sex": draw.choice(["f", "m"], ROWS), "age": draw.choice(["old", "young"], ROWS)}
    about = {"groups": groups, "time": np.arange(ROWS), "entity": np.arange(ROWS) % 20}
    train = {"train": (probability, labels), "train_entity": np.arange(ROWS) % 10}
    data = AuditData(probability, labels, weights=WEIGHTS, **about, **train)
    result = audit(said(torch.empty(0)), data, ["performance", "calibration", "bias"], bias={"least": 8})
    page = audit_report(result).html()
    assert "Weights are not used here" in page
    assert "By weight; the weights leave as much certainty as" in page
    return {finding.check: finding for finding in result.findings}


def test_a_finding_says_whether_it_is_by_weight(weighed: dict[str, Finding]) -> None:
    tested = {name for name, finding in weighed.items() if finding.status != "untestable"}
    said_so = {name for name in tested if weighed[name].details["weights"].startswith("By weight")}
    assert said_so == BY_WEIGHT & tested
    assert len(said_so) >= 15
    assert "performance.overfitting" in tested - said_so  # of training rows nobody said how many they stand for


def test_the_size_of_weights_does_not_count_and_equal_ones_are_none() -> None:
    probability, labels = answers(0)
    model = said(torch.empty(0))

    def scores(weights: np.ndarray | None) -> dict[str, float | None]:
        data = prepare(model, AuditData(probability, labels, weights=weights, train=(probability, labels)))
        return {item.check: item.score for item in performance(model, data, seed=0)}

    assert scores(WEIGHTS) == pytest.approx(scores(WEIGHTS / 1000), nan_ok=True)
    equal = scores(np.full(ROWS, 4.0))
    assert equal.pop("performance.weighted") == 0.0
    assert equal == scores(None)


def test_training_rows_have_weights_too() -> None:
    probability, labels = answers(0)
    again = np.repeat(np.arange(ROWS), WEIGHTS.astype(int))
    model = said(torch.empty(0))
    known = {"train": (probability, labels), "train_weights": WEIGHTS}
    heavy = findings("performance", model, AuditData(probability, labels, weights=WEIGHTS[::-1], **known))
    last = np.repeat(np.arange(ROWS), WEIGHTS[::-1].astype(int))
    data = AuditData(probability[last], labels[last], train=(probability[again], labels[again]))
    repeated = findings("performance", model, data)
    assert heavy["overfitting"].score == pytest.approx(repeated["overfitting"].score)
    assert heavy["overfitting"].score != 0.0
    frame = pd.DataFrame({"a": np.arange(30.0), "w": 1.0 + np.arange(30) % 2})
    table = Model.from_callable(lambda rows: np.full((len(rows), 2), 0.5), input=TabularInput(["a"]))
    for learned, known in ((frame, True), (frame[["a"]], False)):
        train = prepare(table, AuditData(frame, [0, 1] * 15, train=(learned, [0, 1] * 15), weights="w")).train
        assert train is not None
        assert (train.weights is not None) == known
    # Held-out rows that stand for as many each: the weights of the training rows count all the same.
    known = {"train": (probability, labels), "train_weights": WEIGHTS}
    even = findings("performance", model, AuditData(probability, labels, weights=np.ones(ROWS), **known))
    repeated = findings("performance", model, AuditData(probability, labels, train=(probability[again], labels[again])))
    assert even["overfitting"].score == pytest.approx(repeated["overfitting"].score)
    with pytest.raises(InputError, match="numbers from 0 on"):
        prepare(
            model,
            AuditData(probability, labels, train=(probability, labels), weights=WEIGHTS, train_weights=[-1.0] * ROWS),
        )
    with pytest.raises(InputError, match="weights: expected those of the held-out rows"):
        prepare(model, AuditData(probability, labels, **known))
    assert weights_of([None]) is None
