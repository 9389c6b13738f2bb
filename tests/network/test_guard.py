"""What several threads do to one network, and caches that must see a change."""

from __future__ import annotations

import hashlib
import os
import pickle
import random
import signal
import threading
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from xai.attribution.activation_maps import gradcam
from xai.attribution.gradient_methods import integrated_gradients, saliency
from xai.base.errors import NetworkError
from xai.inputs.image import ImageInput
from xai.model.model import Model
from xai.network.guard import untouched


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
    assert gradcam(model, image).options["layer"] == "1"
    changed[1] = nn.Sequential(nn.ReLU(), nn.Conv2d(2, 2, 3, padding=1))
    assert gradcam(model, image).options["layer"] == gradcam(Model(changed, input=model.input), image).options["layer"]
    assert gradcam(model, image).options["layer"] == "1.1"


class Remembering(nn.Module):
    """A layer that writes down what it sees, in every kind of container, at some depth."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.log: list[int] = []
        self.cache = {"seen": [], "by": {"name": (1, [])}}
        self.ring: deque[int] = deque(maxlen=9)
        self.hits: defaultdict[str, int] = defaultdict(int)
        self.scratch, self.array = torch.zeros(1), np.zeros(1)
        self.cache["itself"] = self.cache

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.log.append(1)
        self.cache["seen"].append(1)
        self.cache["by"]["name"][1].append(1)
        self.cache["new"] = 1
        self.ring.append(1)
        self.hits["x"] += 1
        self.scratch += 1
        self.array += 1
        return self.linear(x)


def test_what_containers_of_a_module_hold_is_put_back_at_any_depth() -> None:
    network = Remembering()
    held = network.cache, network.ring, network.hits, network.scratch, network.array
    saliency(Model(network), torch.rand(2, 4))
    assert (network.log, list(network.ring), dict(network.hits)) == ([], [], {})
    assert network.cache["seen"] == [] == network.cache["by"]["name"][1]
    assert list(network.cache) == ["seen", "by", "itself"]
    assert network.scratch.tolist() == [0.0] == network.array.tolist()
    assert all(now is then for now, then in zip(
        (network.cache, network.ring, network.hits, network.scratch, network.array), held, strict=True
    ))  # fmt: skip


def test_modes_and_gradients_are_put_back() -> None:
    """Also where the network itself throws gradients away, and thaws its weights, when it is run."""

    class Meddling(nn.Linear):
        modes: list[bool]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.modes.append(self.training)
            self.weight.grad = None
            self.bias.requires_grad = True
            return super().forward(x)

    network = nn.Sequential(Meddling(4, 3), nn.Dropout(0.5), nn.BatchNorm1d(3))
    network[0].modes = seen = []
    network[0].bias.requires_grad = False
    network.train()
    network[1].eval()
    gradient = network[0].weight.grad = torch.ones(3, 4)
    saliency(Model(network), torch.rand(2, 4))
    assert seen == []  # what a module writes down is put back as well
    assert [module.training for module in network.modules()] == [True, True, False, True]
    assert network[0].weight.grad is gradient
    assert [parameter.requires_grad for parameter in network.parameters()] == [True, False, True, True]
    modes = []
    saliency(Model(network, forward=lambda own, batch: modes.append(own.training) or own(batch)), torch.rand(2, 4))
    assert set(modes) == {False}


def test_random_states_are_put_back() -> None:
    """Each is drawn from inside; numpy's normal numbers come in pairs, of which one may be left."""

    def draw(network: nn.Module, batch: torch.Tensor) -> torch.Tensor:
        torch.rand(1), random.random(), np.random.rand()  # noqa: NPY002
        np.random.randn()  # noqa: NPY002
        return network(batch)

    model = Model(nn.Linear(4, 3), forward=draw)
    for left in (0, 1):
        np.random.seed(7)  # noqa: NPY002
        if left:
            np.random.randn()  # noqa: NPY002 - the second of a pair is left
        before = torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002
        saliency(model, torch.ones(2, 4))
        assert torch.equal(torch.get_rng_state(), before[0])
        assert random.getstate() == before[1]
        after = np.random.get_state()  # noqa: NPY002
        assert all(np.array_equal(now, then) for now, then in zip(after, before[2], strict=True))


def test_what_one_restore_meets_does_not_keep_the_others() -> None:
    network = nn.Sequential(nn.Linear(4, 3), nn.Dropout()).train()
    state = untouched(network)
    with pytest.raises(NetworkError, match="a state that can be put back"), state:
        state._undo.append(lambda: 1 / 0)
    assert all(module.training for module in network.modules())
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_an_interrupt_while_all_is_put_back_comes_when_it_is() -> None:
    network = nn.Sequential(nn.Linear(4, 3), nn.Dropout()).train()
    state, calls = untouched(network), iter((KeyboardInterrupt, None))

    def interrupted() -> None:
        fault = next(calls)
        if fault is not None:
            raise fault

    with pytest.raises(KeyboardInterrupt), state:
        state._undo.append(interrupted)
    assert next(calls, "done") == "done"
    assert all(module.training for module in network.modules())


def test_a_child_forked_while_another_thread_explains_can_explain() -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with untouched(nn.Linear(1, 1)):
            entered.set()
            leave.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait(20)
    code = os.fork()
    if code == 0:
        signal.alarm(20)
        with untouched(nn.Linear(1, 1)):
            os._exit(0)
    done = os.waitpid(code, 0)[1]
    leave.set()
    thread.join()
    assert done == 0


def test_functions_that_differ_have_other_digests() -> None:
    def model(slope: float) -> Model:
        return Model.from_callable(lambda rows: rows * slope, task="regression")

    assert model(1.0).digest() == model(1.0).digest() != model(-1.0).digest()
    assert Model(nn.Linear(3, 2)).digest() != hashlib.sha256(b"").hexdigest() != model(1.0).digest()


def test_buffers_that_no_state_dict_has_count() -> None:
    network = nn.Linear(2, 2)
    network.register_buffer("mask", torch.ones(2), persistent=False)
    model = Model(network)
    before = model.digest()
    network.mask[0] = 0
    assert model.digest() != before


def test_a_network_that_counts_its_calls_keeps_its_digest() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))
            self.linear = nn.Linear(4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            return self.linear(x)

    model = Model(Counting())
    before = model.digest()
    explanation = saliency(model, torch.rand(2, 4), 1)
    assert explanation.model_digest == before == model.digest()
    assert pickle.loads(pickle.dumps(explanation)).model_digest == before
