"""Faithfulness: what a map claims of parts of a row, beside what hiding them does; truths in closed form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from tests.evidence.planted import SIDE, Planted, planted_image, with_map
from xai.attribution.activation_maps import gradcam
from xai.attribution.gradient_methods import integrated_gradients, saliency
from xai.attribution.occlusion import occlusion
from xai.evidence.effects import Effects
from xai.evidence.faithfulness import Compared, faithfulness
from xai.evidence.pooled import pooled_finding
from xai.evidence.randomization import randomization
from xai.evidence.rivals import unit_rivals
from xai.evidence.stability import stability
from xai.evidence.verdict import remarks, verdict
from xai.evidence.verify import verify
from xai.evidence.windows import windows_of
from xai.inputs.image import ImageInput
from xai.inputs.table import TabularInput
from xai.inputs.text import TextInput
from xai.lime.text import lime_text
from xai.model.model import Model
from xai.results.explanation import Explanation
from xai.results.finding import Finding


def linear(weights: list[float]) -> Model:
    """Return a regression that adds up weights times values."""
    network = nn.Linear(len(weights), 1, bias=False)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([weights]))
    return Model(network, task="regression")


def claimed(explanation: Explanation, values: torch.Tensor) -> Explanation:
    return replace(explanation, values=values)


@pytest.fixture
def planted() -> Model:
    return Model(Planted(), input=ImageInput((1, SIDE, SIDE)))


class TestTables:
    weights = (4.0, 2.0, 1.0, 0.0, -1.0, -3.0, 0.5, 0.2)

    def test_the_truth_of_a_sum_is_seen_whole(self) -> None:
        model = linear(list(self.weights))
        (finding,) = faithfulness(model, integrated_gradients(model, torch.ones(1, 8)))
        assert (finding.status, finding.score) == ("pass", pytest.approx(1.0))
        measured = np.array(finding.details["effects"])
        assert measured == pytest.approx(np.array(self.weights) - np.mean(self.weights), rel=1e-3, abs=1e-3)
        assert finding.details["explained"] == pytest.approx(1.0)

    def test_the_correlation_is_pearsons_with_the_effects(self) -> None:
        model, values = linear(list(self.weights)), torch.tensor([[3.0, 1.0, 0.0, 1.0, -2.0, -1.0, 0.0, 2.0]])
        (finding,) = faithfulness(model, claimed(integrated_gradients(model, torch.ones(1, 8)), values))
        assert finding.score == pytest.approx(np.corrcoef(values[0], self.weights)[0, 1], abs=1e-5)

    def test_flipped_signs_are_contradicted(self) -> None:
        model = linear(list(self.weights))
        right = integrated_gradients(model, torch.ones(2, 8))
        wrong = verify(model, claimed(right, -right.values), ["faithfulness"])
        assert [verdict(row) for row in wrong.evidence] == ["contradicted"] * 2
        assert wrong.pooled[0].status == "fail"

    def test_one_column_of_eight_is_untestable_alone_and_no_contradiction(self) -> None:
        """No p-value of one row is below 1/8, nor with noise too small to matter; three rows together are enough."""
        model = linear([0.0] * 5 + [3.0] + [0.0] * 2)
        right = integrated_gradients(model, torch.ones(3, 8))
        noise = 0.003 * torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
        for explanation in (right, claimed(right, right.values + noise)):
            found = verify(model, explanation, ["faithfulness"])
            assert [verdict(row) for row in found.evidence] == ["untestable"] * 3
            assert all(row[0].details["least_p_value"] == pytest.approx(1 / 8, abs=0.03) for row in found.evidence)
            assert found.pooled[0].status == "pass"
        exact = verify(model, right, ["faithfulness"]).pooled[0].details["p_value"]
        assert exact == pytest.approx(1 / 8**3)

    def test_its_own_baseline_is_what_hides(self) -> None:
        """Against a baseline of 1 a column of ones says nothing, whatever its weight."""
        model = linear([5.0, 1.0, 2.0, -1.0, 3.0, 0.5])
        row = torch.tensor([[1.0, 2.0, 3.0, 4.0, 0.0, 2.0]])
        explanation = integrated_gradients(model, row, baseline=torch.ones(1, 6))
        (finding,) = faithfulness(model, explanation)
        assert finding.score == pytest.approx(1.0)
        assert finding.details["replacement"] == "its baseline"
        assert faithfulness(model, explanation, fill="zero")[0].score < 0.9

    def test_a_rows_finding_does_not_depend_on_the_batch(self) -> None:
        model = Model(nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 3)))
        rows = torch.rand(2, 12, generator=torch.Generator().manual_seed(2))
        explanation = integrated_gradients(model, rows)
        together = faithfulness(model, explanation)
        for row in range(2):
            (alone,) = faithfulness(model, explanation[row])
            assert alone.score == pytest.approx(together[row].score, abs=1e-6)

    @pytest.mark.parametrize("method", [integrated_gradients, saliency])
    def test_nor_do_its_verdict_and_rivals_depend_on_how_many_rows_are_beside_it(self, method: Callable) -> None:
        table = TabularInput(list("abcdefgh"), std=[3.0] * 8 if method is saliency else None)
        model = Model(nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 3)), input=table)
        rows = 5 + 3 * torch.randn(24, 8, generator=torch.Generator().manual_seed(1))
        checks = ["faithfulness"]
        whole = verify(model, method(model, rows), checks)
        for count in (1, 3):
            few = verify(model, method(model, rows[:count]), checks)
            for alone, beside in zip(few.evidence, whole.evidence[:count], strict=True):
                assert verdict(alone) == verdict(beside)
                assert [finding.status for finding in alone] == [finding.status for finding in beside]
                assert alone[0].details["rivals"] == pytest.approx(beside[0].details["rivals"], abs=1e-5)
                assert "how far the input is from absent" in alone[0].details["rivals"]


class TestImages:
    def test_the_planted_mask_is_supported_and_wrong_maps_are_not(self, planted: Model) -> None:
        weight = planted.network.weight.detach()
        explanation = integrated_gradients(planted, planted_image(), 1, baseline=0.4)
        truth = weight * (planted_image()[0, 0] - 0.4)
        for name, values in {
            "truth": truth,
            "noisy": truth
            + 0.05 * truth.abs().max() * torch.randn(SIDE, SIDE, generator=torch.Generator().manual_seed(0)),
            "decoy": truth.roll((8, 10), (0, 1)),
            "away": (planted_image()[0, 0] - 0.4).abs(),
            "flipped": -truth,
        }.items():
            found = verify(planted, claimed(explanation, values[None, None]), ["faithfulness"])
            wanted = {"truth": "supported", "noisy": "supported", "flipped": "contradicted"}.get(name, "not shown")
            assert verdict(found.evidence[0]) == wanted, name

    def test_the_map_of_the_other_class_is_no_map_of_this_one(self, planted: Model) -> None:
        right, other = (integrated_gradients(planted, planted_image(), target, baseline=0.4) for target in (1, 0))
        assert verdict(verify(planted, right, ["faithfulness"]).evidence[0]) == "supported"
        presented = claimed(right, other.values)
        assert verdict(verify(planted, presented, ["faithfulness"]).evidence[0]) == "contradicted"

    def test_every_way_of_hiding_is_in_the_details(self, planted: Model) -> None:
        (finding,) = faithfulness(planted, integrated_gradients(planted, planted_image(), 1))
        assert [way["replacement"] for way in finding.details["ways"].values()] == [
            "zero",
            "blur",
            "what its neighbors suggest",
        ]
        assert {"a blob in the center", "an edge filter", "the same method for 0"} < set(finding.details["rivals"])
        (finding,) = faithfulness(planted, saliency(planted, planted_image(), 1))
        assert next(iter(finding.details["ways"])) == "small changes"

    def test_a_flat_map_marks_nothing(self, planted: Model) -> None:
        (finding,) = faithfulness(planted, with_map(planted, torch.ones(SIDE, SIDE)))
        assert finding.status == "warn"
        assert "no part stands out" in finding.text

    def test_where_squares_are_compared_rivals_are_squared_too(self, planted: Model) -> None:
        sensitive = saliency(planted, planted_image(), 1)
        signed = replace(sensitive, options={**sensitive.options, "claim": "additive"})
        with planted.explaining("faithfulness", sensitive.inputs, [1], seed=0) as session:
            units, absent = torch.rand(SIDE, SIDE).double(), torch.zeros_like(session.inputs)
            squared, plain = (
                unit_rivals(session, made, 0, units, absent, torch.ones_like(absent), None)
                for made in (sensitive, signed)
            )
        assert list(squared) == list(plain)
        assert len(plain) == 3  # a blob, edges and the distance
        for name, rival in plain.items():
            torch.testing.assert_close(squared[name], rival**2)

    def test_sensitivity_is_measured_by_small_changes(self) -> None:
        """Of a linear network the size of noise in a window is the root of the sum of squared weights."""
        weight = torch.randn(1, 1, 12, 12, generator=torch.Generator().manual_seed(3)).cumsum(2)

        class Sum(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return (x * weight).sum((1, 2, 3))[:, None]

        model = Model(Sum(), task="regression", input=ImageInput((1, 12, 12), range="any"))
        image = torch.rand(1, 1, 12, 12, generator=torch.Generator().manual_seed(4))
        (finding,) = faithfulness(model, saliency(model, image))
        side = windows_of((12, 12))
        truth = np.sqrt(np.bincount(side.flatten(), weights=(weight**2).flatten().numpy()))
        assert np.array(finding.details["claimed"]) == pytest.approx(truth, rel=1e-3)
        assert finding.status == "pass"


class TestDigits:
    """On the trained digits network: what the checks of before said wrongly of maps that are right."""

    def test_methods_against_black_are_supported(self, digits: Model, digit_images: tuple) -> None:
        images = digit_images[0][:6]
        for made in (integrated_gradients(digits, images), occlusion(digits, images, baseline="zero")):
            assert verify(digits, made, ["faithfulness"]).pooled[0].status == "pass", made.method

    def test_occlusion_to_black_depends_on_the_weights(self, digits: Model, digit_images: tuple) -> None:
        found = randomization(digits, occlusion(digits, digit_images[0][:6], baseline="zero"))
        assert [finding.status for finding in found] == ["pass"] * 6

    def test_what_is_no_more_than_the_input_does_not(self, digits: Model, digit_images: tuple, monkeypatch) -> None:
        from xai.evidence import randomization as module

        made = integrated_gradients(digits, digit_images[0][:2])
        ink = claimed(made, made.inputs.clone())
        monkeypatch.setattr(module, "recompute", lambda model, explanation: explanation)
        assert [finding.status for finding in randomization(digits, ink)] == ["fail"] * 2

    def test_stability_is_of_what_is_marked(self, digits: Model, digit_images: tuple) -> None:
        found = stability(digits, integrated_gradients(digits, digit_images[0][:6]))
        assert min(finding.score for finding in found) > 0.8

    def test_shuffled_weights_are_not_supported(self, digits: Model, digit_images: tuple) -> None:
        from xai.model.shuffling import layers_with_weights, shuffled

        images = digit_images[0][:6]
        other = shuffled(digits, images, layers_with_weights(digits, images), 3)
        target = digits.predict(images).argmax(1).tolist()
        for method in (integrated_gradients, gradcam, saliency):
            real = method(digits, images, target)
            forged = claimed(real, method(other, images, target).values)
            found = verify(digits, forged, ["faithfulness"])
            assert sum(verdict(row) == "supported" for row in found.evidence) <= 1, method.__name__
            assert found.pooled[0].status != "pass", method.__name__


class TestTexts:
    @staticmethod
    def model() -> Model:
        def answer(texts: list[str]) -> list[list[float]]:
            return [[0.9, 0.1] if "bad" not in text else [0.1, 0.9] for text in texts]

        return Model.from_callable(answer, input=TextInput())

    def test_a_trigger_is_shown_by_several_texts_and_contradicted_by_one(self) -> None:
        model = self.model()
        texts = [" ".join(["some words that say", "bad", name, "things and more"]) for name in ("old", "new", "few")]
        made = lime_text(model, texts, 1, samples=128)
        truth = [torch.tensor([float(word == "bad") for word in row]) for row in made.row_names]
        right = verify(model, replace(made, values=truth), ["faithfulness"])
        assert [verdict(row) for row in right.evidence] == ["untestable"] * 3
        assert right.pooled[0].status == "pass"
        flipped = verify(model, replace(made, values=[-row for row in truth]), ["faithfulness"])
        assert [verdict(row) for row in flipped.evidence] == ["contradicted"] * 3


class TestPValues:
    def test_maps_that_do_as_well_count(self) -> None:
        """Where half of the controls tie with the map, it is among the better half, and no better."""
        effects = Effects(np.zeros(3), np.zeros((400, 3)), 1.0, 1.0)
        controls = np.array([0.5] * 10 + [0.1] * 9)
        compared = Compared("", "", 0.5, (0.4, 0.6), controls, 0.51, {}, effects, np.zeros(3))
        assert compared.p_value == pytest.approx(11 / 20)
        assert compared.p_worse == 1.0
        assert compared.least_p_value == pytest.approx(11 / 20)  # 0.5 and 0.51 cannot be told apart


def test_pooling_needs_two_rows_and_keeps_the_null() -> None:
    """Maps that stand at random places are supported over ten rows no more often than 5 %."""
    model = linear([0.0] * 5 + [3.0] + [0.0] * 2)
    made = integrated_gradients(model, torch.ones(5, 8))
    assert verify(model, made[0], ["faithfulness"]).pooled == ()
    generator, supported = torch.Generator().manual_seed(1), 0
    for _ in range(20):
        moved = torch.stack([row[torch.randperm(8, generator=generator)] for row in made.values])
        supported += verify(model, claimed(made, moved), ["faithfulness"]).pooled[0].details["p_value"] <= 0.05
    assert supported <= 4
    assert pooled_finding([]) is None


def test_what_could_not_be_asked_is_untestable_and_weak_questions_show_nothing() -> None:
    def found(check: str, status: str) -> Finding:
        return Finding(check, status, None, 0.0, "", "")

    assert verdict([]) == "untestable"
    assert verdict([found("stability", "untestable"), found("completeness", "untestable")]) == "untestable"
    assert verdict([found("stability", "pass"), found("completeness", "untestable")]) == "not shown"
    assert verdict([found("deletion", "untestable"), found("insertion", "pass")]) == "untestable"
    assert verdict([found("randomization", "fail"), found("faithfulness", "warn")]) == "contradicted"
    assert verdict([found("randomization", "fail"), found("faithfulness", "pass")]) == "supported"
    another = Finding("randomization", "fail", None, 0.0, "", "", {"made_again": False})
    assert verdict([another, found("faithfulness", "pass")]) == "contradicted"


def test_remarks_stand_beside_the_verdict(planted: Model) -> None:
    found = verify(planted, integrated_gradients(planted, planted_image(), 1, baseline=0.4, steps=2))
    assert verdict(found.evidence[0]) == "supported"
    assert isinstance(remarks(found.evidence[0]), list)
