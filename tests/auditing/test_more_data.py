"""The data: near-duplicates, noise in one direction or slice, drift and unused columns; matched controls pass."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import xai
from tests.auditing.planted import bars, findings, stripes
from xai.auditing.audit_data import AuditData
from xai.inputs.table import TabularInput
from xai.inputs.text import TextInput
from xai.model.model import Model

NAMES = [f"number {place}" for place in range(6)]


def linear(weights: list[float]) -> Model:
    """Return a model of a table that answers by the sign of a weighted sum."""
    network = nn.Linear(6, 2)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[0.0] * 6, weights]))
        network.bias.zero_()
    return Model(network, input=TabularInput(NAMES), classes=["no", "yes"])


MODEL = linear([2.0, 1.0, 0.5, 0.3, 0.1, 0.0])


def rows(count: int = 1600, seed: int = 0, noise: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(count, 6))
    score = values @ np.array([2.0, 1.0, 0.5, 0.3, 0.1, 0.0]) + noise * draw.normal(size=count)
    return values, (score > 0).astype(int)


def parts(values: np.ndarray, labels: np.ndarray, known: np.ndarray) -> AuditData:
    """Return the first 400 rows as held out, the others as learned from, with labels of their own."""
    return AuditData(values[:400], labels[:400], train=(values[400:], known))


@pytest.mark.parametrize("copied", [0.15, 0.0])
def test_near_duplicates_are_found_and_are_no_wrong_labels(copied: float) -> None:
    values, labels = rows(noise=2.0)  # faint labels: a row known by heart looks clean
    count = int(400 * copied)
    draw = np.random.default_rng(1)
    values[:count] = values[400 : 400 + count] + 0.03 * draw.normal(size=(count, 6))
    labels[:count] = labels[400 : 400 + count]
    found = findings("data", MODEL, parts(values, labels, labels[400:]))
    assert found["near_duplicates"].status == ("fail" if copied else "pass")
    assert found["near_duplicates"].score == pytest.approx(copied, abs=0.01)
    assert found["duplicates"].status == "pass"
    assert found["mislabeled"].status != "fail"
    if copied:
        assert [0, 400 - 400] in found["near_duplicates"].details["pairs"]


def test_images_that_are_brighter_noisy_copies_and_texts_with_a_word_changed() -> None:
    images, labels = stripes(400)
    images = 0.8 * images + 0.2 * torch.rand(400, 1, 16, 16, generator=torch.Generator().manual_seed(5))
    copies = images.clone()
    copies[:20] = 0.05 + 0.8 * images[200:220] + 0.01 * torch.rand(20, 1, 16, 16)
    for held_out, status in ((copies, "fail"), (images, "pass")):
        data = AuditData(held_out[:200], labels[:200], train=(images[200:], labels[200:]))
        assert findings("data", bars(), data)["near_duplicates"].status == status
    draw = np.random.default_rng(0)
    words = [f"word{number}" for number in range(60)]
    texts = [" ".join(draw.choice(words, 14)) for _ in range(200)]
    changed = [*(f"{text} indeed" for text in texts[100:110]), *texts[10:100]]
    model = Model.from_callable(lambda given: np.tile([0.4, 0.6], (len(given), 1)), input=TextInput())
    for held_out, status in ((changed, "fail"), (texts[:100], "pass")):
        data = AuditData(held_out, [0, 1] * 50, train=(texts[100:], [0, 1] * 50))
        found = findings("data", model, data)
        assert found["near_duplicates"].status == status
        assert found["duplicates"].status == "pass"


@pytest.mark.parametrize("flipped", [0.3, 0.0])
def test_noise_in_one_direction(flipped: float) -> None:
    values, labels = rows()
    known = labels[400:].copy()
    known[(known == 0) & (np.random.default_rng(2).random(1200) < flipped)] = 1
    found = findings("data", MODEL, parts(values, labels, known))["label_direction"]
    assert found.status == ("fail" if flipped else "pass")
    if flipped:
        assert 'labelled "yes"' in found.text
        assert 'look like "no"' in found.text


@pytest.mark.parametrize("case", ["noisy", "clean", "hard", "own rule"])
def test_noise_in_a_slice_and_slices_that_are_hard_or_follow_a_rule_of_their_own(case: str) -> None:
    """Both parts are noisy, so that the held-out part is no control."""
    values, labels = rows(4000, noise=0.3)
    inside = values[:, 4] > 1.2
    draw = np.random.default_rng(3)
    if case == "noisy":
        labels = np.where(inside & (draw.random(4000) < 0.4), 1 - labels, labels)
    if case == "hard":
        score = values @ np.array([2.0, 1.0, 0.5, 0.3, 0.1, 0.0])
        labels = (score + np.where(np.abs(score) < 0.5, 1.0, 0.0) * draw.normal(size=4000) > 0).astype(int)
    if case == "own rule":
        labels = np.where(inside, (values[:, 0] < 0).astype(int), labels)
    found = findings("data", MODEL, parts(values, labels, labels[400:]))["label_slices"]
    assert (found.status == "fail") == (case == "noisy"), (found.score, found.details["interval"], found.text)
    if case == "noisy":
        assert "number 4 >" in found.text


@pytest.mark.parametrize("moved", [1.0, 0.0])
def test_a_column_that_drifted(moved: float) -> None:
    values, labels = rows()
    values[:400, 4] += moved
    found = findings("data", MODEL, parts(values, labels, labels[400:]))["covariates"]
    assert found.status == ("fail" if moved else "pass")
    if moved:
        assert "number 4" in found.text
        assert found.details["tables"][0]["rows"][0]["column"] == "number 4"


def test_labels_of_a_regression_and_of_several_labels_that_shifted() -> None:
    draw = np.random.default_rng(0)
    values = draw.normal(size=(800, 6))
    model = Model(nn.Linear(6, 1), task="regression", input=TabularInput(NAMES))
    several = Model(nn.Linear(6, 2), task="multilabel", input=TabularInput(NAMES), classes=["a", "b"])
    for moved, status in ((1.0, "fail"), (0.0, "pass")):
        numbers = draw.normal(size=800) + moved * (np.arange(800) < 400)
        data = AuditData(values[:400], numbers[:400], train=(values[400:], numbers[400:]))
        assert findings("data", model, data)["drift"].status == status
        labels = (draw.random((800, 2)) < 0.3 + 0.5 * moved * (np.arange(800) < 400)[:, None] * [0, 1]).astype(int)
        data = AuditData(values[:400], labels[:400], train=(values[400:], labels[400:]))
        found = findings("data", several, data)["drift"]
        assert found.status == status
        assert 'The share of "b"' in found.text or not moved


def test_columns_that_change_nothing_are_named() -> None:
    values, labels = rows(400)
    found = findings("data", MODEL, AuditData(values, labels))["unused"]
    assert (found.status, found.details["unused"]) == ("warn", ["number 5"])
    used = findings("data", linear([1.0] * 6), AuditData(values, labels))["unused"]
    assert (used.status, used.details["unused"]) == ("pass", [])
    assert isinstance(used, xai.Finding)
