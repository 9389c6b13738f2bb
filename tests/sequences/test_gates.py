"""Gates over time, against the reference cells' equations and torch's own outputs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from models.networks.cells import from_torch, run_cell
from models.networks.recurrent import recurrent, text_recurrent
from tests.trace_state import differences, state_of
from xai.base.errors import LayerError
from xai.inputs.series import SequenceInput
from xai.inputs.text import TextInput
from xai.model.model import Model
from xai.sequences.gates import gate_activations

OURS = {"input": "i", "forget": "f", "cell": "g", "output": "o", "reset": "r", "update": "z"}
SERIES = SequenceInput(["a", "b"], 6)


def series(count: int = 3) -> Tensor:
    made = torch.randn(count, 6, 2, generator=torch.Generator().manual_seed(0))
    made[1, 4:] = 0
    return made


def model_of(cell: str, **settings: object) -> Model:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        return Model(recurrent(2, 3, cell=cell, hidden=5, **settings), input=SERIES)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_they_are_those_of_the_equations(cell: str) -> None:
    model, inputs = model_of(cell), series()
    before = state_of(model.network)
    made = gate_activations(model, inputs)
    assert differences(before, state_of(model.network)) == []
    name, weights = from_torch(model.network.recurrent)
    run = run_cell(name, inputs, weights, lengths=torch.tensor([6, 4, 6]), record=True)
    for gate, values in made.gates.items():
        for row, length in enumerate([6, 4, 6]):
            expected = run.states if gate == "state" else run.gates[OURS[gate]] if gate in OURS else None
            assert values[row].shape == (length, 5)
            if expected is not None:
                assert torch.allclose(values[row], expected[row, :length], atol=1e-6)
    assert made.steps[1] == ("0", "1", "2", "3")


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_states_computed_from_them_are_torchs(cell: str, bidirectional: bool, layers: int) -> None:
    made = gate_activations(model_of(cell, bidirectional=bidirectional, layers=layers), series())
    assert max(row["equation_error"] for row in made.diagnostics) < 1e-6
    assert made.directions == 1 + bidirectional


def test_the_error_is_measured() -> None:
    """A layer whose output something else changes must be caught by the number beside it."""
    from xai.sequences.gates import _missed

    made = gate_activations(model_of("gru"), series())
    row = {name: values[0] for name, values in made.gates.items()}
    layer = nn.GRU(2, 5)
    assert _missed(row, layer) < 1e-6
    assert _missed({**row, "update": row["update"] + 0.1}, layer) > 1e-3


def test_of_texts_the_steps_are_the_words() -> None:
    model = Model(text_recurrent(6, 1, cell="gru", hidden=4), task="binary", input=TextInput(["good", "bad", "film"]))
    made = gate_activations(model, ["A good film", "bad"])
    assert made.steps == (("A", "good", "film"), ("bad",))
    assert made.gates["new"][1].shape == (1, 4)
    assert len(made[1]) == 1
    assert set(made.to_frame()["gate"]) == {"reset", "update", "new", "state"}


def test_what_cannot_be_is_named() -> None:
    with pytest.raises(LayerError, match=r"network: expected one with an nn\.LSTM or nn\.GRU"):
        gate_activations(model_of("rnn"), series())
    with pytest.raises(LayerError, match=r"layer 'logits': expected an nn\.LSTM"):
        gate_activations(model_of("gru"), series(), layer="logits")

    class Started(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.linear = nn.GRU(2, 3, batch_first=True), nn.Linear(3, 2)

        def forward(self, inputs: Tensor) -> Tensor:
            return self.linear(self.layer(inputs, torch.ones(1, len(inputs), 3))[0][:, -1])

    made = gate_activations(Model(Started(), input=SERIES), series())
    assert made.diagnostics[0]["equation_error"] > 1e-3  # the equations start from zeros


def test_they_are_shown() -> None:
    import xai

    model = Model(text_recurrent(6, 1, cell="lstm", hidden=4), task="binary", input=TextInput(["good"], pattern=r"\S+"))
    made = gate_activations(model, ["good <i>", "bad"])
    page = xai.Report("Gates", [made]).html()
    assert "&lt;i&gt;" in page
    assert "<i>" not in page.split('<script type="application/json"')[0]
    assert len(made.plot(1).axes) >= 5
