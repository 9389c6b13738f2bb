"""Receptive fields against what a gradient reaches in networks whose weights are all positive."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from xai.inputs.image import ImageInput
from xai.model.model import Model
from xai.network.receptive import receptive_field


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.long = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.ReLU(), nn.Conv2d(1, 1, 5, padding=2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.long(x)


NETWORKS = {
    "one": (nn.Conv2d(1, 1, 3), (3, 3)),
    "uneven": (nn.Conv2d(1, 1, (3, 5), dilation=(2, 1)), (5, 5)),
    "pooled": (nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(1, 1, 3)), (8, 8)),
    "strided": (
        nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.AvgPool2d(3, 2), nn.BatchNorm2d(1), nn.Conv2d(1, 1, 3)),
        (15, 15),
    ),
    "residual": (nn.Sequential(Residual(), nn.MaxPool2d(2), Residual()), (20, 20)),
    "global": (nn.Sequential(nn.Conv2d(1, 1, 3), nn.AdaptiveAvgPool2d(1)), (None, None)),
    "linear": (nn.Sequential(nn.Flatten(), nn.Linear(48 * 48, 3)), (None, None)),
    "upsampled": (nn.Sequential(nn.AvgPool2d(2), nn.Upsample(scale_factor=2)), (None, None)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_what_a_gradient_reaches(name: str) -> None:
    network, wanted = NETWORKS[name]
    for parameter in network.eval().parameters():
        nn.init.constant_(parameter, 0.1)
    image = torch.rand(1, 1, 48, 48, generator=torch.Generator().manual_seed(0)).requires_grad_()
    output = network(image)
    assert receptive_field(output, image) == wanted
    if None in wanted:
        return
    reached = torch.zeros(48, 48, dtype=torch.bool)
    for seed in range(12):  # a maximum passes the gradient to one place at a time
        image = torch.rand(1, 1, 48, 48, generator=torch.Generator().manual_seed(seed)).requires_grad_()
        output = network(image)
        middle = output[0, 0, output.shape[2] // 2, output.shape[3] // 2]
        reached |= torch.autograd.grad(middle, image)[0][0, 0] != 0
    rows, columns = (torch.where(reached.any(axis))[0] for axis in (1, 0))
    assert (int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1) == wanted


def test_a_model_knows_those_of_its_layers() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2 * 5 * 5, 2)
    )
    fields = {layer.name: layer.sees for layer in Model(network, input=ImageInput((1, 12, 12))).trace().layers}
    assert fields == {"0": (3, 3), "1": (3, 3), "2": (4, 4), "3": (None, None), "4": (None, None)}
