"""Which versions can be compared: images, functions, other preparations, texts, series; and which cannot."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import xai
from tests.auditing import versions
from tests.auditing.test_compare import QUICK, by_name, fixed
from tests.auditing.versions import data, trained
from xai.auditing.audit_data import AuditData
from xai.base.errors import InputError
from xai.inputs.image import ImageInput
from xai.inputs.table import TabularInput
from xai.inputs.text import TextInput
from xai.methods import COMPARISONS
from xai.model.model import Model


def test_images_before_and_after_pruning() -> None:
    from tests.auditing.planted import bars, stripes

    a, b = bars(), bars(corner=3.0)
    images, labels = stripes()
    result = xai.compare(a, b, AuditData(images, labels), explanations={"sample": 6})
    assert result.checks == list(COMPARISONS)
    with torch.no_grad():
        for parameter in b.network.parameters():
            parameter.zero_()
    emptied = by_name(xai.compare(a, b, AuditData(images, labels), explanations={"sample": 6}))
    assert emptied["errors.score"].status == "fail"
    assert emptied["explanations.changed"].details["a_to_b"] == pytest.approx(1.0)  # empty maps are like none
    assert emptied["explanations.changed"].details["method"] == "integrated_gradients"


def test_a_function_beside_a_network_is_explained_as_that_can_be() -> None:
    from tests.auditing.planted import bars, stripes

    a = bars()

    def answer(images: np.ndarray) -> np.ndarray:
        return a.network(torch.tensor(images)).softmax(1).detach().numpy()

    b = Model.from_callable(answer, classes=a.classes, input=ImageInput((1, 16, 16)))
    images, labels = stripes(60)
    found = by_name(xai.compare(a, b, AuditData(images, labels), ["explanations"], explanations={"sample": 3}))
    assert found["explanations.changed"].details["method"] == "occlusion"


def test_another_preparation_of_the_same_inputs() -> None:
    from tests.auditing.planted import Bars, bars, stripes

    images, labels = stripes(60)
    network = Bars()
    with torch.no_grad():
        network.hidden.weight.mul_(0.5)
    half = Model(network, classes=["up", "down"], input=ImageInput((1, 16, 16), mean=[0.0], std=[0.5]))
    result = xai.compare(bars(), half, AuditData(images, labels), ["predictions"])
    assert by_name(result)["predictions.shifted"].score == pytest.approx(0.0, abs=1e-6)


def test_texts_series_regressions_and_labels() -> None:
    texts = ["good film", "bad film", "good bad plot", "a fine good day"] * 10

    def teller(weight: float) -> Model:
        def answer(batch: list[str]) -> np.ndarray:
            yes = np.array([0.5 + weight * (("good" in text) - ("bad" in text)) for text in batch])
            return np.stack([1 - yes, yes], 1)

        return Model.from_callable(answer, classes=["no", "yes"], input=TextInput())

    found = by_name(xai.compare(teller(0.4), teller(0.1), AuditData(texts, [1, 0, 0, 1] * 10)))
    assert found["predictions.shifted"].details["a_to_b"] == pytest.approx(0.3 * 30 / 40)
    assert found["explanations.changed"].status != "untestable"

    rows = torch.rand(60, 3)
    straight, bent = nn.Linear(3, 1), nn.Linear(3, 1)
    targets = torch.rand(60)
    models = [Model(network, task="regression", output="logits") for network in (straight, bent)]
    found = by_name(xai.compare(*models, AuditData(rows, targets), QUICK))
    assert {name for name, item in found.items() if item.status == "untestable"} == {
        "predictions.changed", "predictions.by_group", "errors.by_group", "errors.by_slice", "confidence.calibration",
    }  # fmt: skip
    apart = (models[0].predict(rows) - models[1].predict(rows)).abs().mean() / targets.double().numpy().std()
    assert found["predictions.shifted"].details["a_to_b"] == pytest.approx(float(apart), rel=1e-5)

    labels = (torch.rand(60, 3) > 0.5).double()
    several = [Model(nn.Linear(3, 3), task="multilabel") for _ in range(3)]
    found = by_name(xai.compare(*several[:2], AuditData(rows, labels), replicas=several[2:]))
    decided = [model.predict(rows) > 0.5 for model in several]
    assert found["predictions.changed"].details["a_to_b"] == pytest.approx(
        float((decided[0] != decided[1]).any(1).double().mean())
    )


def test_versions_that_cannot_be_compared() -> None:
    a, rows = trained(0), data(60)
    others = {
        "classes": fixed([[0.5, 0.5]], classes=["a", "b"]),
        "task": fixed([[0.5, 0.5]], task="multilabel"),
        "input": Model(nn.Linear(5, 2)),
        "columns": Model.from_callable(lambda batch: batch, classes=a.classes, input=TabularInput(list("abcde"))),
    }
    for fact, other in others.items():
        with pytest.raises(InputError, match=f"compare: b: expected a model with the {fact} of A"):
            xai.compare(a, other, rows)
        with pytest.raises(InputError, match=r"compare: replicas\[1\]"):
            xai.compare(a, trained(1), rows, replicas=[trained(2), other])
    linear = Model(nn.Linear(5, 2))
    wide = AuditData(np.ones((40, 5)), [0, 1] * 20)
    with pytest.raises(InputError, match="the weights of a"):
        xai.compare(linear, Model(nn.Linear(5, 2)), wide, replicas=[linear])
    with pytest.raises(InputError, match="2 outputs, as A"):
        xai.compare(linear, Model(nn.Linear(5, 3)), wide)
    with pytest.raises(InputError, match="compare: checks"):
        xai.compare(a, trained(1), rows, ["luck"])
    with pytest.raises(InputError, match="an AuditData"):
        xai.compare(a, trained(1), versions.TEST)
    with pytest.raises(InputError, match="a list of models"):
        xai.compare(a, trained(1), rows, replicas=trained(2))
