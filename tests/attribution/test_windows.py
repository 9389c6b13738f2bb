"""Occlusion windows along one, two and three axes, with strides of their own, against captum's."""

from __future__ import annotations

import pytest
import torch
from captum.attr import Occlusion
from torch import Tensor, nn

import xai
from xai.base.errors import InputError
from xai.evidence.recompute import recompute


def network(*shape: int) -> nn.Module:
    torch.manual_seed(1)
    width = int(torch.tensor(shape).prod())
    return nn.Sequential(nn.Flatten(), nn.Linear(width, 6), nn.Tanh(), nn.Linear(6, 2))


def rows(*shape: int) -> Tensor:
    return torch.randn(3, *shape, generator=torch.Generator().manual_seed(2))


CASES = [
    ((6,), (2,), (2,)), ((6,), (3,), (1,)),
    ((6, 4), (3, 2), (1, 2)), ((6, 4), (2, 4), (2, 4)),
    ((2, 6, 5), (2, 2, 3), (2, 2, 1)), ((2, 6, 5), (1, 4, 1), (1, 2, 1)),
    ((2, 4, 3, 5), (2, 2, 3, 1), (1, 2, 3, 1)), ((1, 4, 4, 4), (1, 2, 2, 2), (1, 2, 1, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "window", "stride"), CASES)
def test_windows_over_all_axes_are_captums(shape: tuple, window: tuple, stride: tuple) -> None:
    net, batch = network(*shape), rows(*shape)
    model = xai.Model(net)
    theirs = Occlusion(net).attribute(batch, sliding_window_shapes=window, strides=stride, target=1)
    ours = xai.occlusion(model, batch, 1, window=window, stride=stride)
    assert torch.allclose(ours.values, theirs, atol=1e-5)
    assert torch.equal(recompute(model, ours).values, ours.values)


def test_windows_over_the_steps_of_a_series_hide_all_its_channels() -> None:
    model = xai.Model(network(8, 3), input=xai.SequenceInput(["a", "b", "c"], length=8))
    batch = rows(8, 3)
    theirs = Occlusion(model.network).attribute(batch, sliding_window_shapes=(4, 3), strides=(2, 3), target=1)
    ours = xai.occlusion(model, batch, 1, window=4, stride=2)
    assert torch.allclose(ours.values * 3, theirs, atol=1e-5)  # the channels of a step share its value
    whole = xai.occlusion(model, batch, 1, window=8)
    fall = model.network(batch)[:, 1] - model.network(torch.zeros_like(batch))[:, 1]
    assert torch.allclose(whole.values.sum((1, 2)) / 8, fall, atol=1e-5)


def test_a_whole_number_is_the_side_along_every_axis() -> None:
    model, batch = xai.Model(network(1, 4, 4, 4)), rows(1, 4, 4, 4)
    with pytest.raises(InputError, match="occlusion: window: expected one or 3 whole numbers from 1 to 4 and 4 and 4"):
        xai.occlusion(model, batch, 1, window=5)
    cubes = xai.occlusion(model, batch, 1, window=2, stride=1)  # a volume's positions lie along three axes
    ours = xai.occlusion(model, batch, 1, window=(1, 2, 2, 2), stride=1)
    assert torch.allclose(cubes.values, ours.values)
    theirs = xai.occlusion(model, batch, 1, window=(1, 2, 2, 2), stride=(1, 1, 1, 1))
    assert torch.equal(ours.values, theirs.values)
    table = xai.Model(network(4))
    assert torch.equal(xai.occlusion(table, rows(4), 1, window=1).values, xai.occlusion(table, rows(4), 1).values)
    with pytest.raises(InputError, match="occlusion: stride: expected at most the window"):
        xai.occlusion(table, rows(4), 1, window=2, stride=3)
    with pytest.raises(InputError, match="occlusion: window: expected a whole number from 1 to 4"):
        xai.occlusion(table, rows(4), 1, window=5)
