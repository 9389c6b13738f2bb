"""Numbers of maps that the field knows, each held to another implementation, and as findings beside controls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from captum.metrics import infidelity as captum_infidelity
from captum.metrics import sensitivity_max
from sklearn.metrics import roc_auc_score
from torch import nn

import xai
from benchmarks import map_numbers
from tests.evidence.planted import SIDE, Planted, planted_image, with_map
from xai.base.errors import InputError
from xai.evidence.infidelity import infidelity
from xai.evidence.max_sensitivity import max_sensitivity
from xai.evidence.non_sensitivity import non_sensitivity
from xai.evidence.sparseness import sparseness
from xai.methods import ASKED_CHECKS, CHECKS
from xai.results.explanation import Explanation

TRUE = torch.zeros(SIDE, SIDE)
TRUE[3:9, 2:8] = 1
DECOY = torch.zeros(SIDE, SIDE)
DECOY[11:17, 12:18] = 1
SEEN: list[torch.Tensor] = []  # what the network below was given
FOUR = ("pointing_game", "relevance_mass", "relevance_rank", "truth_auc")


@pytest.fixture
def planted() -> xai.Model:
    return xai.Model(Planted(), input=xai.ImageInput((1, SIDE, SIDE)))


class Bent(nn.Module):
    """A network of images of two channels that is no plane."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.layers = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(4 * 36, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        SEEN.append(x.detach().clone())
        return self.layers(x)


def bent() -> tuple[xai.Model, torch.Tensor]:
    torch.manual_seed(2)
    return xai.Model(Bent(), input=xai.TensorInput()), torch.rand(2, 2, 8, 8)


class TestTruth:
    def test_each_number_is_that_of_its_formula_and_of_scikit_learn(self, planted: xai.Model) -> None:
        heat = torch.randn(SIDE, SIDE, generator=torch.Generator().manual_seed(5)) + TRUE
        found = xai.verify(planted, replace(with_map(planted, heat)), [], truth=TRUE)
        values = {item.check: item.details["value"] for item in found.evidence[0]}
        wanted = [
            float(map_numbers.pointing_game(heat, TRUE)),
            map_numbers.relevance_mass(heat, TRUE),
            map_numbers.relevance_rank(heat, TRUE),
            roc_auc_score(TRUE.flatten(), heat.flatten()),
        ]
        # The map was made by saliency, which claims sizes.
        sized = [
            float(map_numbers.pointing_game(heat.abs(), TRUE)),
            map_numbers.relevance_mass(heat.abs(), TRUE),
            map_numbers.relevance_rank(heat.abs(), TRUE),
            roc_auc_score(TRUE.flatten(), heat.abs().flatten()),
        ]
        assert list(values) == list(FOUR)
        assert list(values.values()) == pytest.approx(sized, abs=1e-9)
        signed = Explanation.of(planted, planted_image(), heat[None, None], 1)
        found = xai.verify(planted, signed, [], truth=TRUE)
        assert [item.details["value"] for item in found.evidence[0]] == pytest.approx(wanted, abs=1e-9)

    def test_the_truth_passes_and_the_decoy_does_not(self, planted: xai.Model) -> None:
        smooth = torch.nn.functional.avg_pool2d(TRUE[None], 3, 1, 1)[0]
        right = xai.verify(planted, with_map(planted, smooth), ["faithfulness"], truth=TRUE)
        assert [item.check for item in right.evidence[0]] == ["faithfulness", *FOUR]
        assert [item.status for item in right.evidence[0][1:]] == ["pass"] * 4
        wrong = xai.verify(planted, with_map(planted, smooth), [], truth=DECOY)
        assert not any(item.status == "pass" for item in wrong.evidence[0])

    def test_a_truth_that_controls_lie_in_as_well_shows_nothing(self, planted: xai.Model) -> None:
        large = torch.ones(SIDE, SIDE)
        large[:2] = 0
        found = xai.verify(planted, with_map(planted, TRUE), [], truth=large)
        status = {item.check: item.status for item in found.evidence[0]}
        assert status["pointing_game"] == "untestable"

    def test_ties_count_by_what_a_random_order_would_give(self, planted: xai.Model) -> None:
        heat = torch.zeros(SIDE, SIDE)
        heat[3:9, 2:5] = 1  # half of the truth, nothing else
        values = [
            item.details["value"]
            for item in xai.verify(planted, with_map(planted, heat), [], truth=TRUE)[0].evidence[0]
        ]
        left = 18 / (400 - 18)  # of the units that tie at 0, those of the truth
        assert values == pytest.approx([1, 1, (18 + 18 * left) / 36, roc_auc_score(TRUE.flatten(), heat.flatten())])

    @pytest.mark.parametrize("form", ["one", "rows", "list", "channels", "bool"])
    def test_masks_come_in_every_form(self, planted: xai.Model, form: str) -> None:
        image = planted_image().repeat(2, 1, 1, 1)
        e = Explanation.of(planted, image, TRUE.expand(2, 1, SIDE, SIDE), 1)
        masks = {
            "one": TRUE.numpy(), "rows": TRUE.expand(2, SIDE, SIDE), "list": [TRUE, TRUE],
            "channels": TRUE.expand(2, 1, SIDE, SIDE), "bool": TRUE.bool(),
        }  # fmt: skip
        found = xai.verify(planted, e, [], truth=masks[form])
        assert [[item.details["value"] for item in row] for row in found.evidence] == [[1.0] * 4] * 2

    def test_columns_words_and_steps_have_a_truth_too(self) -> None:
        model = xai.Model(nn.Linear(9, 2))
        e = Explanation.of(model, torch.ones(2, 9), np.eye(9)[[4, 5]], 1)
        mask = torch.zeros(2, 9)
        mask[0, 4] = mask[1, 3] = 1
        found = xai.verify(model, e, [], truth=mask)
        assert [row[0].details["value"] for row in found.evidence] == [1.0, 0.0]
        assert found.evidence[0][0].status == "untestable"  # 9 places: no p-value below 1/9... and ties say how many
        text = xai.Model.from_callable(lambda texts: np.full((len(texts), 2), 0.5), input=xai.TextInput())
        e = Explanation.of(text, ["a b c", "d e"], [[1.0, 0, 0], [0, 1.0]], 1)
        found = xai.verify(text, e, [], truth=[[1, 0, 0], [1, 0]])
        assert [row[0].status for row in found.evidence] == ["untestable"] * 2

    @pytest.mark.parametrize(
        ("truth", "said"),
        [
            (torch.zeros(SIDE, SIDE), "some units within it and some outside, got none"),
            (torch.ones(SIDE, SIDE), "got all within it in row 0"),
            (2 * TRUE, "a mask of 0 and 1"),
            (TRUE[:5], r"a mask \(20, 20\) for row 0"),
            (torch.zeros(3, SIDE, SIDE), "one mask, or one for each of 1 rows"),
            ([TRUE, TRUE], "a mask for each of 1 rows, got 2"),
            ("mask", "truth: expected"),
        ],
    )
    def test_other_masks_are_refused(self, planted: xai.Model, truth: object, said: str) -> None:
        with pytest.raises(InputError, match=said):
            xai.verify(planted, with_map(planted, TRUE), [], truth=truth)


class TestInfidelity:
    @pytest.mark.parametrize("normalize", [True, False])
    def test_it_is_captums(self, normalize: bool) -> None:
        model, images = bent()
        e = xai.input_x_gradient(model, images, 1)
        SEEN.clear()
        found = infidelity(model, e, draws=12, normalize=normalize)
        seen = [batch for batch in SEEN if len(batch) == 12]
        assert len(seen) == 2
        for row, changed in enumerate(seen):
            image = images[row : row + 1]
            theirs = captum_infidelity(
                model.network, lambda x, image=image, changed=changed: (image - changed, changed), image,
                e.values[row : row + 1], target=1, n_perturb_samples=12, max_examples_per_batch=12,
                normalize=normalize,
            )  # fmt: skip
            assert found[row].details["value"] == pytest.approx(float(theirs), rel=1e-4, abs=1e-9)
            ours = map_numbers.infidelity(
                lambda batch: model.network(batch)[:, 1], images[row], e.values[row], images[row] - changed
            )
            if not normalize:
                assert found[row].details["value"] == pytest.approx(ours, rel=1e-5)

    def test_slopes_pass_and_others_do_not(self, planted: xai.Model) -> None:
        slope = with_map(planted, 2 * planted.network.weight.detach())
        (right,) = infidelity(planted, slope)
        assert (right.status, right.details["value"] < 1e-6) == ("pass", True)
        (wrong,) = infidelity(planted, with_map(planted, planted.network.weight.detach().roll((8, 9), (0, 1))))
        assert wrong.status in ("warn", "fail")

    def test_maps_without_a_value_for_each_number_are_untestable(self, planted: xai.Model) -> None:
        image = planted_image()
        coarse = Explanation.of(planted, image, torch.rand(1, 5, 5), 1)
        for e in (coarse, xai.saliency(planted, image, 1)):
            assert infidelity(planted, e)[0].status == "untestable"


class TestMaxSensitivity:
    def test_it_is_captums(self) -> None:
        model, images = bent()
        handed: list[torch.Tensor] = []

        def remake(model: xai.Model, inputs: torch.Tensor, target: list[int]) -> torch.Tensor:
            handed.append(inputs.clone())
            return xai.saliency(model, inputs, target).values

        e = Explanation.of(model, images, remake(model, images, [1, 1]), 1, claim="sensitivity", remake=remake)
        found = max_sensitivity(model, e, draws=6)
        changed = handed[-1].view(2, 6, 2, 8, 8)

        def again(x: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
            return (remake(model, x[0], [1] * len(x[0])),)

        def captums(row: int) -> torch.Tensor:
            return sensitivity_max(
                again, images[row : row + 1], perturb_func=lambda _: (changed[row],), n_perturb_samples=6
            )

        for row in range(2):
            theirs = captums(row)
            assert found[row].details["value"] == pytest.approx(float(theirs), rel=1e-5)
            assert found[row].status == "pass"

    def test_a_map_of_noise_does_not_pass_and_one_that_cannot_be_made_again_says_so(self, planted: xai.Model) -> None:
        image = planted_image()
        generator = torch.Generator().manual_seed(0)

        def noise(model: xai.Model, inputs: torch.Tensor, target: list[int]) -> torch.Tensor:
            return torch.randn(inputs.shape, generator=generator)

        e = Explanation.of(planted, image, noise(planted, image, [1]), 1, remake=noise)
        assert max_sensitivity(planted, e)[0].status in ("warn", "fail")
        (finding,) = max_sensitivity(planted, replace(e, remake=None))
        assert finding.status == "untestable"
        assert "remake" in finding.text


class TestNonSensitivity:
    def test_it_counts_the_parts_of_one_set_only(self) -> None:
        network = nn.Linear(10, 1, bias=False)
        weights = torch.tensor([1.0, -2, 3, 1, 2, 0, 0, 0, 0, 0])
        with torch.no_grad():
            network.weight.copy_(weights[None])
        model, rows = xai.Model(network, task="regression"), torch.ones(1, 10)
        (right,) = non_sensitivity(model, Explanation.of(model, rows, weights[None]))
        assert (right.status, right.details["value"], right.details["count"]) == ("pass", 0.0, 0)
        wrong = weights.clone()
        wrong[0], wrong[7] = 0, 4  # one left out, one too many
        (finding,) = non_sensitivity(model, Explanation.of(model, rows, wrong[None]))
        by_hand = sum((weights[i] == 0) != (wrong[i] == 0) for i in range(10))
        assert finding.details["count"] == int(by_hand) == 2
        (flipped,) = non_sensitivity(model, Explanation.of(model, rows, weights.flip(0)[None]))
        assert (flipped.status, flipped.details["value"]) == ("fail", 1.0)

    def test_a_map_that_gives_something_everywhere_is_untestable(self, planted: xai.Model) -> None:
        model = xai.Model(nn.Linear(10, 2))
        e = Explanation.of(model, torch.rand(1, 10) + 1, torch.rand(1, 10) + 1, 1)
        assert non_sensitivity(model, e)[0].status == "untestable"
        assert non_sensitivity(planted, with_map(planted, TRUE))[0].status == "pass"


class TestSparseness:
    def test_it_is_half_the_mean_difference_beside_the_mean(self) -> None:
        model, values = xai.Model(nn.Linear(30, 2)), torch.rand(1, 30, generator=torch.Generator().manual_seed(1))
        (finding,) = sparseness(model, Explanation.of(model, torch.ones(1, 30), values, 1))
        sizes = values[0].double().abs()
        wanted = (sizes[:, None] - sizes[None]).abs().mean() / (2 * sizes.mean())
        assert finding.details["value"] == pytest.approx(float(wanted), abs=1e-6)
        assert finding.status != "pass"  # more even than Gaussian noise is

    def test_few_places_pass_and_a_flat_map_fails(self, planted: xai.Model) -> None:
        assert sparseness(planted, with_map(planted, TRUE))[0].status == "pass"
        assert sparseness(planted, with_map(planted, 1 + 0.01 * TRUE))[0].status == "fail"
        assert sparseness(planted, with_map(planted, 0 * TRUE))[0].status == "warn"


def test_they_are_made_where_they_are_named_only(planted: xai.Model) -> None:
    assert {"infidelity", "max_sensitivity", "non_sensitivity", "sparseness", "attention"} <= set(ASKED_CHECKS)
    assert not set(ASKED_CHECKS) & set(CHECKS)
    e = xai.input_x_gradient(planted, planted_image(), 1)
    found = xai.verify(planted, e, list(ASKED_CHECKS), infidelity={"draws": 20})
    assert [item.check for item in found.evidence[0]] == list(ASKED_CHECKS)
    assert next(item for item in found.evidence[0] if item.check == "infidelity").details["draws"] == 20
    assert xai.verify(planted, e, [], seed=1).evidence == ((),)
    with pytest.raises(InputError, match="infidelity: expected keyword arguments among"):
        xai.verify(planted, e, ["infidelity"], infidelity={"depth": 2})
