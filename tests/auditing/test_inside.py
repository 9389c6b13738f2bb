"""Units, weights and gradients of networks whose inside is known; explanations over a sample."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from tests.auditing.planted import bars, findings, stripes
from xai.auditing.audit_data import AuditData
from xai.inputs.image import ImageInput
from xai.inputs.series import SequenceInput
from xai.inputs.table import TabularInput
from xai.model.model import Model


def test_dead_units_are_counted() -> None:
    data = AuditData(*stripes())
    alive = findings("inside", bars(), data)["dead"]
    assert (alive.status, alive.details["by_layer"]) == ("pass", {"hidden": 1, "out": 0})  # the corner has no weight
    dead = findings("inside", bars(dead=True), data)["dead"]
    assert (dead.status, dead.details["by_layer"]) == ("fail", {"hidden": 6, "out": 0})


def test_the_units_of_a_convolution_over_time_are_its_channels() -> None:
    class Convolved(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.over_time = nn.Conv1d(2, 5, 3, padding=1)
            self.bounded = nn.Tanh()
            self.each_step = nn.Linear(5, 4)
            self.out = nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            channels = self.bounded(self.over_time(x.transpose(1, 2)).relu())
            return self.out(self.each_step(channels.transpose(1, 2)).mean(1))

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Convolved()
    with torch.no_grad():
        network.over_time.bias[:] = torch.tensor([-50.0, 1.0, -50.0, 50.0, -50.0])
        network.each_step.weight[0].zero_()
    series = torch.randn(60, 9, 2, generator=torch.Generator().manual_seed(0))
    model = Model(network, input=SequenceInput(["a", "b"], 9))
    found = findings("inside", model, AuditData(series, model.predict(series).argmax(1)))
    assert found["dead"].details["by_layer"] == {"over_time": 4, "bounded": 4, "each_step": 1, "out": 0}
    assert found["saturated"].details["by_layer"] == {"bounded": 1}  # the channel at 50; the dead ones stay at 0
    assert found["dead"].status == "fail"


class Tokens(nn.Module):
    """Six of eight units of 16 tokens are at 20 before the Tanh; tokens come from a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.bounded, self.out = nn.Conv2d(1, 8, 2, 2), nn.Tanh(), nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        return self.out(self.bounded(tokens + torch.tensor([20.0] * 6 + [0.0] * 2)).mean(1))


class Branches(nn.Module):
    """Three of four channels of a convolution are at 20; a linear layer of another branch runs before the Tanh."""

    def __init__(self, convolution: nn.Module) -> None:
        super().__init__()
        self.maps, self.aside, self.bounded, self.out = convolution, nn.Linear(8, 5), nn.Tanh(), nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps, aside = self.maps(x), self.aside(x)
        raised = maps + torch.tensor([20.0] * 3 + [0.0])[:, None, None]
        return self.out(self.bounded(raised).mean((2, 3))) + aside.mean((1, 2, 3))[:, None]


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (Tokens, 6),
        (lambda: Branches(nn.Conv2d(1, 4, 3, padding=1)), 3),
        (lambda: Branches(nn.ConvTranspose2d(1, 4, 3, padding=1)), 3),
        (lambda: nn.Sequential(nn.Tanh(), nn.Flatten(), nn.Linear(64, 2)), 0),
    ],
)
def test_the_units_of_an_activation_are_those_of_what_feeds_it(make: Callable[[], nn.Module], count: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = make()
    images = torch.rand(60, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    model = Model(network, input=ImageInput((1, 8, 8)))
    found = findings("inside", model, AuditData(images, model.predict(images).argmax(1)))
    (saturated,) = found["saturated"].details["by_layer"].values()
    assert saturated == count


def test_an_activation_of_one_number_per_row_is_one_unit() -> None:
    network = nn.Sequential(nn.Linear(3, 1), nn.Flatten(0), nn.Sigmoid())
    with torch.no_grad():
        network[0].weight.zero_()
        network[0].weight[0, 0] = 0.01
        network[0].bias.fill_(9.0)
    rows = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    model = Model(network, task="regression", input=TabularInput(["a", "b", "c"]))
    found = findings("inside", model, AuditData(rows, rows[:, :1]))
    assert found["saturated"].details["by_layer"] == {"2": 1}
    assert found["dead"].details["by_layer"] == {"0": 0, "2": 0}


def test_the_channels_of_a_transposed_convolution_are_looked_at() -> None:
    network = nn.Sequential(nn.ConvTranspose2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(400, 2))
    with torch.no_grad():
        network[0].bias[:3] = -50
    images = torch.rand(60, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    model = Model(network, input=ImageInput((1, 8, 8)))
    found = findings("inside", model, AuditData(images, model.predict(images).argmax(1)))
    assert found["dead"].details["by_layer"] == {"0": 3, "3": 0}


def test_saturated_and_duplicate_units() -> None:
    network = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1.0, 0.5], [1.0, 0.5], [400.0, 0.0], [0.3, -1.0]]))
        network[0].bias.zero_()
    rows = torch.randn(300, 2, generator=torch.Generator().manual_seed(0))
    model = Model(network, input=TabularInput(["a", "b"]))
    found = findings("inside", model, AuditData(rows, network(rows).argmax(1)))
    assert found["saturated"].details["by_layer"] == {"1": 1}
    assert found["duplicates"].details["by_layer"]["0"] == 1
    assert found["duplicates"].details["by_layer"]["1"] == 1


def test_what_is_read_from_the_state_of_a_recurrent_layer_is_not_dead() -> None:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.recurrent = nn.GRU(2, 6, batch_first=True)
            self.out = nn.Linear(6, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.out(self.recurrent(x)[1][-1])

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Last()
    series = torch.randn(60, 9, 2, generator=torch.Generator().manual_seed(0))
    model = Model(network, input=SequenceInput(["a", "b"], 9))
    found = findings("inside", model, AuditData(series, model.predict(series).argmax(1)))
    assert found["dead"].details["by_layer"]["recurrent"] == 0
    first, _, last = found["time"].details["thirds"]
    assert 0 < first < last


def test_pruning_and_quantization_against_weights_by_hand() -> None:
    network = nn.Linear(10, 2)
    with torch.no_grad():
        network.weight.zero_()
        network.weight[1, :2] = torch.tensor([3.0, 2.0])
        network.weight[1, 2:] = 0.001
        network.bias.zero_()
    rows = torch.randn(500, 10, generator=torch.Generator().manual_seed(0))
    model = Model(network, input=TabularInput([str(place) for place in range(10)]))
    before = network.weight.detach().clone()
    found = findings("inside", model, AuditData(rows, network(rows).argmax(1)))
    assert found["pruning"].score == 0.9  # 18 of 20 weights
    assert found["pruning"].status == "warn"
    assert found["quantization"].score < 0.01
    binary = network.weight.detach().sign() * network.weight.detach().abs().mean(1, keepdim=True)
    binary[0] = 0
    share = float(((rows @ binary.T).argmax(1) == network(rows).argmax(1)).double().mean())
    assert found["quantization"].details["scores"]["2 levels"] == pytest.approx(share)
    assert torch.equal(network.weight, before)


def test_gradients_that_vanish() -> None:
    layers = [part for _ in range(7) for part in (nn.Linear(4, 4), nn.Sigmoid())]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(*layers, nn.Linear(4, 2))
    rows = torch.randn(80, 4, generator=torch.Generator().manual_seed(0))
    model = Model(network, input=TabularInput(list("abcd")))
    found = findings("inside", model, AuditData(rows, [0, 1] * 40))["gradients"]
    assert found.score > 3
    assert found.status == "warn"
    assert len(found.details["flow"]) == 8


def test_a_function_has_no_inside() -> None:
    model = Model.from_callable(lambda rows: np.stack([1 - rows[:, 0], rows[:, 0]], 1), input=TabularInput(["p"]))
    rows = np.linspace(0.05, 0.95, 60)[:, None]
    found = findings("inside", model, AuditData(rows, (rows[:, 0] > 0.5).astype(int)))
    assert {item.status for item in found.values()} == {"untestable"}
    assert len(found) == 8


def test_explanations_are_verified_and_counted() -> None:
    from xai.methods import CHECKS

    images, labels = stripes(40)
    found = findings("explanations", bars(), AuditData(images, labels), sample=4)
    assert list(found) == list(CHECKS)
    deletion = found["deletion"]
    assert sum(deletion.details["counts"].values()) == 4
    assert deletion.score == deletion.details["counts"].get("fail", 0) / 4
    assert all(item.status != "fail" for item in found.values())
