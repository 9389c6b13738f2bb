"""Checks of explanations against rows of data, several baselines, or a baseline that was given as numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from xai.attribution.gradient_methods import integrated_gradients, saliency
from xai.attribution.occlusion import occlusion
from xai.attribution.sampled_gradients import gradient_shap
from xai.attribution.shapley import kernel_shap
from xai.evidence.deletion import deletion
from xai.evidence.insertion import insertion
from xai.evidence.noise_scale import noise_scale_of as _scale
from xai.evidence.recompute import recompute
from xai.evidence.similarity import alike
from xai.evidence.stability import stability
from xai.evidence.verdict import verdict
from xai.evidence.verify import verify
from xai.inputs.image import ImageInput
from xai.inputs.series import SequenceInput
from xai.inputs.table import TabularInput
from xai.lime.tabular import lime_tabular
from xai.lime.training_summary import TrainingSummary
from xai.model.model import Model
from xai.results.explanation import Explanation

WEIGHTS = torch.linspace(-2, 2, 10)
METHODS = pytest.mark.parametrize("method", [kernel_shap, gradient_shap])


def rows(count: int, *shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed))


def linear(weights: torch.Tensor, **settings: object) -> Model:
    network = nn.Linear(len(weights), 1, bias=False)
    with torch.no_grad():
        network.weight.copy_(weights[None])
    return Model(network, task="regression", **settings)


@METHODS
@pytest.mark.parametrize("background", [rows(40, 10) + 30, ["zero", 60.0], [60.0, 0.0]])
def test_what_is_hidden_is_the_middle_of_the_background(method: object, background: object) -> None:
    """Of a linear network, the values and the effect of hiding a unit are both weight times (value - middle)."""
    model, row = linear(WEIGHTS), rows(1, 10, seed=1) + 30
    middle = background.mean(0) if isinstance(background, torch.Tensor) else torch.full((10,), 30.0)
    made = method(model, row, background=background, **({} if method is kernel_shap else {"samples": 4000}))
    exact = replace(made, values=WEIGHTS * (row - middle)) if method is gradient_shap else made
    (removed,), (shown,) = deletion(model, exact), insertion(model, exact)
    assert (removed.status, shown.status) == ("pass", "pass")
    whole, nothing = float(row @ WEIGHTS), float(middle @ WEIGHTS)
    assert removed.details["curve"][0] == pytest.approx(whole, abs=1e-3)
    assert shown.details["curve"][0] == pytest.approx(nothing, abs=1e-3)
    assert "middle of" in removed.details["fill"]
    kinds = [finding.status for finding in verify(model, made, ["randomization", "cascade"]).evidence[0]]
    assert "untestable" not in kinds


def test_a_hidden_category_is_the_most_frequent_one() -> None:
    names = [f"f{number}" for number in range(9)]
    model = linear(WEIGHTS, input=TabularInput([*names, "kind"], {"kind": ["a", "b", "c"]}))
    data = torch.cat([rows(9, 9), torch.tensor([0.0, 2, 2, 1, 2, 0, 2, 1, 1])[:, None]], 1)
    row = torch.cat([rows(1, 9, seed=1), torch.ones(1, 1)], 1)
    (finding,) = insertion(model, kernel_shap(model, row, background=data))
    typical = torch.cat([data[:, :9].mean(0), torch.tensor([2.0])])
    assert finding.details["curve"][0] == pytest.approx(float(typical @ WEIGHTS), abs=1e-4)


class Bowl(nn.Module):
    """The sum of a_j x_j², whose Shapley values against rows b are a_j (x_j² - mean b_j²): extremes count."""

    weights = torch.tensor([3.0, -2.0, 2.0, -1.0, 1.0, 0.5])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x**2 @ self.weights)[:, None]


@METHODS
def test_rows_stand_for_absent_in_turn_and_not_their_middle(method: object) -> None:
    model, data, batch = Model(Bowl(), task="regression"), rows(60, 6), rows(3, 6, seed=1) / 2
    made = method(model, batch, 0, background=data, **({"samples": 600} if method is gradient_shap else {}))
    exact = Bowl.weights * (batch**2 - (data**2).mean(0))
    found = verify(model, replace(made, values=exact), ["faithfulness"])
    assert [finding.status for (finding,) in found.evidence] == ["pass"] * 3
    assert found.evidence[0][0].details["replacement"] == "60 rows of data, in turn"
    alone = verify(model, replace(made, values=exact)[2], ["faithfulness"])
    assert alone.evidence[0][0].score == pytest.approx(found.evidence[2][0].score, abs=1e-6)  # whatever its company
    middle = replace(made, values=Bowl.weights * (batch**2 - data.mean(0) ** 2))
    assert verify(model, middle, ["faithfulness"]).pooled[0].status != "pass"


@pytest.mark.parametrize("bins", ["quartile", None])
def test_lime_is_held_against_what_its_weights_say(bins: str | None) -> None:
    """Of bins what a match is worth, beside samples that do not match; slopes times how far a row is from the mean."""
    model, data, batch = linear(Bowl.weights), rows(300, 6), rows(3, 6, seed=1)
    summary = TrainingSummary.of(data, names=list("abcdef"), bins=bins)
    made = lime_tabular(model, batch, 0, background=summary, samples=2000)
    (found,) = verify(model, made, ["faithfulness"]).pooled
    turned = replace(made, values=[-weights for weights in made.values])
    assert (found.status, verify(model, turned, ["faithfulness"]).pooled[0].status) == ("pass", "fail")


def test_the_right_map_of_weights_of_one_sign_is_not_contradicted() -> None:
    """Shuffled or not, such a network gives more to what is larger: both maps share the sign of input minus absent."""
    model, batch = linear(torch.linspace(0.2, 2, 16)), rows(4, 16, seed=3)
    found = verify(model, integrated_gradients(model, batch), ["faithfulness", "randomization"])
    assert [verdict(row) for row in found.evidence] == ["supported"] * 4
    assert [row[1].status for row in found.evidence] == ["pass"] * 4


def test_a_baseline_given_as_numbers_is_what_is_hidden_by() -> None:
    model, row = linear(WEIGHTS), rows(1, 10, seed=1) + 50
    made = integrated_gradients(model, row, baseline=torch.full((10,), 50.0))
    assert [check(model, made)[0].status for check in (deletion, insertion)] == ["pass", "pass"]
    assert insertion(model, made)[0].details["curve"][0] == pytest.approx(50 * float(WEIGHTS.sum()), abs=1e-3)


@METHODS
def test_series_and_images(method: object) -> None:
    weights = torch.linspace(-1, 1, 24)
    network = nn.Sequential(nn.Flatten(), nn.Linear(24, 2))
    with torch.no_grad():
        network[1].weight.copy_(torch.stack([weights, -weights]))
    for model, batch in (
        (Model(network, input=SequenceInput(["a", "b"], 12)), rows(3, 12, 2)),
        (Model(network, input=ImageInput((1, 4, 6))), rows(3, 1, 4, 6).sigmoid()),
    ):
        for behind in (batch, ["zero", "mean"]):
            settings = {"segments": "grid"} if batch.ndim == 4 and method is kernel_shap else {}
            made = verify(model, method(model, batch[:1], 1, background=behind, samples=300, **settings))
            assert all(finding.text for finding in made.evidence[0])


@METHODS
def test_numbers_that_were_given_make_it_again(method: object, tmp_path: Path) -> None:
    model, batch, data = linear(WEIGHTS), rows(3, 10, seed=1), rows(12, 10)
    made = method(model, batch, background=data)
    data.zero_()  # what the caller does with it later does not matter
    again = Explanation.load(made.save(tmp_path / "made.safetensors"))
    assert torch.equal(torch.stack(list(recompute(model, again).values)), torch.stack(list(made.values)))
    assert torch.equal(recompute(model, made[1]).values[0], made.values[1])


def test_a_baseline_per_row_stays_with_its_row() -> None:
    model, batch, start = linear(WEIGHTS), rows(3, 10, seed=1), rows(3, 10)
    made = integrated_gradients(model, batch, baseline=start)
    assert torch.equal(made[2].background, start[None, 2:])
    assert torch.allclose(recompute(model, made[2]).values, made.values[2:])
    assert torch.allclose(recompute(model, made).values, made.values)
    assert [finding.status for finding in stability(model, made, noise=1e-5)] == ["pass"] * 3
    assert integrated_gradients(model, batch, baseline=start[0])[2].background.shape == (1, 1, 10)


def noise_of(made: Explanation, model: Model) -> str:
    return str(stability(model, made)[0].details["noise"])


def test_the_noise_of_a_table_is_measured_in_what_the_columns_spread() -> None:
    """A column far from 0 that hardly varies: 2 % of its value is far more noise than 2 % of its spread."""
    model = linear(WEIGHTS.abs() + torch.linspace(1, 2, 10))
    few, many = rows(3, 10) + 1000, rows(21, 10) + 1000
    behind = gradient_shap(model, few, background=rows(40, 10) + 1000)
    assert noise_of(behind, model) == "2 % of a column's standard deviation in its background"
    table = TabularInput(list("abcdefghij"), std=[1.0] * 10)
    declared = linear(WEIGHTS.abs() + torch.linspace(1, 2, 10), input=table)
    said = "2 % of a column's standard deviation, as the model's input says"
    assert noise_of(saliency(declared, few), declared) == said
    assert noise_of(saliency(declared, many), declared) == said
    assert noise_of(saliency(model, many), model) == "2 % of a column's standard deviation in the explained rows"
    assert noise_of(saliency(model, few), model) == "2 % of each value"
    image = Model(nn.Sequential(nn.Flatten(), nn.Linear(64, 2)), input=ImageInput((1, 8, 8)))
    made = saliency(image, torch.rand(1, 1, 8, 8))
    (found,) = stability(image, made)
    assert "(2 % of the range of the input)" in found.text


def test_that_noise_has_the_spread_of_the_columns() -> None:
    model = linear(WEIGHTS.abs() + torch.linspace(1, 2, 10))
    behind = rows(400, 10) * torch.arange(1.0, 11.0) + 1000
    made = gradient_shap(model, rows(2, 10) + 1000, background=behind)
    with model.explaining("stability", made.inputs, list(made.target), seed=0) as session:
        scale, _ = _scale(session, made)
    torch.testing.assert_close(scale[0], behind.std(0))
    assert torch.equal(scale[0], scale[1])


@pytest.mark.parametrize("count", [3, 30])
def test_what_does_not_vary_still_gets_noise(count: int) -> None:
    """Without noise any map would be stable."""
    model, batch = linear(WEIGHTS), rows(count, 10, seed=1)
    single = integrated_gradients(model, batch, baseline=torch.zeros(10))
    each = integrated_gradients(model, batch, baseline=torch.zeros(count, 10))
    same = kernel_shap(model, batch, background=torch.zeros(2, 10))
    half = kernel_shap(model, batch, background=torch.cat([torch.zeros(4, 5), rows(4, 5)], 1))
    for made in (single, each, same, half):
        with model.explaining("stability", made.inputs, list(made.target)) as session:
            scale, unit = _scale(session, made)
        assert bool((scale > 0).all())
        whose = "its background" if made is half else "the explained rows" if made is not same and count > 20 else None
        assert unit == ("each value" if whose is None else f"a column's standard deviation in {whose}")
    torch.testing.assert_close(scale[:, :5], batch[:, :5].abs())
    torch.testing.assert_close(scale[0, 5:], rows(4, 5).std(0))


def test_gaps_and_flat_maps_have_no_share_in_what_is_taken_out() -> None:
    names = [f"c{number}" for number in range(10)]
    row = torch.linspace(-1, 1, 10)[None].clone()
    row[0, 3] = float("nan")

    class Filled(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nan_to_num(x, nan=0.3) @ WEIGHTS[:, None]

    model = Model(Filled(), task="regression", input=TabularInput(names, missing=names))
    (finding,) = verify(model, occlusion(model, row), ["randomization"]).evidence[0]
    assert finding.text
    ties = torch.stack([row[0].nan_to_num(0), row[0].nan_to_num(0).abs()])
    assert alike(torch.zeros(10), torch.linspace(0, 1, 10) ** 2, ties) == (0.0, 0.0)
