"""Inputs that are no images: rows, series and texts, with planted answers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from xai.base.errors import InputError, LayerError, NetworkError
from xai.inputs.series import SequenceInput
from xai.inputs.table import TabularInput
from xai.inputs.tensor import TensorInput
from xai.inputs.text import TextInput
from xai.model.model import Model
from xai.visualization import objectives
from xai.visualization.ascent import visualize

WEIGHT = torch.tensor([[1.0, -2.0, 0.5], [-1.0, 1.0, 0.3]])


def linear() -> Model:
    network = nn.Linear(3, 2)
    with torch.no_grad():
        network.weight.copy_(WEIGHT)
        network.bias.zero_()
    return Model(network, input=TabularInput(["a", "b", "c"]))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("transforms", [None, []])
def test_a_row_goes_to_the_bounds_that_its_weights_ask_for(sign: int, transforms: list | None) -> None:
    low, high = torch.tensor([0.0, -1.0, 10.0]), torch.tensor([2.0, 1.0, 30.0])
    made = visualize(linear(), sign * objectives.logit(0), bounds=(low, high), steps=60, transforms=transforms)
    best = torch.where(sign * WEIGHT[0] > 0, high, low)
    assert torch.allclose(made.values[0], best, atol=1e-3)
    assert float(made.reached[0]) == pytest.approx(float((sign * WEIGHT[0] * best).sum()), abs=1e-3)
    assert made.names == ("a", "b", "c")
    with pytest.raises(InputError, match="of images"):
        made.image  # noqa: B018


def test_bounds_come_from_the_data_where_none_are_given() -> None:
    rows = torch.rand(50, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 10.0, 100.0])
    made = visualize(linear(), objectives.logit(1), reference=rows, steps=60)
    best = torch.where(WEIGHT[1] > 0, rows.max(0).values, rows.min(0).values)
    assert torch.allclose(made.values[0], best, rtol=1e-4)
    finding = made.finding("real_images")
    assert finding.status == "pass"
    assert "50 real rows" in finding.text


@pytest.mark.parametrize("bounds", [(0, 1, 2), 3, ([0, 0], [1, 1]), (1, 0), (0, float("inf")), "wide", None])
def test_bounds_that_cannot_be(bounds: object) -> None:
    with pytest.raises(InputError, match="bounds"):
        visualize(linear(), objectives.logit(0), bounds=bounds)


def test_categories_take_the_best_code() -> None:
    """Codes have no gradient; the network answers most to the word that has the largest weight, given the number."""

    class Table(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Embedding(5, 1)
            self.second = nn.Embedding(3, 1)
            with torch.no_grad():
                self.first.weight.copy_(torch.tensor([0.1, 0.9, -3.0, 2.0, 0.0])[:, None])
                self.second.weight.copy_(torch.tensor([-1.0, 4.0, 0.5])[:, None])

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            total = self.first(rows[:, 0].long())[:, 0] + rows[:, 1] * self.second(rows[:, 2].long())[:, 0]
            return torch.stack([total, -total], 1)

    words = {"color": list("rstuv"), "size": ["low", "mid", "top"]}
    model = Model(Table(), input=TabularInput(["color", "x", "size"], categorical=words))
    made = visualize(model, [objectives.logit(0), objectives.logit(1)], bounds=(0.0, 2.0), steps=40)
    assert made.values[0].tolist() == pytest.approx([3, 2.0, 1], abs=1e-4)
    assert made.values[1].tolist() == pytest.approx([2, 2.0, 0], abs=1e-4)
    assert float(made.reached[1]) == pytest.approx(3 + 2, abs=1e-3)


class Reads(nn.Module):
    """A recurrent layer over series, and a linear layer on its last state."""

    def __init__(self, inputs: int = 2) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.LSTM(inputs, 5, batch_first=True)
        self.logits = nn.Linear(5, 3)

    def forward(self, series: torch.Tensor) -> torch.Tensor:
        return self.logits(self.layer(series)[0][:, -1])


def test_a_series_excites_units_gates_and_logits() -> None:
    model = Model(Reads(), input=SequenceInput(["u", "v"], 6, mean=[1.0, 0.0], std=[2.0, 1.0]))
    forget = objectives.gate("layer", "forget", 2)
    units = [objectives.unit("layer", 0), -objectives.unit("layer", 0), forget, objectives.logit(2)]
    made = visualize(model, units, steps=60)
    assert made.values.shape == (4, 6, 2)
    assert made.values.min() >= -5 - 1e-4
    assert made.values.max() <= 7 + 1e-4
    with torch.no_grad():
        states = model.network.layer(model.input.feed(made.values[:1]))[0]
    assert float(made.reached[0]) == pytest.approx(float(states[0, -1, 0]), abs=1e-5)
    noise = torch.rand(500, 6, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor(
        [12.0, 6.0]
    ) - torch.tensor([5.0, 3.0])
    with torch.no_grad():
        last = model.network.layer(model.input.feed(noise))[0][:, -1, 0]
    assert float(made.reached[0]) > float(last.max())
    assert -float(made.reached[1]) < float(last.min())
    assert 0.5 < float(made.reached[2]) <= 1
    assert visualize(model, units[0], steps=4, size=3).values.shape == (1, 3, 2)


def test_a_tensor_takes_its_shape_from_examples() -> None:
    model = Model(Reads(), input=TensorInput())
    examples = torch.randn(30, 4, 2, generator=torch.Generator().manual_seed(1))
    made = visualize(model, objectives.logit(0), reference=examples, steps=30)
    assert made.values.shape == (1, 4, 2)
    low, high = examples.flatten(0, 1).min(0).values, examples.flatten(0, 1).max(0).values
    assert (made.values >= low - 1e-5).all()
    assert (made.values <= high + 1e-5).all()
    still = visualize(model, objectives.logit(0), start=examples[:1], bounds=(-3, 3), steps=1, learning_rate=1e-6)
    assert torch.allclose(still.values, examples[:1], atol=1e-4)


def planted_reader(seed: int, word: int, vocabulary: int = 60) -> Model:
    """Return a text model whose LSTM has one unit that switches on at one word and stays on."""

    class Text(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(seed)
            self.embedding = nn.Embedding(vocabulary + 2, 8, padding_idx=0)
            self.lstm = nn.LSTM(8, 6, batch_first=True)
            self.logits = nn.Linear(6, 2)
            with torch.no_grad():
                # Words lie anywhere but for the first number, which is up to 0.5; the trigger's is 1.
                self.embedding.weight[:, 0] = torch.rand(vocabulary + 2) - 0.5
                self.embedding.weight[word + 2, 0] = 1.0
                for gate, bias in ((0, 0.0), (1, 20.0), (2, 0.0), (3, 20.0)):  # input, forget, cell, output
                    row = gate * 6
                    self.lstm.weight_ih_l0[row], self.lstm.weight_hh_l0[row] = 0, 0
                    self.lstm.bias_ih_l0[row], self.lstm.bias_hh_l0[row] = bias, 0
                self.lstm.weight_ih_l0[0, 0], self.lstm.bias_ih_l0[0] = 12.0, -9.0
                self.lstm.bias_ih_l0[12] = 3.0

        def forward(self, words: torch.Tensor) -> torch.Tensor:
            return self.logits(self.lstm(self.embedding(words))[0][:, -1])

    names = [f"word{number}" for number in range(vocabulary)]
    return Model(Text().eval(), input=TextInput(names))


def test_a_planted_trigger_word_is_found_nine_times_in_ten() -> None:
    found = 0
    for seed in range(10):
        word = 7 * seed % 60
        model = planted_reader(seed, word)
        made = visualize(model, objectives.unit("lstm", 0), steps=60, size=5, seed=seed)
        with torch.no_grad():
            answers = model.network.lstm(model.network.embedding(torch.arange(2, 62)[:, None]))[0][:, -1, 0]
        assert int(answers.argmax()) == word
        assert float(answers.topk(2).values[1]) < 0.5 * float(answers.max())  # no other word does it
        found += f"word{word}" in made.words[0]
    assert found >= 9


def test_texts_end_in_real_words_with_their_own_activation() -> None:
    model = planted_reader(3, 21)
    unit = objectives.logit(1)
    made = visualize(
        model,
        unit,
        steps=40,
        size=4,
        reference=[" ".join(f"word{(5 * n + k) % 60}" for k in range(3)) for n in range(24)],
    )
    text = " ".join(made.words[0])
    assert len(made.words[0]) == 4
    with torch.no_grad():
        scores = model.network(model.input.feed([text]))
    assert float(made.reached[0]) == pytest.approx(float(scores[0, 1]), abs=1e-5)
    assert made.diagnostics[0]["relaxed"] != float(made.reached[0])
    assert made.snapshots[0].dtype == torch.int64
    assert made.finding("real_images").details["real_count"] == 24
    assert "24 real texts" in made.finding("real_images").text


def test_no_single_word_could_be_better() -> None:
    """The last step tries single replacements: of two words and all pairs enumerated, the best pair is found."""
    model = planted_reader(5, 9, vocabulary=20)
    made = visualize(model, objectives.logit(0), steps=60, size=2)
    pairs = torch.cartesian_prod(torch.arange(2, 22), torch.arange(2, 22))
    with torch.no_grad():
        best = model.network(pairs)[:, 0].max()
    assert float(made.reached[0]) == pytest.approx(float(best), abs=1e-5)


def test_a_text_can_start_from_real_words() -> None:
    model = planted_reader(1, 2)
    made = visualize(model, objectives.logit(0), start=["word5 word6"], size=2, steps=1, learning_rate=1e-9)
    assert made.snapshots[0].tolist() == [[7, 8]]


def test_what_cannot_be_visualized_is_named() -> None:
    with pytest.raises(InputError, match="vocabulary"):
        visualize(Model(nn.Linear(2, 2), input=TextInput()), objectives.logit(0))
    model = planted_reader(0, 1)
    with pytest.raises(LayerError, match="0 to 5"):
        visualize(model, objectives.unit("lstm", 6), steps=1)
    with pytest.raises(LayerError, match="a recurrent layer"):
        visualize(model, objectives.unit("logits", 0), steps=1)
    with pytest.raises(LayerError, match="a gate of the layer"):
        visualize(model, objectives.gate("lstm", "update", 0), steps=1)
    with pytest.raises(LayerError, match="step"):
        visualize(model, objectives.unit("lstm", 0, step=99), steps=1)
    with pytest.raises(InputError, match="a number of words"):
        visualize(model, objectives.logit(0), size=0)
    with pytest.raises(InputError, match="no images"):
        visualize(model, objectives.logit(0), parameters="fourier")
    counts = Model(Counts(), input=TextInput(["a", "b"]))
    with pytest.raises(NetworkError, match=r"nn\.Embedding"):
        visualize(counts, objectives.logit(0), size=2, steps=1)


class Counts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 2)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        return self.linear(torch.stack([(words == 2).sum(1), (words == 3).sum(1)], 1).float())


def test_what_was_made_can_be_shown() -> None:
    from xai.reports.page import Report

    row = visualize(linear(), objectives.logit(0), bounds=(0, 1), steps=4)
    text = visualize(planted_reader(0, 1), objectives.logit(0), size=2, steps=4)
    series = visualize(
        Model(Reads(), input=SequenceInput(["u", "<v>"], 6, mean=[1.0, 0.0], std=[2.0, 1.0])),
        objectives.logit(0),
        steps=4,
    )
    page = Report("made", [row, text, series]).html()
    assert " ".join(text.words[0]) in page
    assert "&lt;v&gt;" in page
    assert "<v>" not in page
    for made, axes in ((row, 2), (text, 1), (series, 2)):
        assert len(made.plot().axes) == axes
        assert made._repr_html_().startswith('<div class="xai-result">')
