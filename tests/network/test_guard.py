"""What several threads do to one network, and caches that must see a change."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import torch
from torch import nn

from xai.attribution.activation_maps import gradcam
from xai.attribution.gradients import integrated_gradients
from xai.inputs.image import ImageInput
from xai.model.model import Model


def test_threads_take_turns() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(20, 50), nn.ReLU(), nn.Dropout(0.5), nn.Linear(50, 3)).train()
    model = Model(network)
    wanted = integrated_gradients(model, torch.ones(2, 20), 1).values

    def explain(_: int) -> bool:
        return torch.equal(integrated_gradients(model, torch.ones(2, 20), 1).values, wanted)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(explain, range(24)))
    assert all(module.training for module in network.modules())
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_a_weight_written_behind_autograd_changes_the_digest() -> None:
    model = Model(nn.Linear(3, 2))
    before = model.digest()
    model.network.weight.data[0, 0] += 0.5
    assert model.digest() != before
    model.network.weight.data[0, 0] -= 0.5
    assert model.digest() == before


def test_a_replaced_layer_is_seen() -> None:
    torch.manual_seed(0)

    def network() -> nn.Sequential:
        layers = [nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 2)]
        return nn.Sequential(*layers)

    changed = network()
    model = Model(changed, input=ImageInput((1, 8, 8)))
    image = torch.rand(1, 1, 8, 8)
    assert gradcam(model, image).options["layer"] == "0"
    changed[1] = nn.Sequential(nn.ReLU(), nn.Conv2d(2, 2, 3, padding=1))
    assert gradcam(model, image).options["layer"] == gradcam(Model(changed, input=model.input), image).options["layer"]
    assert gradcam(model, image).options["layer"] == "1.1"
