"""Concepts: directions of a layer, tested against examples drawn at random."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.global_explanations.test_layers import rows
from tests.trace_state import differences, state_of
from xai.base.errors import XaiError
from xai.global_explanations.concepts import concept_sensitivity, concept_vector
from xai.inputs.image import ImageInput
from xai.inputs.text import TextInput
from xai.model.model import Model


class Planted(nn.Module):
    """Images: the score of class 1 is the brightness of the left half; the right half is there, and ignored."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(2)
        self.linear = nn.Linear(16, 2)
        with torch.no_grad():
            weight = torch.zeros(2, 4, 4)
            weight[1, :, :2] = 1.0
            self.linear.weight.copy_(weight.flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(torch.tanh(self.pool(x)).flatten(1))


def noise(count: int, seed: int) -> Tensor:
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(seed)) * 0.5


def planted() -> Model:
    return Model(Planted(), input=ImageInput((1, 8, 8)), classes=["dark", "bright"])


class TestConcepts:
    def test_a_concept_that_decides_is_found_and_one_that_is_ignored_is_not(self) -> None:
        left, right = noise(25, 1), noise(25, 2)
        left[:, :, :, :4] += 0.4
        right[:, :, :, 4:] += 0.4
        model = planted()
        before = state_of(model.network)
        made = concept_sensitivity(
            model, noise(40, 3), "bright", {"left": left, "right": right}, noise(80, 4), "pool", controls=39
        )
        assert differences(before, state_of(model.network)) == []
        assert made.scores[0] > 0.95
        assert [finding.status for finding in made.evidence] == ["pass", "fail"]
        assert float(made.accuracy.min()) > 0.9  # the layer knows both, the answer only one
        assert made.controls.shape == (2, 39)
        frame = made.to_frame()
        assert frame["status"].tolist() == ["pass", "fail"]
        import xai

        assert "Supported: moving towards left" in xai.Report("Concepts", [made]).html()
        assert made.plot().axes

    def test_random_concepts_are_rarely_found(self) -> None:
        """40 concepts that are noise: about 5 % may pass; more than 15 % would be no test."""
        model = planted()
        found = 0
        for seed in range(40):
            made = concept_sensitivity(
                model, noise(20, 1), 1, {"noise": noise(12, 100 + seed)}, noise(60, 500 + seed), "pool", controls=19,
                seed=seed,
            )  # fmt: skip
            found += made.evidence[0].details["p_value"] <= 0.05
        assert found <= 6

    def test_the_vector_is_the_ridge_regressions(self) -> None:
        from sklearn.linear_model import Ridge

        examples, others = rows(12, 5, 1).double() + 0.5, rows(15, 5, 2).double()
        vector, threshold = concept_vector(examples, others)
        data = torch.cat([examples, others]).numpy()
        goals = np.array([1.0] * 12 + [-1.0] * 15)
        penalty = ((data - data.mean(0)) ** 2).sum(1).mean()
        fitted = Ridge(alpha=penalty).fit(data, goals)
        assert np.allclose(vector, fitted.coef_ / np.linalg.norm(fitted.coef_), atol=1e-8)
        assert threshold == pytest.approx(-fitted.intercept_ / np.linalg.norm(fitted.coef_))

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"concepts": {}}, "concepts: expected examples by name"),
            ({"concepts": {"few": noise(3, 1)}}, "at least 10 examples"),
            ({"others": noise(15, 1)}, "others: expected at least 40"),
            ({"layer": "nothing"}, "layer: expected one like"),
            ({"target": 7}, "target: expected"),
            ({"target": (0, 1)}, "target: expected one class"),
            ({"controls": 3}, "controls"),
        ],
    )
    def test_what_cannot_be_is_named(self, changes: dict, says: str) -> None:
        settings = {
            "inputs": noise(5, 1), "target": 1, "concepts": {"a": noise(20, 2)}, "others": noise(60, 3),
            "layer": "pool",
        }  # fmt: skip
        with pytest.raises(XaiError, match=says):
            concept_sensitivity(planted(), **{**settings, **changes})

    def test_words_of_different_lengths_need_a_layer_behind_the_pooling(self) -> None:
        class Bag(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.table = nn.Embedding(6, 3)
                self.drop = nn.Identity()
                self.linear = nn.Linear(3, 2)

            def forward(self, words: Tensor) -> Tensor:
                return self.linear(self.drop(self.table(words).mean(1)))

        model = Model(Bag(), input=TextInput(["good", "bad", "film"]))
        texts = ["good", "bad film", "film film good", "bad bad"] * 10
        made = concept_sensitivity(model, texts[:4], 1, {"a": texts[:12]}, texts, "drop", controls=19)
        assert made.scores.shape == (1,)
