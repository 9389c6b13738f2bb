"""Volumes (N, C, D, H, W): cut into cubes, put to the test, and drawn as slices."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

import xai
from xai.base.errors import InputError
from xai.evidence.verdict import verdict
from xai.evidence.windows import windows_of

SIDE = 8


class Corner(nn.Module):
    """Scores that rest on two of the corners: one speaks for class 1, the other a little against it."""

    def forward(self, volumes: Tensor) -> Tensor:
        score = 6 * volumes[:, 0, :3, 5:, :3].mean((1, 2, 3)) - 2 * volumes[:, 0, 5:, :3, 5:].mean((1, 2, 3))
        return torch.stack([-score, score], 1)


@pytest.fixture(scope="module")
def model() -> xai.Model:
    return xai.Model(Corner(), classes=["no", "yes"])


@pytest.fixture(scope="module")
def volumes() -> Tensor:
    return torch.rand(2, 1, SIDE, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def verdicts(model: xai.Model, explanation: xai.Explanation) -> list[str]:
    return [verdict(row) for row in xai.verify(model, explanation, ["faithfulness"]).evidence]


def test_a_right_map_is_supported_its_negative_contradicted_and_a_moved_one_neither_supported(
    model: xai.Model, volumes: Tensor
) -> None:
    right = xai.input_x_gradient(model, volumes, 1)
    assert verdicts(model, right) == ["supported", "supported"]
    assert verdicts(model, replace(right, values=-right.values)) == ["contradicted", "contradicted"]
    moved = replace(right, values=right.values.roll((4, 4), (2, 4)))
    assert "supported" not in verdicts(model, moved)


def test_maps_of_cubes_are_tested_in_their_own_cubes(model: xai.Model, volumes: Tensor) -> None:
    made = xai.kernel_shap(model, volumes, 1, samples=400)
    assert made.segments is not None
    assert made.segments[0].unique().numel() == 64
    assert verdicts(model, made) == ["supported", "supported"]


def test_maps_from_elsewhere_are_those_of_voxels(model: xai.Model, volumes: Tensor) -> None:
    right = xai.input_x_gradient(model, volumes, 1)
    for values in (right.values, right.values[:, 0], right.values.movedim(1, -1)):
        found = xai.Explanation.of(model, volumes, values, 1, claim="additive", baseline=0.0)
        torch.testing.assert_close(found.heatmap(), right.heatmap())
    assert verdicts(model, found) == ["supported", "supported"]
    with pytest.raises(InputError, match=r"or a map \(D, H, W\)"):
        xai.Explanation.of(model, volumes, volumes.flatten(1), 1)


def test_sensitivities_are_not_held_against_what_is_lost_without_a_part(model: xai.Model, volumes: Tensor) -> None:
    found = xai.verify(model, xai.saliency(model, volumes, 1), ["faithfulness"])
    assert all("what noise in them does" in row[0].text for row in found.evidence)
    assert not any("absent means" in row[0].text for row in found.evidence)


def test_windows_are_cubes_of_one_size() -> None:
    windows = windows_of((12, 12, 12))
    assert windows.unique().numel() == 27
    assert torch.equal(windows[:4, :4, :4], torch.zeros(4, 4, 4, dtype=torch.long))
    assert set(windows.flatten().bincount().tolist()) == {64}


def test_occlusion_hides_cubes_with_all_channels(volumes: Tensor) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(2 * SIDE**3, 2)).double()
    both = volumes.expand(-1, 2, -1, -1, -1).double()
    found = xai.occlusion(xai.Model(network), both, 1, window=4, stride=4).values
    parts = (network[1].weight[1].view(1, 2, SIDE, SIDE, SIDE) * both).sum(1)  # of a linear network each cube's sum
    cubes = parts.unfold(1, 4, 4).unfold(2, 4, 4).unfold(3, 4, 4).sum((4, 5, 6))
    expected = cubes.repeat_interleave(4, 1).repeat_interleave(4, 2).repeat_interleave(4, 3)
    torch.testing.assert_close(found, expected[:, None].expand_as(found) / 2)  # its two channels share it


def test_their_maps_keep_three_sides_and_are_drawn_as_slices_through_the_largest_value(
    model: xai.Model, volumes: Tensor
) -> None:
    layers = nn.Conv3d(1, 2, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(2, 2)
    coarse = xai.gradcam(xai.Model(nn.Sequential(*layers)), volumes)
    torch.testing.assert_close(coarse.heatmap(), coarse.values)
    made = xai.input_x_gradient(model, volumes[:1], 1)
    drawn = made.plot()
    at = int(made.heatmap()[0].abs().argmax())
    depth, row, column = at // SIDE**2, at // SIDE % SIDE, at % SIDE
    titles = [axes.get_title() for axes in drawn.axes[:3]]
    assert titles == [f"side {side}, slice {number + 1} of 8" for side, number in enumerate((depth, row, column), 1)]
    assert "three slices" in made._repr_html_()
