"""Gradients by words and by steps: closed forms, finite differences, planted words, and padding that gets exactly 0."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.trace_state import differences, state_of
from xai.attribution.gradient_methods import integrated_gradients, saliency
from xai.base.errors import InputError, LayerError
from xai.evidence.verify import verify
from xai.inputs.series import SequenceInput
from xai.inputs.text import TextInput
from xai.model.model import Model

WORDS = ["good", "bad", "film", "plot", "end", "very"]
TEXTS = ["A good film, good plot", "bad", "Very bad film with a very very bad end"]


class Bag(nn.Module):
    """The sum of word vectors, and a linear layer: what a word adds is its vector times the weight."""

    def __init__(self, padding_idx: int | None = 0) -> None:
        super().__init__()
        self.table = nn.Embedding(len(WORDS) + 2, 4, padding_idx=padding_idx)
        self.linear = nn.Linear(4, 3)

    def forward(self, words: Tensor) -> Tensor:
        return self.linear(self.table(words).sum(1))


class Reader(nn.Module):
    """A recurrent network over words that does not skip padding: it reads on to the end of the longest text."""

    def __init__(self, kind: type[nn.RNNBase] = nn.GRU) -> None:
        super().__init__()
        self.other = nn.Embedding(50, 5)  # reads something else than the words
        self.table = nn.Embedding(len(WORDS) + 2, 5)
        self.layer = kind(5, 6, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(12, 2)

    def forward(self, words: Tensor) -> Tensor:
        places = torch.arange(words.shape[1]).expand_as(words)
        states, _ = self.layer(self.table(words) + 0.1 * self.other(places))
        return self.linear(states.mean(1))


def made(network: type[nn.Module], *arguments: object, **settings: object) -> Model:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        built = network(*arguments).double()
    return Model(built, input=TextInput(WORDS), **settings)


@pytest.mark.parametrize("padding_idx", [0, None])
def test_in_a_bag_of_words_each_word_adds_its_own_part(padding_idx: int | None) -> None:
    model = made(Bag, padding_idx)
    vectors, weight = model.network.table.weight.detach(), model.network.linear.weight.detach()
    numbers = [[1, 2, 4, 2, 5], [3], [7, 3, 4, 1, 1, 7, 7, 3, 6]]
    slopes = saliency(model, TEXTS, 1)
    assert slopes.over == "tokens"
    parts = integrated_gradients(model, TEXTS, (1, 2), steps=3)
    from_padding = integrated_gradients(model, TEXTS, 1, steps=3, baseline="padding")
    assert from_padding.baseline == "padding"
    for row, known in enumerate(numbers):
        assert torch.allclose(slopes.values[row], weight[1].abs().sum().expand(len(known)))
        assert torch.allclose(parts.values[row], vectors[known] @ (weight[1] - weight[2]))
        assert torch.allclose(from_padding.values[row], (vectors[known] - vectors[0]) @ weight[1])
    # Padding is no part of the path, so that what the words say adds up, even where padding says something itself.
    assert max(row["completeness_error"] for row in parts.diagnostics) < 1e-9


def test_words_are_named_and_found_in_the_text() -> None:
    explanation = saliency(made(Bag), TEXTS, 1)
    assert explanation.row_names[0] == ("A", "good", "film", "good", "plot")
    owners = explanation.segments[0].tolist()
    assert [TEXTS[0][place] for place, owner in enumerate(owners[: len(TEXTS[0])]) if owner == 2] == list("film")
    assert explanation[1].to_frame()["name"].tolist() == ["bad"]
    by_number = saliency(made(Bag), torch.tensor([[2, 4, 1, 0], [3, 2, 4, 5]]), 1)
    assert by_number.row_names == (("good", "film", "(unknown)", "(padding)"), ("bad", "good", "film", "plot"))
    assert torch.equal(by_number.inputs, torch.tensor([[2, 4, 1, 0], [3, 2, 4, 5]]))
    assert float(by_number.values[0][3]) == 0
    assert bool((by_number.values[0][:3] != 0).all())


def test_a_word_whose_lower_case_is_longer_stays_in_its_place() -> None:
    text = "\u0130\u0130 good"  # this letter has two in lower case
    assert TextInput(WORDS, pattern=r"good").spans(text) == [(3, 7)]


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_the_gradient_is_the_finite_difference(kind: type[nn.RNNBase]) -> None:
    model = made(Reader, kind)
    network = model.network.eval()
    numbers = model.input.feed(TEXTS)
    # It reads what pads a shorter text, so that each text is run in its own length: the first has five words.
    vectors = network.table.weight[numbers[:1, :5]].detach()
    places = 0.1 * network.other.weight[:5].detach()

    def score(word_vectors: Tensor) -> Tensor:
        return network.linear(network.layer(word_vectors + places)[0].mean(1))[:, 1]

    step, row = 1e-6, 0
    expected = torch.zeros(5)
    for word in range(5):
        for axis in range(5):
            moved = torch.zeros_like(vectors)
            moved[row, word, axis] = step
            with torch.no_grad():
                expected[word] += abs(score(vectors + moved) - score(vectors - moved))[row] / (2 * step)
    assert torch.allclose(saliency(model, TEXTS, 1).values[row].float(), expected, atol=1e-6)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_parts_of_a_recurrent_network_add_up(kind: type[nn.RNNBase]) -> None:
    explanation = integrated_gradients(made(Reader, kind), TEXTS, 1, steps=100)
    assert max(row["completeness_error"] for row in explanation.diagnostics) < 1e-3
    assert [len(values) for values in explanation.values] == [5, 1, 9]


def test_a_planted_word_is_found_and_the_network_left_alone() -> None:
    model = made(Reader)
    with torch.no_grad():
        model.network.table.weight *= 0.01
        model.network.table.weight[3] = 5.0  # "bad" is all that it hears
    before = state_of(model.network)
    explanation = integrated_gradients(model, TEXTS, steps=20)
    assert differences(before, state_of(model.network)) == []
    strongest = explanation.values[2].abs().argsort(descending=True)[:2].tolist()
    assert sorted(explanation.row_names[2][place] for place in strongest) == ["bad", "bad"]


def test_evidence_can_be_made_for_words() -> None:
    model = made(Reader)
    long = " ".join(TEXTS * 3)
    explanation = verify(model, integrated_gradients(model, long, 1, steps=5), ["randomization"])
    assert explanation.evidence[0][0].status in ("pass", "warn", "fail")


def test_what_cannot_be_differentiated_is_named() -> None:
    class OneHot(nn.Module):
        def forward(self, words: Tensor) -> Tensor:
            return nn.functional.one_hot(words, 8).double().sum(1)

    with pytest.raises(InputError, match=r"network: expected an nn\.Embedding"):
        saliency(made(OneHot), TEXTS)
    with pytest.raises(InputError, match="texts with at least one word, got none in row 1"):
        saliency(made(Bag), ["good", "?!"])
    strings = Model.from_callable(lambda texts: [[0.5, 0.5]] * len(texts), input=TextInput())
    with pytest.raises(InputError, match="a TextInput with a vocabulary"):
        saliency(strings, TEXTS)


def test_half_precision_words() -> None:
    model = Model(made(Bag).network.to(torch.bfloat16), input=TextInput(WORDS))
    assert saliency(model, TEXTS, 1).values[0].dtype == torch.float32


def test_a_layer_that_is_not_reached_is_named() -> None:
    from xai.network.hooks import replacing

    network = Bag()
    with (
        pytest.raises(LayerError, match="a layer that the forward pass reaches"),
        replacing(network, "linear", lambda inputs, output: output),
    ):
        network.table(torch.tensor([[1]]))
    assert not network.linear._forward_hooks


class Series(nn.Module):
    """Reads on to the last step, padding or not."""

    def __init__(self, kind: type[nn.RNNBase] = nn.LSTM) -> None:
        super().__init__()
        self.layer = kind(2, 5, batch_first=True)
        self.linear = nn.Linear(5, 3)

    def forward(self, series: Tensor) -> Tensor:
        return self.linear(self.layer(series)[0][:, -1])


def series_model(kind: type[nn.RNNBase] = nn.LSTM) -> tuple[Model, Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        network = Series(kind).double()
    model = Model(network, input=SequenceInput(["a", "b"], 6, mean=[1.0, -2.0], std=[2.0, 0.5]))
    series = torch.randn(2, 6, 2, generator=torch.Generator().manual_seed(5), dtype=torch.float64) + 1
    series[1, 4:] = 0
    return model, series


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize("baseline", ["zero", "mean"])
def test_the_steps_of_a_series_add_up_and_padding_gets_exactly_0(kind: type[nn.RNNBase], baseline: str) -> None:
    model, series = series_model(kind)
    explanation = integrated_gradients(model, series, 1, steps=60, baseline=baseline)
    assert torch.equal(explanation.values[1, 4:], torch.zeros(2, 2).double())
    assert bool((explanation.values[1, :4] != 0).all())
    # A step of zeros is padding to the network: without care the path would end in a jump.
    assert max(row["completeness_error"] for row in explanation.diagnostics) < 1e-3
    assert torch.equal(saliency(model, series, 1).values[1, 4:], torch.zeros(2, 2).double())


def test_the_mean_of_a_series_is_that_of_its_own_steps() -> None:
    model, series = series_model()
    with model.explaining("test", series, 1) as session:
        start, _ = session.baseline("mean")
    assert torch.allclose(start[1, :4], series[1, :4].mean(0).expand(4, 2))
    assert bool((start[1, 4:] == 0).all())


def test_a_hidden_step_is_not_taken_for_padding() -> None:
    """Occlusion of the last step, all of it: the network must see the number 0 there, as it stands, not an end."""
    model, series = series_model()
    with model.explaining("test", series, 1) as session:
        start, _ = session.baseline("zero")
        seen = model.input.feed(start)
    assert torch.allclose(seen[0, 0], torch.tensor([-0.5, 4.0]).double())
    assert bool((seen[1, 4:] == 0).all())


def test_cudnn_is_off_for_the_pass_that_is_differentiated_and_back_on_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """cuDNN's recurrent layers cannot be differentiated in eval mode; the flag is the same without a GPU."""
    model, series = series_model(nn.GRU)
    seen: list[tuple[bool, bool]] = []
    model.network.layer.register_forward_hook(
        lambda *_: seen.append((torch.is_grad_enabled(), torch.backends.cudnn.enabled))
    )
    monkeypatch.setattr(torch.backends.cudnn, "enabled", True)
    monkeypatch.setattr(torch.backends.cudnn, "is_available", lambda: True)  # without it, no flag is touched
    saliency(model, series, 1)
    assert (True, False) in seen
    assert (False, True) in seen  # a pass without a gradient keeps cuDNN's speed
    assert not {(True, True), (False, False)} & set(seen)
    assert torch.backends.cudnn.enabled
