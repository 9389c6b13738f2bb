"""Deletion and insertion on images, tables, series and texts, against truths that are known."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
import torch
from torch import nn

from tests.evidence.planted import SIDE, Planted, planted_image, with_map
from xai.attribution.gradient_methods import integrated_gradients, saliency
from xai.attribution.occlusion import occlusion
from xai.base.errors import InputError
from xai.evidence.controls import assignments, control_maps, count_assignments, edge_filter
from xai.evidence.deletion import deletion
from xai.evidence.insertion import insertion
from xai.inputs.image import ImageInput
from xai.inputs.table import TabularInput
from xai.inputs.text import TextInput
from xai.lime.series import lime_series
from xai.lime.tabular import lime_tabular
from xai.lime.text import lime_text
from xai.model.model import Model
from xai.results.explanation import Explanation

BOTH = pytest.mark.parametrize("check", [deletion, insertion])


@BOTH
def test_of_a_map_that_claims_sizes_signs_say_nothing(check: object) -> None:
    model = linear([3.0, -1.0, 2.0, 0.5, 1.0, 4.0])
    made = saliency(model, torch.ones(1, 6))
    signs = torch.tensor([[1.0, -1.0, -1.0, 1.0, 1.0, -1.0]])
    (plain,), (signed,) = check(model, made), check(model, replace(made, values=made.values * signs))
    assert signed.score == plain.score
    assert signed.details["curve"] == plain.details["curve"]


@pytest.fixture
def model() -> Model:
    return Model(Planted(), input=ImageInput((1, SIDE, SIDE)))


def linear(weights: list[float], **settings: object) -> Model:
    """Return a regression that adds up weights times values."""
    network = nn.Linear(len(weights), 1, bias=False)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([weights]))
    return Model(network, task="regression", **settings)


class TestInsertion:
    def test_the_planted_mask_passes_and_wrong_maps_do_not(self, model: Model) -> None:
        truth = model.network.weight.detach().abs()
        (finding,) = insertion(model, with_map(model, truth))
        assert finding.status == "pass"
        assert finding.details["effect"] > max(finding.details["rivals"].values())
        for wrong in (truth.roll((8, 10), (0, 1)), truth.roll((10, 0), (0, 1)), edge_filter(planted_image()[0])):
            (finding,) = insertion(model, with_map(model, wrong))
            assert finding.status in ("fail", "warn")

    def test_it_is_deletions_mirror(self) -> None:
        """Of a sum of values, what is shown first and what is hidden first change the output by the same amounts."""
        model = linear([3.0, -1.0, 2.0, 0.5, 1.0])
        explanation = saliency(model, torch.ones(1, 5))
        (removed,), (shown,) = deletion(model, explanation), insertion(model, explanation)
        # By hand: the order is 3, 2, -1 (size 1 before or after the other 1), 1, 0.5 of a sum of 5.5.
        assert removed.details["curve"][:3] == pytest.approx([5.5, 2.5, 0.5])
        assert shown.details["curve"][:3] == pytest.approx([0.0, 3.0, 5.0])
        assert removed.details["effect"] == pytest.approx(shown.details["effect"])

    def test_one_of_two_copies_is_enough_but_not_needed(self) -> None:
        """The answer needs any one of two features: a map that marks one passes insertion, not deletion."""

        class Either(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return torch.maximum(x[:, 0], x[:, 1])[:, None]

        model = Model(Either(), task="regression")
        one = replace(saliency(model, torch.ones(1, 7)), values=torch.tensor([[7.0, 0.6, 1.0, 0.9, 0.8, 0.7, 0.5]]))
        assert deletion(model, one)[0].details["effect"] < insertion(model, one)[0].details["effect"]


@BOTH
class TestTables:
    weights = (4.0, 2.0, 1.0, 0.0, -1.0, -3.0)

    def test_the_p_value_is_that_of_every_order(self, check: object) -> None:
        """Enumerated by hand: the mean change of the output over all heads of all 720 orders."""
        model = linear(list(self.weights))
        values = torch.tensor([[1.0, 3.0, 2.0, 0.5, -1.0, -2.0]])
        explanation = replace(integrated_gradients(model, torch.ones(1, 6)), values=values)
        (finding,) = check(model, explanation)

        def effect(order: tuple[int, ...]) -> float:
            return sum(sum(self.weights[unit] for unit in order[:count]) for count in range(1, 6)) / 5

        own = effect(tuple(values[0].argsort(descending=True).tolist()))
        every = [effect(order) for order in permutations(range(6))]
        assert finding.details["effect"] == pytest.approx(own, rel=1e-5)
        share = sum(value >= own - 1e-9 for value in every) / len(every)
        assert finding.score == pytest.approx(share)
        assert finding.details["controls"] == 719

    def test_the_right_order_passes_and_the_reverse_fails(self, check: object) -> None:
        model = linear(list(self.weights))
        right = integrated_gradients(model, torch.ones(2, 6))
        assert [finding.status for finding in check(model, right)] == ["pass", "pass"]
        assert [finding.status for finding in check(model, replace(right, values=-right.values))] == ["fail", "fail"]

    def test_few_columns_are_untestable_and_the_least_p_is_said(self, check: object) -> None:
        model = linear([1.0, 2.0, 3.0])
        (finding,) = check(model, saliency(model, torch.ones(1, 3)))
        assert finding.status == "untestable"
        assert finding.details["least_p_value"] == pytest.approx(1 / 6)
        assert "0.17" in finding.text
        tied = linear([1.0, 1.0, 1.0, 1.0, 2.0])
        assert check(tied, saliency(tied, torch.ones(1, 5)))[0].status == "untestable"  # 5 ways only

    def test_many_columns_are_sampled(self, check: object) -> None:
        weights = torch.linspace(-1, 1, 30).tolist()
        model = linear(weights)
        (finding,) = check(model, integrated_gradients(model, torch.ones(1, 30)), controls=49)
        assert finding.status == "pass"
        assert finding.score == pytest.approx(1 / 50)

    def test_hidden_is_what_training_says(self, check: object) -> None:
        """A column at its training mean changes nothing when it is hidden; a category is replaced by the commonest."""
        generator = torch.Generator().manual_seed(0)
        columns = {"a": 5.0, "b": -2.0, "c": 0.0, "d": 1.0}
        data = torch.randn(200, 4, generator=generator) + torch.tensor(list(columns.values()))
        kinds = (torch.rand(200, 1, generator=generator) < 0.2).float()
        data = torch.cat([data, kinds], 1)
        table = TabularInput([*columns, "kind"], {"kind": ["no", "yes"]})
        model = linear([1.0, 1.0, 1.0, 1.0, 10.0], input=table)
        row = torch.tensor([[7.0, -1.0, 0.5, 0.0, 1.0]])
        explanation = lime_tabular(model, row, 0, background=data, samples=200, of="output")
        (finding,) = check(model, explanation)
        typical = torch.cat([data[:, :4].mean(0), torch.zeros(1)])
        whole, nothing = (float(model.predict(part)) for part in (row, typical[None]))
        start = finding.details["curve"][0]
        assert start == pytest.approx(whole if check is deletion else nothing, abs=1e-4)
        assert "training" in finding.details["fill"]

    def test_a_rows_finding_does_not_depend_on_the_batch(self, check: object) -> None:
        model = Model(nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 3)))
        explanation = integrated_gradients(model, torch.rand(3, 12, generator=torch.Generator().manual_seed(2)))
        together = check(model, explanation, controls=19)
        for row in range(3):
            (alone,) = check(model, explanation[row], controls=19)
            assert alone.score == together[row].score


@BOTH
class TestTextsAndSeries:
    def test_words_are_taken_out(self, check: object) -> None:
        seen: list[str] = []

        def sentiment(texts: list[str]) -> list[list[float]]:
            seen.extend(texts)
            score = [0.5 + 0.2 * text.count("good") - 0.1 * text.count("bad") for text in texts]
            return [[1 - value, value] for value in score]

        model = Model.from_callable(sentiment, input=TextInput())
        text = "a good film, bad plot, good end"
        explanation = lime_text(model, text, 1, samples=300)
        seen.clear()
        (finding,) = check(model, explanation)
        assert finding.status == "pass"
        assert any("good" not in part for part in seen)
        assert all(part.count(",") == 2 for part in seen)  # what is no word stays
        (finding,) = check(model, replace(explanation, values=[-explanation.values[0]]))
        assert finding.status == "fail"

    def test_numbers_of_words(self, check: object) -> None:
        """Word 2 alone counts; of a text given as numbers a place is a unit, and padding stays at the end."""

        class Count(nn.Module):
            def forward(self, ids: torch.Tensor) -> torch.Tensor:
                ends = (ids != 0).int().diff(dim=1)
                assert bool((ends <= 0).all())  # padding is only behind
                return ((ids == 2).sum(1) + 0.001 * (ids != 0).sum(1)).float()[:, None]

        model = Model(Count(), task="regression", input=TextInput(["good", "film", "plot"]))
        numbers = torch.tensor([[2, 3, 2, 4, 3, 4, 0, 0]])
        right = torch.tensor([[1.0, 0.1, 0.9, 0.2, 0.3, 0.05, 0.0, 0.0]])
        made = Explanation(
            "a_method", numbers, (0,), right, "tokens", model.predict(numbers), {}, model.digest(), diagnostics=({},)
        )
        assert check(model, made)[0].status == "pass"
        assert check(model, replace(made, values=-right))[0].status == "fail"

    def test_steps_of_a_series(self, check: object) -> None:
        class Late(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                score = 0.1 * (x * torch.linspace(-1, 1, x.shape[1])[:, None]).sum((1, 2))
                return torch.stack([-score, score], 1)

        model = Model(Late())
        series = torch.rand(1, 12, 2, generator=torch.Generator().manual_seed(0)).cumsum(1)
        for made in (
            lime_series(model, series, 1, window=2, samples=400),
            integrated_gradients(model, series, 1, baseline=series.mean(1, keepdim=True)),
        ):
            assert check(model, made)[0].status == "pass", made.method
            opposite = -made.values if isinstance(made.values, torch.Tensor) else [-part for part in made.values]
            assert check(model, replace(made, values=opposite))[0].status == "fail", made.method

    def test_what_cannot_be_hidden_is_untestable(self, check: object) -> None:
        model = Model(nn.Sequential(nn.Flatten(), nn.Linear(48, 2)))
        explanation = saliency(model, torch.rand(1, 1, 2, 2, 3, 4))
        assert check(model, explanation)[0].status == "untestable"


def test_fills_are_named(model: Model) -> None:
    explanation = occlusion(model, planted_image(), 1)
    assert deletion(model, explanation)[0].details["fill"] == "zero"  # its own baseline
    assert deletion(model, saliency(model, planted_image(), 1))[0].details["fill"] == "blur"
    assert deletion(model, explanation, fill="zero", controls=19)[0].details["fill"] == "zero"
    with pytest.raises(InputError, match="baseline: expected one of"):
        deletion(model, explanation, fill="nothing")


class TestAssignments:
    @pytest.mark.parametrize(
        "values", [[1.0, 2.0, 3.0], [0.0, 0.0, 1.0, 1.0], [5.0], [2.0, 2.0], [1.0, 0.0, 3.0, 0.0, 3.0]]
    )
    def test_each_once(self, values: list[float]) -> None:
        assert sorted(assignments(values)) == sorted(set(permutations(values)))
        assert count_assignments(torch.tensor(values)) == len(set(permutations(values)))

    def test_drawn_ones_keep_the_values_and_are_uniform(self) -> None:
        scores = torch.arange(12.0)
        drawn, _ = control_maps(scores, 2000, torch.Generator().manual_seed(0))
        assert torch.equal(drawn.sort(1).values, scores.expand(2000, -1))
        # Each value at each place 1 time in 12: 2000 / 12 = 167 with a deviation of 12; 5 deviations.
        counts = torch.stack([(drawn == value).sum(0) for value in scores])
        assert int((counts - 2000 / 12).abs().max()) < 62
