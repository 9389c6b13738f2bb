"""Networks whose rows see each other, or that want a batch of some size: each row as it is by itself, or named."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

import xai
from xai.base.errors import NetworkError, XaiError, XaiWarning
from xai.inputs.text import TextInput
from xai.model.model import Model
from xai.results.explanation import Explanation


class Forgot(nn.Module):
    """Attention without batch_first: rows of the batch are its steps."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.a, self.b = nn.MultiheadAttention(8, 2), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x, x, x, need_weights=False)[0].mean(1))


class Sized(nn.Module):
    """A linear network that runs `size` rows at a time, or whose head squeezes."""

    def __init__(self, size: int | None, outputs: int = 3) -> None:
        super().__init__()
        self.size = size
        self.hidden, self.linear = nn.Linear(4, 6), nn.Linear(6, outputs)

    def forward(self, x: Tensor) -> Tensor:
        if self.size is not None:
            assert len(x) == self.size, f"the batch is {len(x)}, not {self.size}"
        scores = self.linear(self.hidden(x).relu())
        return scores.squeeze() if self.size is None else scores


ROWS = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(1))
NUMBERS = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))


def flat(explanation: Explanation) -> Tensor:
    return torch.cat([torch.as_tensor(part).flatten() for part in explanation.values])


@pytest.mark.parametrize("method", ["saliency", "occlusion", "kernel_shap", "lime_series", "deeplift", "gradient_shap"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_rows_that_see_each_other_are_explained_one_by_one(method: str, count: int) -> None:
    call = getattr(xai, method)
    settings = {"samples": 40} if method in ("kernel_shap", "lime_series", "gradient_shap") else {}
    with pytest.warns(XaiWarning, match="change each other's outputs"):
        many = call(Model(Forgot()), ROWS[:count], 0, **settings)
    assert many.diagnostics[0]["rows_see_each_other"] is True
    assert "non_deterministic" not in many.diagnostics[0]
    for row in range(count):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", XaiWarning)
            alone = call(Model(Forgot()), ROWS[row : row + 1], 0, batch_size=1, **settings)
        assert torch.allclose(flat(many[row]), flat(alone), atol=1e-5)


def test_equal_rows_tell_as_well() -> None:
    """In a batch of one row over and over, attention between rows changes nothing: perturbed copies would."""
    model = Model(Forgot())
    with pytest.warns(XaiWarning, match="change each other's outputs"):
        model.predict(ROWS[:1].expand(3, 5, 8))


def test_statistics_of_the_batch_are_noticed_or_refused() -> None:
    normed = nn.Sequential(nn.Conv1d(5, 4, 3), nn.BatchNorm1d(4, track_running_stats=False), nn.Flatten())
    with pytest.warns(XaiWarning, match="change each other's outputs"):
        explanation = xai.occlusion(Model(normed), ROWS, 0)
    assert explanation.options["run"]["batch_size"] == 1
    # One row of these has no spread: nothing can be said of a row by itself.
    flat_norm = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, track_running_stats=False))
    with pytest.raises(NetworkError, match="answers to each row by itself"):
        xai.occlusion(Model(flat_norm), NUMBERS, 0)


def test_ordinary_networks_pay_one_pass_of_two_rows() -> None:
    seen = []
    network = nn.Linear(4, 3)
    network.register_forward_hook(lambda module, inputs, output: seen.append(len(inputs[0])))
    model = Model(network)
    model.predict(NUMBERS)
    first = len(seen)
    model.predict(NUMBERS)
    assert seen[:first] == [1, 5, 2]  # the trace, the batch, the row beside another
    assert seen[first:] == [5]


@pytest.mark.parametrize("size", [None, 2, 4, 7])
@pytest.mark.parametrize("method", ["saliency", "integrated_gradients", "occlusion", "kernel_shap", "deeplift", "lrp"])
def test_fixed_sizes_and_squeezing_heads_run_in_the_size_they_want(size: int | None, method: str) -> None:
    network = Sized(size)
    free = Sized(0)
    free.load_state_dict(network.state_dict())
    free.forward = lambda x: free.linear(free.hidden(x).relu())
    for count in (1, 5):
        ours = getattr(xai, method)(Model(network), NUMBERS[:count], 1)
        theirs = getattr(xai, method)(Model(free), NUMBERS[:count], 1)
        assert torch.allclose(flat(ours), flat(theirs), atol=1e-5)
        assert torch.allclose(ours.prediction, theirs.prediction, atol=1e-6)


def test_one_output_that_is_squeezed_away() -> None:
    model = Model(Sized(None, outputs=1), task="regression")
    assert model.predict(NUMBERS[:1]).shape == (1, 1)
    assert torch.allclose(model.predict(NUMBERS[:1]), model.predict(NUMBERS)[:1], atol=1e-6)


def test_layers_of_such_networks_are_read_of_our_rows_alone() -> None:
    class Maps(nn.Module):
        def __init__(self, squeeze: bool) -> None:
            super().__init__()
            self.squeeze, self.conv, self.linear = squeeze, nn.Conv2d(1, 2, 3, padding=1), nn.Linear(2, 3)

        def forward(self, x: Tensor) -> Tensor:
            scores = self.linear(self.conv(x).relu().mean((2, 3)))
            return scores.squeeze() if self.squeeze else scores

    squeezing, plain = Maps(True), Maps(False)
    plain.load_state_dict(squeezing.state_dict())
    image = torch.rand(1, 1, 6, 6)
    ours, theirs = (xai.gradcam(Model(network), image, 1) for network in (squeezing, plain))
    assert ours.values.shape == theirs.values.shape
    assert torch.allclose(ours.values, theirs.values, atol=1e-6)
    objective = xai.objectives.channel("conv", 0)
    with pytest.raises(NetworkError, match="layers to be read"):
        xai.visualize(Model(squeezing, input=xai.ImageInput((1, 6, 6))), objective, steps=1)


def test_a_network_that_never_runs_is_named_by_its_first_error() -> None:
    with pytest.raises(NetworkError, match=r"a forward pass on a float32 tensor of shape \(1, 4\)"):
        Model(nn.Linear(3, 2)).predict(NUMBERS)


def test_texts_that_see_each_other() -> None:
    class Mean(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(8, 4)

        def forward(self, ids: Tensor) -> Tensor:
            vectors = self.embed(ids).sum(1)
            return vectors - vectors.mean(0) / 2

    with pytest.warns(XaiWarning, match="change each other's outputs"):
        explanation = xai.lime_text(Model(Mean(), input=TextInput(list("abc"))), "c b a", 0, samples=20)
    assert explanation.diagnostics[0]["rows_see_each_other"] is True


class Bag(nn.Module):
    """The mean over all places, padding among them, or over those with a word."""

    def __init__(self, *, masked: bool = False, order: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.masked, self.embed = masked, nn.Embedding(8, 4)
        self.steps = nn.GRU(4, 4, batch_first=True) if order else None
        self.runs = 0

    def forward(self, ids: Tensor) -> Tensor:
        self.runs += 1
        vectors = self.embed(ids)
        if self.steps is not None:
            return self.steps(vectors)[0][:, -1]
        here = (ids != 0 if self.masked else torch.ones_like(ids)).unsqueeze(2)
        return (vectors * here).sum(1) / here.sum(1)


TEXTS = ["c b", "a b a b c d", "d"]
COMPANY = (["a b c b", "d"], ["a b a b c d", "c b", "d"])


@pytest.mark.parametrize("order", [False, True])
@pytest.mark.parametrize(
    "method",
    [
        partial(xai.integrated_gradients, steps=3),
        xai.saliency,
        xai.occlusion,
        partial(xai.lime_text, samples=20),
        partial(xai.smoothgrad, samples=3),
        xai.deeplift,
    ],
)
def test_a_network_that_reads_padding_answers_as_to_each_text_alone(method: Callable, order: bool) -> None:
    kind = TextInput(list("abcd"))
    model = Model(Bag(order=order), input=kind)
    beside = method(model, TEXTS, 0)
    assert torch.allclose(model.predict(TEXTS)[2:], model.predict(TEXTS[2:]), atol=1e-6)
    for row, text in enumerate(TEXTS):
        alone = method(Model(Bag(order=order), input=kind), [text], 0)
        assert torch.allclose(torch.as_tensor(beside.values[row]), torch.as_tensor(alone.values[0]), atol=1e-6)
        assert "non_deterministic" not in beside.diagnostics[row]
        assert beside.diagnostics[row]["padding_left_out"] is True


def test_networks_that_mask_padding_run_as_before() -> None:
    network = Bag(masked=True)
    model = Model(network, input=TextInput(list("abcd")))
    model.predict(TEXTS)
    first, network.runs = network.runs, 0
    assert model.memory.rows.present is None
    assert "padding_left_out" not in xai.saliency(model, TEXTS, 0).diagnostics[0]
    model.predict(TEXTS)
    assert network.runs <= first  # it is asked once


def test_layers_of_texts_of_several_lengths_are_refused_where_padding_is_read() -> None:
    model = Model(Bag(), input=TextInput(list("abcd")))
    assert xai.saliency(model, ["a b", "b c"], 0, layer="embed").values.shape == (2, 2, 4)
    with pytest.raises(XaiError, match="texts of one length"):
        xai.saliency(model, TEXTS, 0, layer="embed")


class Windows(nn.Module):
    """Three words at once, or a fixed number of them."""

    def __init__(self, words: int | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words, self.embed, self.maps = words, nn.Embedding(8, 4), nn.Conv1d(4, 3, 3)
        self.head = None if words is None else nn.Linear(3 * (words - 2), 3)

    def forward(self, ids: Tensor) -> Tensor:
        maps = self.maps(self.embed(ids).mT).relu()
        return maps.amax(2) if self.head is None else self.head(maps.flatten(1))


@pytest.mark.parametrize("words", [None, 6])
@pytest.mark.parametrize(
    "method",
    [
        partial(xai.integrated_gradients, steps=3),
        xai.occlusion,
        partial(xai.lime_text, samples=20),
        xai.deeplift,
    ],
)
def test_a_text_too_short_for_a_network_gets_the_padding_that_it_needs(method: Callable, words: int | None) -> None:
    """Wherever it stands in its batch, whatever was explained before, and with words of it taken out."""
    kind = TextInput(list("abcd"))

    def values(texts: list[str], row: int, before: list[str] | None = None) -> Tensor:
        model = Model(Windows(words), input=kind)
        if before is not None:
            model.predict(before)
        return torch.as_tensor(method(model, texts, 0).values[row])

    longer = "a b a b c d"
    for text in ("d", "a b c"):
        alone = values([text], 0)
        assert len(alone) == len(text.split())
        assert alone.any()
        for texts, row, before in (([text, longer], 0, None), ([longer, text], 1, None), ([text], 0, ["d"])):
            assert torch.allclose(values(texts, row, before), alone, atol=1e-6)
    if words is None:
        network = Windows()
        padded = network(torch.tensor([[5, 0, 0]]))  # "d" and what stands behind it
        assert torch.allclose(Model(network, input=kind, task="regression").predict("d"), padded)


def test_a_network_that_runs_in_no_length_is_named_by_its_first_error() -> None:
    network = nn.Sequential(nn.Embedding(8, 4), nn.Linear(5, 2))
    with pytest.raises(NetworkError, match=r"a int64 tensor of shape \(1, 1\)"):
        Model(network, input=TextInput(list("abcd"))).predict("d")
