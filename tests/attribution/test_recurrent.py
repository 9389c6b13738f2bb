"""DeepLIFT and LRP through recurrent layers: the steps are torch's, parts add up, gates take no relevance."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from xai.attribution.backward_rules import rules
from xai.attribution.deeplift import deeplift
from xai.attribution.lrp import lrp
from xai.attribution.recurrent_steps import RECURRENT_STEPS
from xai.model.model import Model

KINDS = {"lstm": nn.LSTM, "gru": nn.GRU, "tanh": nn.RNN, "relu": lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k)}
FORMS: dict[str, dict[str, object]] = {
    "plain": {}, "steps_first": {"batch_first": False}, "deep": {"num_layers": 2, "bidirectional": True},
    "no_bias": {"bias": False, "bidirectional": True},
}  # fmt: skip


def layer(kind: str, **settings: object) -> nn.RNNBase:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        return KINDS[kind](3, 4, **{"batch_first": True, **settings}).double().eval().requires_grad_(False)


def series(count: int = 3) -> Tensor:
    return torch.randn(count, 5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def flat(output: object) -> list[Tensor]:
    return [output] if isinstance(output, Tensor) else [part for item in output or () for part in flat(item)]


@pytest.mark.parametrize("form", [*FORMS, "projected", "packed", "started"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_steps_are_those_of_torch(kind: str, form: str) -> None:
    if form == "projected" and kind != "lstm":
        return
    more = {"projected": {"proj_size": 2}, "packed": FORMS["deep"]}.get(form, FORMS.get(form, {}))
    network, batch, state = layer(kind, **more), series().requires_grad_(), ()
    if form == "packed":
        batch = pack_padded_sequence(batch, torch.tensor([5, 3, 2]), batch_first=True)
    if form == "started":
        state = (torch.ones(1, 3, 4).double(),)
        state = (state * 2,) if kind == "lstm" else state
    plain = flat(network(batch, *state))
    with rules(RECURRENT_STEPS):
        steps = flat(network(batch, *state))
    assert len(plain) == len(steps)
    for one, other in zip(plain, steps, strict=True):
        assert torch.allclose(one.double(), other.double(), atol=1e-12)


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_a_cell_is_that_of_torch(kind: str) -> None:
    cell = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn": nn.RNNCell}[kind](3, 4).double().requires_grad_(False)
    batch = series()[:, 0].requires_grad_()
    with rules(RECURRENT_STEPS):
        steps = flat(cell(batch))
    assert all(torch.allclose(one, other) for one, other in zip(flat(cell(batch)), steps, strict=True))


class Classifier(nn.Module):
    """A recurrent layer over (N, 5, 3), perhaps packed, and a linear layer behind the mean of its states."""

    def __init__(self, kind: str, packed: bool = False, **settings: object) -> None:
        super().__init__()
        self.body, self.packed, self.first = layer(kind, **settings), packed, settings.get("batch_first", True) is False
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            self.head = nn.Linear(8 if settings.get("bidirectional") else 4, 2).double()

    def forward(self, x: Tensor) -> Tensor:
        if self.packed:
            packed = pack_padded_sequence(x, torch.full((len(x),), 4), batch_first=True)
            return self.head(pad_packed_sequence(self.body(packed)[0], batch_first=True)[0].mean(1))
        if self.first:
            return self.head(self.body(x.transpose(0, 1))[0].mean(0))
        return self.head(self.body(x)[0].mean(1))


@pytest.mark.parametrize("form", [*FORMS, "packed"])
@pytest.mark.parametrize("kind", KINDS)
def test_parts_of_deeplift_add_up(kind: str, form: str) -> None:
    network = Classifier(kind, form == "packed", **FORMS.get(form, {}))
    base = torch.full_like(series()[:1], 0.3)
    for start in (0.0, base):
        made = deeplift(Model(network), series(), 1, baseline=start)
        with torch.no_grad():
            behind = network(torch.zeros_like(base) if isinstance(start, float) else base)[:, 1]
            difference = network(series())[:, 1] - behind
        assert torch.allclose(made.values.flatten(1).sum(1), difference, atol=1e-4)
        assert made.values[:, :4].abs().amin((0, 2)).min() > 0  # every step has its part
    if form == "packed":
        assert not made.values[:, 4].any()


def test_lrp_gives_gates_nothing_and_the_signal_all() -> None:
    """Arras et al. 2017: an LSTM written with its gates detached; gradient times input of that is epsilon-LRP."""
    network, epsilon = Classifier("lstm"), 1e-12
    body = network.body

    def detached(x: Tensor) -> Tensor:
        hidden, cell, states = x.new_zeros(len(x), 4), x.new_zeros(len(x), 4), []
        for step in range(5):
            sums = x[:, step] @ body.weight_ih_l0.T + hidden @ body.weight_hh_l0.T + body.bias_ih_l0 + body.bias_hh_l0
            enter, keep, new, leave = sums.chunk(4, 1)
            new = new * (new.tanh() / new).detach()
            cell = keep.sigmoid().detach() * cell + enter.sigmoid().detach() * new
            hidden = leave.sigmoid().detach() * cell * (cell.tanh() / cell).detach()
            states.append(hidden)
        return network.head(torch.stack(states, 1).mean(1))

    source = series().requires_grad_()
    (gradient,) = torch.autograd.grad(detached(source)[:, 1].sum(), source)
    made = lrp(Model(network), series(), 1, rule="epsilon", epsilon=epsilon)
    assert torch.allclose(made.values, gradient * source, atol=1e-8)
    assert made.options["run"]["rules"]["body"] == {
        "linear": "epsilon", "tanh": "as it is", "mul": "gates take nothing"
    }  # fmt: skip
    for diagnosis in made.diagnostics:  # what is missing is what the biases keep
        assert abs(diagnosis["absorbed_elsewhere"]) < 1e-7
        assert diagnosis["absorbed_by_biases"] != 0


@pytest.mark.parametrize("kind", ["gru", "tanh"])
def test_lrp_without_biases_is_conserved(kind: str) -> None:
    network = Classifier(kind, bias=False)
    network.head.bias.data.zero_()
    made = lrp(Model(network), series(), 1, rule="epsilon", epsilon=1e-12)
    with torch.no_grad():
        assert torch.allclose(made.values.flatten(1).sum(1), network(series())[:, 1], atol=1e-8)
