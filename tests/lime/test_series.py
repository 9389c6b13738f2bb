"""LIME on series: stretches of time, exact on a linear network."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from xai.base.errors import InputError
from xai.evidence.deletion import deletion
from xai.evidence.recompute import recompute
from xai.inputs.series import SequenceInput
from xai.lime.image import lime_image
from xai.lime.series import lime_series
from xai.model.model import Model


def test_a_stretch_is_worth_what_it_adds() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(14, 1)).double()
    series = torch.randn(2, 7, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    model = Model(network, task="regression")
    e = lime_series(model, series, window=3, fill="zero", samples=200, penalty=0.0, of="output")
    worth = (network[1].weight.detach().view(7, 2) * series).sum(2)
    for row in range(2):
        expected = [float(worth[row, start : start + 3].sum()) for start in (0, 3, 6)]
        assert e.values[row].tolist() == pytest.approx(expected, abs=1e-5)
    assert e.value_names() == ["0 to 2", "3 to 5", "6 to 6"]
    assert torch.equal(recompute(model, e).values[1], e.values[1])


@pytest.mark.parametrize("settings", [{"window": 0}, {"window": 8}, {"window": 1.5}, {"fill": "nothing"}], ids=str)
def test_what_cannot_be_is_named(settings: dict) -> None:
    model = Model(nn.Sequential(nn.Flatten(), nn.Linear(14, 2)))
    with pytest.raises(InputError, match=r"lime_series: .*expected"):
        lime_series(model, torch.zeros(1, 7, 2), samples=20, **settings)


def test_a_fill_given_as_numbers_is_kept_for_the_checks() -> None:
    """It is what deletion hides by, and what a recomputation fills in."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Model(nn.Sequential(nn.Flatten(), nn.Linear(20, 1, bias=False)), task="regression")
    series = torch.randn(1, 20, 1, generator=torch.Generator().manual_seed(1))
    fill = torch.full((20, 1), 7.0)
    made = lime_series(model, series, fill=fill, of="output", samples=400)
    assert torch.equal(made.background, fill[None, None])
    assert torch.equal(recompute(model, made).values[0], made.values[0])
    (found,) = deletion(model, made)
    assert "its baseline" in str(found.to_dict())


def test_a_fill_of_an_image_is_kept_too() -> None:
    model = Model(nn.Sequential(nn.Flatten(), nn.Linear(64, 2)))
    image, fill = torch.rand(1, 1, 8, 8), torch.rand(1, 8, 8)
    made = lime_image(model, image, fill=fill, samples=60)
    assert torch.equal(made.background, fill[None, None])
    assert torch.equal(recompute(model, made).values[0], made.values[0])


class Summed(nn.Module):
    """The sum of all numbers, and 10 for each step that is no padding."""

    def forward(self, series: torch.Tensor) -> torch.Tensor:
        steps = (series != 0).any(2).sum(1, keepdim=True)
        return series.sum((1, 2))[:, None] + 10.0 * steps


@pytest.mark.parametrize(("fill", "absent"), [("mean", 3.0), ("zero", 0.0), (2.0, 2.0)])
@pytest.mark.parametrize(("window", "names"), [(1, ["0", "1", "2"]), (2, ["0 to 1", "2 to 2"])])
def test_padding_is_no_part_stays_padding_and_counts_in_no_mean(
    fill: object, absent: float, window: int, names: list[str]
) -> None:
    model = Model(Summed(), task="regression", input=SequenceInput(["a"], 6))
    steps = [1.0, 3.0, 5.0]
    short, long = torch.tensor(steps)[:, None], torch.arange(1.0, 7.0)[:, None]
    found = lime_series(model, [short, long], window=window, fill=fill, samples=60, penalty=0.0, of="output")
    assert found[0].value_names() == names
    worth = [sum(step - absent for step in steps[start : start + window]) for start in range(0, 3, window)]
    assert found.values[0].tolist() == pytest.approx(worth, abs=1e-3)
    assert len(found.values[1]) == 6 // window
    assert found.segments is not None
    assert found.segments[0, 3:].tolist() == [0, 0, 0]
