"""The checks on planted truth: a network whose answer depends on a known place and not on an equally edgy decoy."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from tests.evidence.planted import SIDE, Planted, planted_image, with_map
from xai.attribution.gradient_methods import integrated_gradients, saliency
from xai.attribution.occlusion import occlusion
from xai.attribution.shapley import kernel_shap
from xai.base.errors import InputError
from xai.base.statistics import holm
from xai.evidence.controls import center_blob, edge_filter, moved_copies, phase_randomized
from xai.evidence.deletion import deletion
from xai.evidence.randomization import randomization
from xai.evidence.recompute import recompute
from xai.evidence.verify import verify
from xai.inputs.image import ImageInput
from xai.methods import CHECKS
from xai.model.model import Model
from xai.model.shuffling import layers_with_weights, shuffled
from xai.results.explanation import Explanation


@pytest.fixture
def model() -> Model:
    return Model(Planted(), input=ImageInput((1, SIDE, SIDE)))


def test_the_network_ignores_the_decoy(model: Model) -> None:
    image = planted_image()
    without_decoy, without_truth = image.clone(), image.clone()
    without_decoy[..., 11:17, 12:18] = 0.4
    without_truth[..., 3:9, 2:8] = 0.4
    assert torch.allclose(model.predict(image), model.predict(without_decoy), atol=1e-6)
    assert model.predict(image)[0, 1] > 0.99
    assert model.predict(without_truth)[0, 1] < 0.1


class TestDeletion:
    def test_the_planted_mask_passes(self, model: Model) -> None:
        truth = model.network.weight.detach().abs()
        (finding,) = deletion(model, with_map(model, truth))
        assert finding.status == "pass"
        assert finding.score <= 0.05  # 1 of 40 is the best that 39 controls allow
        assert finding.details["effect"] > max(finding.details["rivals"].values())

    @pytest.mark.parametrize("wrong", ["decoy", "edges", "center", "shifted", "noise"])
    def test_wrong_maps_fail(self, model: Model, wrong: str) -> None:
        truth = model.network.weight.detach().abs()
        maps = {
            "decoy": truth.roll((8, 10), (0, 1)),
            "edges": edge_filter(planted_image()[0]),
            "center": center_blob(truth),
            "shifted": truth.roll((10, 0), (0, 1)),
            "noise": torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(1)),
        }
        (finding,) = deletion(model, with_map(model, maps[wrong]))
        assert finding.status in ("fail", "warn")
        if wrong != "edges":  # an edge filter does mark the truth, among others
            assert finding.score > 0.05

    def test_an_empty_map_shows_nothing(self, model: Model) -> None:
        (finding,) = deletion(model, with_map(model, torch.zeros(SIDE, SIDE)))
        assert finding.status == "warn"
        assert "no part stands out" in finding.text

    def test_methods_that_find_the_truth_pass(self, model: Model) -> None:
        for method in (integrated_gradients, occlusion):
            (finding,) = deletion(model, method(model, planted_image(), 1, baseline="blur"))
            assert finding.status == "pass", method.__name__

    def test_p_values_of_random_maps_are_not_small_too_often(self, model: Model) -> None:
        """Under the null (a map that is one of its own controls) p <= 0.1 about one time in ten."""
        truth = model.network.weight.detach().abs()
        copies = moved_copies(truth, 60, torch.Generator().manual_seed(5))
        small = 0
        for number, copy in enumerate(copies):
            (finding,) = deletion(model, with_map(model, copy), controls=19, seed=number)
            small += finding.details["p_value"] <= 0.1
        assert small <= 14  # 60 x 0.1 = 6, and the 99.9 % point of that binomial

    def test_too_few_controls(self, model: Model) -> None:
        with pytest.raises(InputError, match="a whole number from 19"):
            deletion(model, with_map(model, torch.rand(SIDE, SIDE)), controls=18)


class TestControls:
    heatmap = torch.rand(12, 16, generator=torch.Generator().manual_seed(0)).cumsum(0)

    def test_they_keep_the_histogram(self) -> None:
        for make in (moved_copies, phase_randomized):
            copies = make(self.heatmap, 5, torch.Generator().manual_seed(1))
            assert copies.shape == (5, 12, 16)
            for copy in copies:
                assert torch.equal(copy.flatten().sort().values, self.heatmap.flatten().sort().values)
                assert not torch.equal(copy, self.heatmap)

    def test_they_keep_the_smoothness(self) -> None:
        def roughness(maps: torch.Tensor) -> float:
            return float((maps[..., 1:, :] - maps[..., :-1, :]).abs().mean())

        shuffled = self.heatmap.flatten()[torch.randperm(192, generator=torch.Generator().manual_seed(2))].view(12, 16)
        for make in (moved_copies, phase_randomized):
            copies = make(self.heatmap, 20, torch.Generator().manual_seed(1))
            assert roughness(copies) < 0.75 * roughness(shuffled)

    def test_the_edge_filter_finds_edges(self) -> None:
        image = torch.zeros(1, 20, 20)
        image[:, :, 10:] = 1.0
        edges = edge_filter(image)
        assert int(edges.sum(0).argmax()) in (9, 10)
        assert edges[:, :5].max() < 0.01 * edges.max()


class TestRandomization:
    def test_a_map_of_the_image_alone_fails(self, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
        """An edge filter that calls itself a method stays the same under any weights, and is found out."""
        from xai.evidence import randomization as module

        edges = with_map(model, edge_filter(planted_image()[0]))
        monkeypatch.setattr(module, "recompute", lambda other, explanation: explanation)
        (finding,) = randomization(model, edges)
        assert finding.status == "fail"
        assert finding.score == pytest.approx(1.0)

    def test_an_input_with_random_signs_fails(self, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its values correlate with nothing, but its picture is always the same."""
        from xai.evidence import randomization as module

        def signed(network: Model, *arguments: object) -> Explanation:
            generator = torch.Generator().manual_seed(int(network.digest()[:8], 16))
            signs = torch.where(torch.rand(SIDE, SIDE, generator=generator) < 0.5, -1.0, 1.0)
            return with_map(model, planted_image()[0, 0] * signs)

        monkeypatch.setattr(module, "recompute", signed)
        (finding,) = randomization(model, signed(model))
        assert finding.status == "fail"
        assert abs(finding.details["signed"]) < 0.2
        assert "size of its values" in finding.text

    def test_an_empty_map_fails_and_no_weights_are_untestable(self, model: Model) -> None:
        (finding,) = randomization(model, with_map(model, torch.zeros(SIDE, SIDE)))
        assert finding.status == "fail"
        function = Model.from_callable(lambda x: x.reshape(len(x), -1)[:, :2] * 0 + 0.5, input=model.input)
        (finding,) = randomization(function, occlusion(function, planted_image()))
        assert finding.status == "untestable"
        assert "weights that can be shuffled" in finding.text

    def test_it_works_in_inference_mode_and_leaves_the_random_state(self, model: Model) -> None:
        class Noisy(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.planted, self.norm = Planted(), nn.BatchNorm2d(1)

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return self.planted(self.norm(x)) + 1e-3 * torch.rand(len(x), 2)

        noisy = Model(Noisy(), input=model.input)
        before = torch.get_rng_state()
        with torch.inference_mode():
            verify(noisy, saliency(noisy, planted_image(), 1))
        assert torch.equal(before, torch.get_rng_state())

    def test_saliency_depends_on_the_weights(self, model: Model) -> None:
        (finding,) = randomization(model, saliency(model, planted_image(), 1))
        assert finding.status == "pass"
        assert finding.score < 0.5

    def test_a_map_of_another_network_fails(self, digits: Model, digit_images: tuple) -> None:
        """The weights' digest can be copied, the map cannot: made again, it is another one."""
        images = digit_images[0][:2]
        other = shuffled(digits, images, layers_with_weights(digits, images), 5)
        forged = replace(saliency(other, images, [1, 2]), model_digest=digits.digest())
        for finding in randomization(digits, forged, draws=1):
            assert finding.status == "fail"
            assert "Not of this network" in finding.text
        for finding in randomization(digits, saliency(digits, images), draws=1):
            assert finding.score is not None

    def test_few_values_are_untestable(self) -> None:
        model = Model(nn.Sequential(nn.Linear(7, 9), nn.Tanh(), nn.Linear(9, 2)))
        for row in verify(model, saliency(model, torch.rand(2, 7)), ["randomization", "cascade", "stability"]).evidence:
            assert {finding.status for finding in row} == {"untestable"}

    def test_shuffling_keeps_the_weights_and_loses_their_order(self, digits: Model, digit_images: tuple) -> None:
        images = digit_images[0][:8]
        layers = layers_with_weights(digits, images)
        other = shuffled(digits, images, layers, 0)
        for (name, ours), theirs in zip(digits.network.named_parameters(), other.network.parameters(), strict=True):
            assert torch.equal(ours.flatten().sort().values, theirs.flatten().sort().values), name
        assert other.digest() != digits.digest()
        last = shuffled(digits, images, layers[-1:], 0)
        assert torch.equal(last.network.conv1.weight, digits.network.conv1.weight)
        assert not torch.equal(last.network.logits.weight, digits.network.logits.weight)
        assert torch.equal(last.network.logits.weight, other.network.logits.weight)  # alike, whichever others are


class TestVerify:
    def test_it_returns_a_copy_with_evidence(self, model: Model) -> None:
        explanation = integrated_gradients(model, planted_image().repeat(2, 1, 1, 1), 1)
        verified = verify(model, explanation)
        assert explanation.evidence == ((), ())
        assert [[finding.check for finding in row] for row in verified.evidence] == [list(CHECKS)] * 2
        json.dumps([finding.to_dict() for row in verified.evidence for finding in row])

    def test_other_weights_are_refused(self, model: Model) -> None:
        explanation = saliency(model, planted_image(), 1)
        with torch.no_grad():
            model.network.weight[0, 0] += 1e-3
        with pytest.raises(InputError, match="of the model's weights"):
            verify(model, explanation)

    def test_unknown_checks_are_named(self, model: Model) -> None:
        explanation = saliency(model, planted_image(), 1)
        with pytest.raises(InputError, match="among faithfulness, deletion"):
            verify(model, explanation, ["magic"])
        with pytest.raises(InputError, match="among faithfulness, deletion"):
            verify(model, explanation, magic={})

    def test_holm(self) -> None:
        assert holm([]) == []
        assert holm([0.02]) == [0.02]
        # By hand: 3 x 0.005, then max(0.015, 2 x 0.02), then max(0.04, 0.6).
        assert holm([0.6, 0.005, 0.02]) == pytest.approx([0.6, 0.015, 0.04])
        assert max(holm([0.5, 0.9])) <= 1.0

    def test_an_explanation_of_other_answers_is_refused(self) -> None:
        """Neither functions nor activations have weights that would tell two models apart."""

        def answer(rows: np.ndarray, slope: float) -> np.ndarray:
            return np.stack([0.5 - slope * rows[:, 0], 0.5 + slope * rows[:, 0]], 1)

        one, other = (Model.from_callable(partial(answer, slope=slope)) for slope in (0.1, -0.1))
        explanation = kernel_shap(one, torch.ones(1, 3))
        assert verify(one, explanation, ["deletion"]).evidence[0]
        with pytest.raises(InputError, match="this model's answers"):
            verify(other, explanation, ["deletion"])


def test_recompute_repeats_every_option(model: Model) -> None:
    from xai.lime.image import lime_image

    for made in (
        occlusion(model, planted_image(), 1, window=4, stride=3, baseline="mean", of="probability"),
        integrated_gradients(model, planted_image(), (1, 0), baseline="blur", steps=7),
        lime_image(model, planted_image(), 1, samples=50, fill="zero", seed=9, penalty=0.5, of="output"),
    ):
        again = recompute(model, made)
        assert torch.equal(again.heatmap(), made.heatmap())
        assert {**again.options, "run": 0} == {**made.options, "run": 0}
    given = integrated_gradients(model, planted_image(), 1, baseline=torch.full((1, 1, SIDE, SIDE), 0.2))
    assert torch.equal(recompute(model, given).values, given.values)
    with pytest.raises(InputError, match="the tensor that was used"):
        recompute(model, replace(given, background=None))
    assert torch.equal(recompute(model, given, baseline=0.2).values, given.values)


def test_an_explanation_of_weights_that_changed_since_says_so() -> None:
    model, rows = Model(nn.Linear(3, 2)), torch.rand(2, 3)
    made = saliency(model, rows, 1)
    with torch.no_grad():
        model.network.weight.add_(1.0)
    with pytest.raises(InputError, match="got not known: the network changed before they were recorded"):
        verify(model, made)
    with pytest.raises(InputError, match="checks: expected a list of names, got 'deletion'"):
        verify(model, saliency(model, rows, 1), "deletion")
