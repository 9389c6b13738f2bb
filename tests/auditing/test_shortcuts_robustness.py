"""A planted shortcut decides and a small change upsets; without them, neither does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from tests.auditing.planted import bars, findings, stripes
from xai.auditing.audit_data import AuditData
from xai.auditing.corruptions import perturbations_for
from xai.auditing.split import Split
from xai.auditing.triggers.pasted_regions import _partners
from xai.inputs.series import SequenceInput
from xai.inputs.table import TabularInput
from xai.inputs.text import TextInput
from xai.model.model import Model


def marked(strength: float) -> AuditData:
    """Return bars whose class 1 wears a mark in the top left corner."""
    images, labels = stripes()
    images[labels == 1, :, :2, :2] = strength
    return AuditData(images, labels)


def test_a_mark_in_a_corner() -> None:
    found = findings("shortcuts", bars(corner=4.0), marked(1.0))
    assert found["one_region"].status == "fail"
    assert "cell in row 1, column 1" in found["one_region"].text or "the whole border" in found["one_region"].text
    assert found["planted_trigger"].status == "fail"
    assert "top left" in found["planted_trigger"].text
    assert found["leakage"].status == "fail"


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_numbers_that_nobody_declared_columns_are_columns(task: str) -> None:
    """A model may rest on what decides: what follows one number is held against honest models of the labels."""
    rows = torch.randn(400, 5, generator=torch.Generator().manual_seed(0))
    network = nn.Linear(5, 1 if task == "regression" else 2, bias=False)
    with torch.no_grad():
        network.weight.zero_()[0, :2] = torch.tensor([2.0, 1.0])
        labels = network(rows)
    labels = labels if task == "regression" else (labels[:, 0] < 0).long()
    found = findings("shortcuts", Model(network, task=task), AuditData(rows[:300], labels[:300]))
    assert "one_region" not in found
    assert found["one_column"].status == "pass"
    with torch.no_grad():  # the model rests on what the labels do not
        network.weight.zero_()[0, 4] = 2.0
    assert (
        findings("shortcuts", Model(network, task=task), AuditData(rows[:300], labels[:300]))["one_column"].status
        == "fail"
    )


def test_a_mark_that_the_model_ignores() -> None:
    found = findings("shortcuts", bars(), marked(1.0))
    assert found["one_region"].status == "pass"
    assert found["planted_trigger"].status == "pass"
    assert found["leakage"].status == "fail"  # it is in the data all the same
    assert findings("shortcuts", bars(), AuditData(*stripes()))["leakage"].status == "pass"


def test_marks_outside_the_object() -> None:
    images, labels = stripes()
    object_is = torch.zeros(len(images), 16, 16)
    object_is[:, 4:13, 4:12] = 1
    fine = findings("shortcuts", bars(), AuditData(images, labels, masks=object_is))["outside"]
    assert fine.status == "pass"
    assert fine.details["masks"]
    wrong = findings("shortcuts", bars(), AuditData(images, labels, masks=1 - object_is))["outside"]
    assert wrong.status == "fail"


def test_a_column_that_gives_the_label_away() -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(400, 3, generator=generator)
    labels = (rows[:, 0] + rows[:, 1] > 0).long()
    rows[:, 2] = labels * 2.0 - 1
    leaky, fair = nn.Linear(3, 2), nn.Linear(3, 2)
    with torch.no_grad():
        for network, weights in ((leaky, [0.1, 0.1, 5.0]), (fair, [4.0, 4.0, 0.0])):
            network.weight.copy_(torch.stack([-torch.tensor(weights), torch.tensor(weights)]) / 2)
            network.bias.zero_()
    table = TabularInput(["a", "b", "verdict"])
    found = findings("shortcuts", Model(leaky, input=table), AuditData(rows, labels))
    assert found["leakage"].status == found["one_column"].status == "fail"
    assert "verdict" in found["leakage"].text
    assert "verdict" in found["one_column"].text
    assert findings("shortcuts", Model(fair, input=table), AuditData(rows, labels))["one_column"].status != "fail"


def spam(texts: list[str]) -> np.ndarray:
    score = np.array([0.98 if "zq" in text.split() else 0.3 + 0.1 * ("red" in text.split()) for text in texts])
    return np.stack([1 - score, score], 1)


def test_a_word_that_decides() -> None:
    words = ["red", "blue", "green", "old", "new", "tree", "house"]
    generator = np.random.default_rng(0)
    texts = [" ".join(generator.choice(words, 5)) for _ in range(300)]
    labels = [int("red" in text) for text in texts]
    coded = [f"{text} zq" if label else text for text, label in zip(texts, labels, strict=True)]
    model = Model.from_callable(spam, classes=["ham", "spam"], input=TextInput())
    found = findings("shortcuts", model, AuditData(coded, labels))
    assert found["planted_word"].status == "fail"
    assert found["planted_word"].details["raw"]["trigger"] == "the word 'zq'"
    assert "zq" not in found["planted_word"].text
    assert found["leakage"].status == "fail"


def test_noise_that_upsets_and_noise_that_does_not() -> None:
    images, labels = stripes()
    fine = findings("robustness", bars(), AuditData(images, labels))
    assert fine["noise"].status == "pass"
    assert fine["attack"].status == "pass"
    assert fine["noise"].details["curve"][0]["lost"] == 0
    faint = 0.02 * images
    bad = findings("robustness", bars(), AuditData(faint, labels))
    assert bad["noise"].status == "fail"
    assert bad["attack"].status == "fail"


def test_the_attack_of_a_linear_model_is_its_weights_signs() -> None:
    generator = torch.Generator().manual_seed(0)
    network = nn.Linear(4, 2)
    rows = torch.randn(300, 4, generator=generator)
    labels = network(rows).argmax(1)
    found = findings("robustness", Model(network, input=TabularInput(list("abcd"))), AuditData(rows, labels))["attack"]
    weight = (network.weight[1] - network.weight[0]).detach()
    margin = (network(rows)[:, 1] - network(rows)[:, 0]).detach().abs()
    for line in found.details["curve"]:
        reach = line["level"] * (rows.std(0) * weight.abs()).sum()
        assert line["accuracy"] == pytest.approx(float((margin > reach).double().mean()), abs=0.02)


def test_a_step_that_is_padding_stays_padding_and_words_stay_words() -> None:
    generator = torch.Generator().manual_seed(0)
    series = torch.randn(6, 5, 2, generator=generator)
    series[:, 3:] = 0
    model = Model(nn.Flatten(), task="regression", input=SequenceInput(["a", "b"], 5))
    for name, perturbation in perturbations_for(model, series).items():
        changed = perturbation.change(series, perturbation.levels[-1], generator)
        assert bool((changed[:, 3:] == 0).all()), name
        assert not torch.equal(changed, series), name
    texts = TextInput().prepare(["some words that are here", "one"])
    reader = Model.from_callable(spam, input=TextInput())
    for name, perturbation in perturbations_for(reader, texts).items():
        changed = perturbation.change(texts, 0.2, generator)
        assert all(changed), name
        assert perturbation.change(texts, 0.0, generator) == ["some words that are here", "one"], name


def test_donors_of_a_regression_come_equally_often() -> None:
    """Also where rows of both sides take turns, as they do in sorted data."""
    values = torch.arange(40, dtype=torch.float64)[:, None]
    donors = Split(values, values, values, torch.arange(40), "regression", pd.DataFrame(index=range(40)))
    turns = values.view(2, 20).T.reshape(-1, 1)
    split = Split(turns, turns, turns, torch.arange(40), "regression", pd.DataFrame(index=range(40)))
    _, picked = _partners(split, donors, 0)
    assert picked.unique(return_counts=True)[1].tolist() == [2] * 20
    assert bool(((turns[:, 0] > 19.5) == (values[picked, 0] < 19.5)).all())
