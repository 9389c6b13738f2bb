"""The networks of torchvision and timm run in this environment, or their tests are skipped and say so."""

from __future__ import annotations

import torch

from tests import optional


def test_networks_of_torchvision_run() -> None:
    network = optional.torchvision().models.squeezenet1_1(num_classes=3).eval()
    assert network(torch.zeros(1, 3, 32, 32)).shape == (1, 3)


def test_networks_of_timm_run() -> None:
    network = optional.timm().create_model("test_vit", num_classes=3).eval()
    assert network(torch.zeros(1, 3, 160, 160)).shape == (1, 3)
