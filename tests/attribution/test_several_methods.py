"""Several targets and methods in one call, units inside a network, and a classifier of Hugging Face."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import nn

from tests import optional
from tests.zoo import ZOO, images
from xai.attribution.deeplift import deeplift
from xai.attribution.gradient_methods import integrated_gradients, saliency
from xai.attribution.occlusion import occlusion
from xai.attribution.several_methods import attribute
from xai.attribution.shapley import kernel_shap
from xai.base.errors import InputError, LayerError
from xai.inputs.base import Input
from xai.inputs.table import TabularInput
from xai.inputs.text import TextInput
from xai.methods import METHODS
from xai.model.model import Model


def test_several_targets_share_their_forward_passes() -> None:
    model, batch = ZOO["plain"](), images()
    passes = []
    model.network.register_forward_hook(lambda module, inputs, output: passes.append(len(inputs[0])))
    alone = {target: occlusion(model, batch, target) for target in (0, 1, (1, 2))}
    separately = sum(passes)
    passes.clear()
    together = attribute(model, batch, ["occlusion", "saliency"], [0, 1, (1, 2)])
    shared = sum(passes)
    assert list(together) == [(name, target) for name in ("occlusion", "saliency") for target in (0, 1, (1, 2))]
    for target, explanation in alone.items():
        assert torch.allclose(together["occlusion", target].values, explanation.values, atol=1e-6)
        assert torch.allclose(together["saliency", target].values, saliency(model, batch, target).values)
    assert shared < 0.5 * separately  # three times the windows, evaluated once
    assert model.shared is None


class Counted:
    """A function of texts, or of tables, that counts what it is asked."""

    def __init__(self, scores: Callable[[object], list]) -> None:
        self.scores, self.asked = scores, 0

    def __call__(self, batch: Sequence) -> list:
        self.asked += len(batch)
        return self.scores(batch)


def words(texts: Sequence[str]) -> list:
    counts = torch.tensor([[text.count(word) for word in ("good", "film", "end")] for text in texts])
    return (counts.double() + 0.1).softmax(1).tolist()


def table(rows: object) -> list:
    values = torch.as_tensor(rows).double()
    return torch.stack([values[:, 0], values[:, 1] * values[:, 2], -values[:, 2]], 1).softmax(1).tolist()


NUMBERS = torch.randn(40, 3, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("method", "scores", "kind", "batch", "options"),
    [
        ("lime_text", words, TextInput(), ["a good film with no end", "a film"], {}),
        ("lime_tabular", table, TabularInput(["a", "b", "c"]), NUMBERS[:2], {"background": NUMBERS}),
        ("lime_tabular", table, TabularInput(["a", "b", "c"]), NUMBERS[:2], {"background": NUMBERS, "shared": True}),
        ("lime_segments", table, TabularInput(["a", "b", "c"]), NUMBERS[:2], {}),
    ],
)
def test_one_set_of_samples_serves_all_labels_of_lime(
    method: str, scores: Callable, kind: Input, batch: object, options: dict
) -> None:
    counted = Counted(scores)
    model = Model.from_callable(counted, input=kind)
    alone = {label: METHODS[method].load()(model, batch, label, samples=200, **options) for label in (0, 1, 2)}
    separately, counted.asked = counted.asked, 0
    together = attribute(model, batch, [method], [0, 1, 2], options={method: {"samples": 200, **options}})
    for label, expected in alone.items():
        for ours, theirs in zip(together[method, label].values, expected.values, strict=True):
            assert torch.equal(ours, theirs)  # to the bit
        for ours, theirs in zip(together[method, label].standard_error, expected.standard_error, strict=True):
            assert torch.equal(ours, theirs)
    assert counted.asked < 0.4 * separately


def test_what_is_no_method_is_named_and_nothing_stays_shared() -> None:
    model = ZOO["plain"]()
    for methods in (["guess"], [], "saliency", ["visualize"]):
        with pytest.raises(InputError, match="attribute: methods"):
            attribute(model, images(), methods)
    with pytest.raises(InputError):
        attribute(model, images(), ["occlusion"], options={"occlusion": {"window": 99}})
    assert model.shared is None


def test_a_unit_is_explained_like_an_output() -> None:
    network = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2)).double()
    rows = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    hidden = Model(network).unit("1", 2)  # a Tanh: read before it
    assert torch.allclose(integrated_gradients(hidden, rows).values, network[0].weight[2].detach() * rows, atol=1e-9)
    assert torch.allclose(deeplift(hidden, rows).values, network[0].weight[2].detach() * rows, atol=1e-9)
    expected = torch.stack([value.to(torch.float64) for value in kernel_shap(hidden, rows).values])
    assert torch.allclose(expected, network[0].weight[2].detach() * rows, atol=1e-6)


def test_a_channel_is_its_mean_and_a_position_one_of_it() -> None:
    model, batch = ZOO["plain"](), images()
    mean = saliency(model.unit("conv2", 3), batch).values
    maps = model.network.eval().conv2
    assert mean.abs().max() > 0
    one = saliency(model.unit("conv2", (3, 0, 0)), batch).values
    assert one[:, :, 4:, 4:].abs().max() == 0  # two convolutions of side 3 see 5 x 5 at most
    assert maps.weight.grad is None
    for index in (9, (3, 8, 0), (0, 0, 0, 0), "3", True, ()):
        with pytest.raises(LayerError, match="index"):
            saliency(model.unit("conv2", index), batch)
    with pytest.raises(LayerError, match="one like"):
        model.unit("conv7", 0)


def test_a_text_classifier_of_hugging_face() -> None:
    """Its calling convention: input_ids and attention_mask by keyword, a ModelOutput with logits; random weights."""
    transformers = optional.transformers()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = transformers.BertConfig(
            vocab_size=12, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
            max_position_embeddings=16, num_labels=3,
        )  # fmt: skip
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = transformers.BertForSequenceClassification(config).eval()
    model = Model(
        network,
        input=TextInput(vocabulary=["a", "good", "bad", "film", "plot", "end"], length=8),
        forward=lambda net, numbers: net(input_ids=numbers, attention_mask=(numbers != 0).long()),
    )
    texts = ["a good film", "bad plot, good end"]
    for method in (saliency, integrated_gradients):
        made = method(model, texts)
        assert [len(values) for values in made.values] == [3, 4]
    assert max(row["completeness_error"] for row in made.diagnostics) < 0.05
    at_layer = integrated_gradients(model, texts, layer="bert.embeddings.word_embeddings", steps=50)
    assert at_layer.values.shape == (2, 4, 16)
    words = [part.sum(1)[:count] for part, count in zip(at_layer.values, (3, 4), strict=True)]
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(words, made.values, strict=True))
    lifted = deeplift(model, texts)  # attention, layer norms and GELU, each by its rule
    assert max(row["completeness_error"] for row in lifted.diagnostics) < 1e-3
