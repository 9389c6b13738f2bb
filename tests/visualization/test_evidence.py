"""What is said of a visualization, and that it is said of the right ones."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.zoo import ZOO
from xai.inputs.image import ImageInput
from xai.model.model import Model
from xai.visualization import objectives
from xai.visualization.ascent import visualize
from xai.visualization.findings import beats_noise, compare_with_real, seeds_agree, survives_changes

REAL = torch.linspace(0, 1, 101)


@pytest.mark.parametrize(
    ("reached", "moved", "status"),
    [(2.0, 2.0, "pass"), (2.0, 0.97, "warn"), (0.98, 0.97, "warn"), (2.0, 0.3, "fail"), (0.5, 0.4, "fail")],
)
def test_statuses(reached: float, moved: float, status: str) -> None:
    finding = compare_with_real("unit", reached, moved, REAL, REAL, "crops of 4 photographs")
    assert finding.status == status
    assert finding.details["best"] == [100, 99, 98]
    assert finding.details["worst"] == [0, 1, 2]
    assert "101 crops of 4 photographs" in finding.control
    assert "101 crops of 4 photographs" in finding.text
    assert "%" not in finding.text  # counts: no finer than the set allows


def test_what_cannot_be_told() -> None:
    finding = compare_with_real("unit", 0.0, 0.0, torch.zeros(30), torch.zeros(30))
    assert finding.status == "untestable"
    assert "dead" in finding.text
    few = compare_with_real("unit", 9.0, 9.0, REAL[:19], REAL[:19])
    assert few.status == "untestable"
    assert "too few" in few.text


@pytest.mark.parametrize(("transformed", "status"), [(9.0, "pass"), (6.1, "pass"), (5.9, "fail"), (1.0, "fail")])
def test_what_is_lost_by_a_small_change_is_adversarial(transformed: float, status: str) -> None:
    finding = survives_changes("unit", 2.0, 10.0, transformed)
    assert finding.status == status
    assert finding.score == pytest.approx((transformed - 2) / 8)
    assert ("Adversarial" in finding.text) == (status == "fail")
    assert survives_changes("unit", 2.0, 1.0, 1.0).status == "untestable"


def test_noise_that_does_as_well_makes_it_uninterpretable() -> None:
    assert beats_noise("unit", 1.5, REAL).status == "pass"
    finding = beats_noise("unit", 0.9, REAL)
    assert finding.status == "fail"
    assert finding.text.startswith("Uninterpretable")


@pytest.mark.parametrize(("weight", "status"), [(0.0, "untestable"), (0.01, "warn")])
def test_a_dead_unit_is_not_above_noise(weight: float, status: str) -> None:
    """At -50 whatever comes in: behind its ReLU it is always 0, though an ascent still raises it by a hundredth."""
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 36, 2))
    with torch.no_grad():
        network[0].weight.fill_(weight)
        network[0].bias.fill_(-50.0)
    model = Model(network, input=ImageInput((1, 8, 8)))
    finding = visualize(model, objectives.channel("0", 1), steps=20).finding("noise")
    assert finding.status == status
    assert "dead unit" in finding.text
    assert "above the maximum" not in finding.text
    minimized = visualize(model, -objectives.channel("0", 1), steps=2).finding("noise")
    assert "behind a ReLU" not in minimized.text


def test_seeds_agree_where_units_differ() -> None:
    generator = torch.Generator().manual_seed(0)
    base = torch.randn(4, 30, generator=generator)
    alike = [base[unit] + 0.1 * torch.randn(3, 30, generator=generator) for unit in range(4)]
    assert seeds_agree("unit", alike[0], alike[1:]).status == "pass"
    apart = torch.randn(3, 30, generator=generator)
    assert seeds_agree("unit", apart, alike[1:]).status == "fail"
    assert seeds_agree("unit", apart, []).status == "untestable"


class Fragile(nn.Module):
    """One channel looks for a smooth blob, one for a checkerboard that a shift destroys, one is dead, one is loud."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        grid = torch.arange(16)
        board = ((grid[:, None] + grid) % 2 * 2.0 - 1.0).to(x)
        blob = torch.exp(-((grid - 7.5) ** 2)[:, None] / 30 - (grid - 7.5) ** 2 / 30).to(x) - 0.5
        x = x[:, 0] - 0.5
        noise = x.diff(dim=2).abs().mean((1, 2)).clamp_max(0.05)
        return torch.stack([(x * blob).mean((1, 2)), (x * board).mean((1, 2)), 0 * x[:, 0, 0], noise], 1)


def test_planted_units_get_what_is_true_of_them() -> None:
    model = Model(Fragile(), input=ImageInput((1, 16, 16)))
    smooth = torch.nn.functional.interpolate(
        torch.rand(40, 1, 4, 4, generator=torch.Generator().manual_seed(1)), 16, mode="bilinear"
    )
    units = [objectives.logit(number) for number in range(4)]
    settings = {"steps": 60, "parameters": "pixels", "reference": smooth}
    still = visualize(model, units, transforms=[], **settings)
    moved = visualize(model, units, **settings)
    assert moved.finding("real_images", 0).status == "pass"
    assert moved.finding("small_changes", 0).status == "pass"
    assert moved.finding("noise", 0).status == "pass"
    for made in (still, moved):  # also where the ascent itself had no small changes
        assert made.finding("small_changes", 1).status == "fail"
        assert "Adversarial" in made.finding("small_changes", 1).text
    assert float(still.reached[1]) == pytest.approx(0.5, abs=1e-3)  # and without them it finds the checkerboard
    assert still.finding("real_images", 2).status == "untestable"
    assert "dead" in still.finding("real_images", 2).text
    assert moved.finding("noise", 3).status == "fail"
    assert "Uninterpretable" in moved.finding("noise", 3).text


def test_the_size_of_the_reference_may_be_another() -> None:
    model = Model(
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()), input=ImageInput((1, 12, 12))
    )
    made = visualize(
        model, objectives.channel("0", 1), steps=3, size=20, reference=torch.rand(21, 1, 20, 20), source="crops"
    )
    assert "21 crops" in made.finding("real_images").text


def test_copies_differ_and_carry_their_agreement() -> None:
    model = ZOO["plain"]()
    units = [objectives.channel("conv2", number) for number in range(3)]
    made = visualize(model, units, steps=10, copies=3)
    assert made.objective == tuple(unit.name for unit in units for _ in range(3))
    assert not torch.equal(made.image[0], made.image[1])
    finding = made.finding("seeds", 4)
    assert finding.status in ("pass", "fail")
    assert finding.details["copies"] == 3
    assert visualize(model, units[0], steps=4).finding("seeds") is None


def test_diversity_makes_copies_differ() -> None:
    """Two copies that are pushed apart are less alike in the layer than two that are not; one alone cannot be."""
    from xai.base.errors import InputError

    model = ZOO["plain"]()
    unit, apart = objectives.channel("conv2", 1), objectives.diversity("conv1")

    def alike(objective: objectives.Objective) -> float:
        made = visualize(model, objective, steps=60, copies=3, transforms=[])
        with torch.no_grad():
            maps = model.network.conv1(model.input.feed(made.image)).flatten(2)
        gram = torch.einsum("ncp,ndp->ncd", maps, maps).flatten(1)
        return float(torch.corrcoef(gram).triu(1).sum() / 3)

    assert alike(unit + 3 * apart) < alike(unit)
    with pytest.raises(InputError, match="at least 2 for diversity"):
        visualize(model, unit + apart, steps=2)
