"""Constraints by their formulas, what each does to an ascent, and the early stop."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.zoo import ZOO
from xai.base.errors import InputError
from xai.inputs.image import ImageInput
from xai.model.model import Model
from xai.visualization import constraints, objectives
from xai.visualization.ascent import visualize

GENERATOR = torch.Generator().manual_seed(8)


def steep_model(factor: float = 1.0) -> Model:
    """Return a linear network on 6 x 6 pixels; factor: how steep it is."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(36, 2, bias=False))
    with torch.no_grad():
        network[1].weight.copy_(factor * torch.randn(2, 36, generator=torch.Generator().manual_seed(0)))
    return Model(network, input=ImageInput((1, 6, 6)))


def ascend(model: Model, chosen: list[constraints.Constraint], **settings: object):
    settings = {"steps": 3, "optimizer": "gradient", "parameters": "pixels", "transforms": [], **settings}
    return visualize(model, objectives.logit(0), constraints=chosen, **settings)


def test_plain_ascent_is_the_gradient_added_up() -> None:
    """Without constraints three steps on a linear unit move every pixel by 3 x rate x weight."""
    model = steep_model()
    made = ascend(model, [], learning_rate=0.1, snapshots=(0,))
    moved = (made.image - made.snapshots[0])[0].flatten()
    assert torch.allclose(moved, 0.3 * model.network[1].weight[0], atol=1e-5)


def test_adam_moves_every_pixel_by_a_whole_rate_from_the_first_step_on() -> None:
    """Of a gradient that stays the same, mean over spread is its sign once both are put right for their start at 0."""
    model = steep_model()
    made = ascend(model, [], optimizer="adam", learning_rate=0.1, snapshots=(0,))
    moved = (made.image - made.snapshots[0])[0].flatten()
    assert torch.allclose(moved, 0.3 * model.network[1].weight[0].sign(), atol=1e-4)


def test_clipping_is_what_keeps_pixels_in_range() -> None:
    model = steep_model(30)
    assert ascend(model, []).image.max() > 1
    kept = ascend(model, [constraints.clipped()]).image
    assert kept.min() >= 0
    assert kept.max() <= 1


def test_a_bounded_step_is_bounded() -> None:
    made = ascend(steep_model(100), [constraints.bounded_step(0.5)], steps=1, learning_rate=0.1, snapshots=(0,))
    assert float((made.image - made.snapshots[0]).abs().max()) == pytest.approx(0.05, abs=1e-6)


def test_a_normalized_gradient_does_not_depend_on_how_steep_the_unit_is() -> None:
    chosen = [constraints.normalized_gradient()]
    flat, steep = (ascend(steep_model(factor), chosen).image for factor in (0.01, 100))
    assert torch.allclose(flat, steep, atol=1e-5)
    plain = (ascend(steep_model(factor), []).image for factor in (0.01, 100))
    assert not torch.allclose(*plain, atol=1e-2)
    change = constraints.normalized_gradient().gradient(torch.randn(4, 2, 5, 5, generator=GENERATOR))
    assert torch.allclose(change.flatten(1).pow(2).mean(1), torch.ones(4), atol=1e-5)


def test_a_blurred_gradient_is_smoother_with_the_same_sum() -> None:
    noise = torch.randn(1, 1, 24, 24, generator=GENERATOR)
    noise[..., :6], noise[..., -6:], noise[..., :6, :], noise[..., -6:, :] = 0, 0, 0, 0
    blurred = constraints.blurred_gradient(1.0).gradient(noise)
    assert float(blurred.sum()) == pytest.approx(float(noise.sum()), abs=1e-3)
    assert blurred.diff().abs().mean() < 0.5 * noise.diff().abs().mean()
    with pytest.raises(InputError, match="images"):
        constraints.blurred_gradient().gradient(torch.zeros(1, 4))


def test_penalties_are_their_formulas() -> None:
    image = torch.tensor([[[[0.0, 1.0], [0.5, 0.25]]]])
    across, down = (1.0 + 0.25) / 2, (0.5 + 0.75) / 2
    assert float(constraints.total_variation(2.0).penalty(image)) == pytest.approx(2 * (across + down))
    assert float(constraints.l2(4.0).penalty(image)) == pytest.approx(4 * (0.25 + 0.25 + 0.0 + 0.0625) / 4)
    series = torch.tensor([[[0.0, 5.0], [1.0, 5.0]]])  # (1, 2 steps, 2 columns)
    assert float(constraints.total_variation(1.0).penalty(series)) == pytest.approx(0.5 + (5 + 4) / 2)


def test_neighbors_are_pixels_of_a_channel_and_all_of_a_series() -> None:
    images = torch.rand(2, 3, 4, 5, generator=GENERATOR)
    down, across = images.diff(dim=2).abs().mean((1, 2, 3)), images.diff(dim=3).abs().mean((1, 2, 3))
    assert torch.allclose(constraints.total_variation(2.0).penalty(images), 2 * (down + across))
    series = torch.rand(2, 6, 3, generator=GENERATOR)
    steps, channels = series.diff(dim=1).abs().mean((1, 2)), series.diff(dim=2).abs().mean((1, 2))
    assert torch.allclose(constraints.total_variation(1.0).penalty(series), steps + channels)


def test_penalties_pull() -> None:
    model = ZOO["plain"]()
    unit = objectives.channel("conv2", 0)

    def made(*chosen: constraints.Constraint) -> torch.Tensor:
        settings = {"steps": 80, "parameters": "pixels", "transforms": []}
        return visualize(model, unit, constraints=[*constraints.default(), *chosen], **settings).image

    free, smooth, gray = made(), made(constraints.total_variation(3.0)), made(constraints.l2(20.0))
    assert smooth.diff(dim=3).abs().mean() < 0.5 * free.diff(dim=3).abs().mean()
    assert (gray - 0.5).abs().mean() < 0.3 * (free - 0.5).abs().mean()


@pytest.mark.parametrize(
    "make", [constraints.bounded_step, constraints.blurred_gradient, constraints.l2, constraints.total_variation]
)
def test_strengths_that_cannot_be(make) -> None:
    for value in (0, -1, "much", float("nan")):
        with pytest.raises(InputError, match="expected"):
            make(value)


def test_it_stops_on_a_plateau_each_input_by_itself() -> None:
    """A unit that is at its bound after 20 steps stops early; one that still rises goes on."""
    model = steep_model()
    fast = objectives.logit(0)
    slow = objectives.logit(1) * 1.0
    settings = {"steps": 400, "parameters": "pixels", "transforms": [], "patience": 20}
    made = visualize(model, [fast, slow], **settings)
    stops = [row["stopped"] for row in made.diagnostics]
    assert all(40 <= stop < 200 for stop in stops)
    best = model.network[1].weight.clamp_min(0).sum(1)
    assert torch.allclose(made.reached, best, atol=1e-3)
    for row, stop in enumerate(stops):
        assert torch.equal(made.activations[row, stop:], made.activations[row, stop - 1].expand(400 - stop))
    alone = visualize(model, fast, **settings)
    assert torch.equal(alone.image[0], made.image[0])
    still = visualize(model, fast, **{**settings, "learning_rate": 2e-4})
    assert still.diagnostics[0]["stopped"] == 400


def test_without_patience_it_runs_to_the_end() -> None:
    made = visualize(ZOO["plain"](), objectives.logit(0), steps=30)
    assert made.diagnostics[0]["stopped"] == 30
