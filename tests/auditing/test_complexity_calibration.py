"""What a model gains over a readable one, and how right its confidence is, against known laws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from torch import nn

from tests.auditing.planted import findings
from xai.auditing.audit_data import AuditData
from xai.auditing.checks.calibration import calibration_error, temperature
from xai.inputs.table import TabularInput
from xai.model.model import Model


class Xor(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        score = 8 * torch.sin(6 * x[:, 0]) * torch.sin(6 * x[:, 1])
        return torch.stack([-score, score], 1)


class Sum(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        score = 8 * (x[:, 0] + x[:, 1])
        return torch.stack([-score, score], 1)


def data_of(network: nn.Module, count: int = 400) -> AuditData:
    rows = 2 * torch.rand(2 * count, 2, generator=torch.Generator().manual_seed(0)) - 1
    labels = network(rows).argmax(1)
    return AuditData(rows[:count], labels[:count], train=(rows[count:], labels[count:]))


def test_a_task_that_a_line_solves_needs_no_network() -> None:
    table = TabularInput(["a", "b"])
    plain = findings("complexity", Model(Sum(), input=table), data_of(Sum()))["gain"]
    assert plain.details["best"] == "linear model"
    assert plain.score < 0.03
    gain = findings("complexity", Model(Xor(), input=table), data_of(Xor()))["gain"]
    assert gain.status == "pass"
    assert gain.score > 0.2
    worse = findings("complexity", Model(Xor(), input=table), data_of(Sum()))["gain"]
    assert worse.status == "fail"
    without = AuditData(*(getattr(data_of(Sum()), name) for name in ("inputs", "labels")))
    assert findings("complexity", Model(Sum(), input=table), without)["gain"].details["scores"]["linear model"] > 0.95


def drawn(confidence: np.ndarray, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits of two classes with that confidence in class 1, and labels drawn from it."""
    labels = (np.random.default_rng(seed).random(len(confidence)) < confidence).astype(int)
    logits = torch.from_numpy(np.log(confidence / (1 - confidence)))
    return torch.stack([torch.zeros_like(logits), logits], 1), torch.from_numpy(labels)


def test_a_calibrated_model_passes_and_its_sharpened_twin_fails() -> None:
    confidence = np.random.default_rng(1).uniform(0.5, 0.99, 2000)
    logits, labels = drawn(confidence)
    fine = findings("calibration", Model(nn.Identity()), AuditData(logits, labels))["error"]
    assert fine.status == "pass"
    assert fine.details["interval"][0] < 0.005
    sharp = findings("calibration", Model(nn.Identity()), AuditData(4 * logits, labels))["error"]
    assert sharp.status == "fail"
    assert sharp.details["temperature"] == pytest.approx(4, rel=0.2)
    assert sharp.details["error_with_temperature"] < 0.04
    assert sharp.details["p_value"] < 0.01


@pytest.mark.parametrize(("factor", "status"), [(1.0, "pass"), (3.0, "fail")])
def test_scores_that_are_too_large_matter_where_errors_are_few(factor: float, status: str) -> None:
    """The model is right in 94 %, so that its calibration error stays below the limit; its temperature does not."""
    confidence = np.random.default_rng(2).uniform(0.88, 0.995, 1500)
    logits, labels = drawn(confidence)
    made = findings("calibration", Model(nn.Identity()), AuditData(factor * logits, labels))
    assert made["error"].status != "fail"
    assert made["temperature"].status == status
    assert made["temperature"].score == pytest.approx(factor, rel=0.25)


def test_the_control_is_what_chance_makes() -> None:
    """Over many calibrated models the p-value is uniform: its mean is a half, and few are small."""
    p_values = []
    for seed in range(12):
        logits, labels = drawn(np.random.default_rng(seed).uniform(0.5, 0.95, 100), 1000 + seed)
        found = findings("calibration", Model(nn.Identity()), AuditData(logits, labels))["error"]
        p_values.append(found.details["p_value"])
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.25)
    assert np.mean(np.array(p_values) < 0.1) < 0.4


def test_the_error_is_the_mean_gap_of_bins() -> None:
    confidence = np.repeat([0.6, 0.9], 45)
    right = np.concatenate([np.ones(36), np.zeros(9), np.ones(27), np.zeros(18)])
    assert calibration_error(confidence, right) == pytest.approx(0.5 * abs(0.6 - 0.8) + 0.5 * abs(0.9 - 0.6))


def test_the_temperature_is_where_the_likelihood_has_no_slope() -> None:
    logits, labels = drawn(np.random.default_rng(3).uniform(0.3, 0.9, 300))
    z, y = 3 * (logits[:, 1] - logits[:, 0]).numpy(), labels.numpy()
    root = brentq(lambda t: ((1 / (1 + np.exp(-z / t)) - y) * z).sum(), 0.1, 15)
    assert temperature((3 * logits).log_softmax(1).numpy(), y) == pytest.approx(root, rel=1e-3)
