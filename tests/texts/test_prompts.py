"""What a continuation rests on: against the network asked directly, captum, all orders, and a planted truth."""

from __future__ import annotations

from itertools import permutations
from types import SimpleNamespace
from typing import Any

import captum.attr as captum
import pytest
import torch
from torch import Tensor, nn

import xai
from tests.texts import small
from tests.trace_state import differences, state_of
from xai.base.errors import InputError
from xai.sequences.prompt_attribution import prompt_attribution

PROMPT, WORDS = "a dull film", ("a", "dull", "film")


def made(name: str) -> tuple[Any, Any]:
    return (
        (small.gpt(), small.fast(small.byte_pairs())) if name == "gpt" else (small.t5(), small.fast(small.unigrams()))
    )


def asked(name: str, network: Any, prompt: Tensor, target: Tensor) -> Tensor:
    """Return log p of each token of a target (T,) after a prompt (S,), from the network itself."""
    if name == "t5":
        told = torch.cat([torch.tensor([0]), target[:-1]])
        logits = network(input_ids=prompt[None], decoder_input_ids=told[None]).logits[0]
    else:
        if not len(prompt):
            prompt = torch.tensor([0])  # the start of a text
        logits = network(input_ids=torch.cat([prompt, target])[None]).logits[0, len(prompt) - 1 : -1]
    return logits.log_softmax(1).gather(1, target[:, None])[:, 0].detach()


def shown(name: str, tokenizer: Any, kept: set[int]) -> Tensor:
    """Return the tokens of the prompt without the words that are not kept."""
    ids = tokenizer(PROMPT)["input_ids"]
    ends = ids[len(WORDS) :]
    assert len(ids) - len(ends) == len(WORDS)
    return torch.tensor([number for place, number in enumerate(ids[: len(WORDS)]) if place in kept] + ends).long()


@pytest.mark.parametrize("name", ["gpt", "t5"])
def test_every_matrix_against_the_network_itself(name: str) -> None:
    network, tokenizer = made(name)
    before = state_of(network)
    p = prompt_attribution(
        network,
        tokenizer,
        PROMPT,
        " wonderful actors",
        controls=19,
        reference="unknown" if name == "t5" else "padding",
        steps=250,
    )
    assert differences(before, state_of(network)) == []
    target = torch.tensor(tokenizer(" wonderful actors")["input_ids"])
    assert p.prompt == (*WORDS, "</s>") if name == "t5" else WORDS
    assert p.continuation[:2] == ("wonderful", "actors")
    everything = set(range(3))
    full = asked(name, network, shown(name, tokenizer, everything), target)
    assert torch.allclose(p.log_probability, full)
    for place in everything:
        without = asked(name, network, shown(name, tokenizer, everything - {place}), target)
        assert torch.allclose(p.values["occlusion"][:, place], full - without)
    expected = torch.zeros(len(target), 3, dtype=torch.float64)
    orders = list(permutations(range(3)))
    for order in orders:
        kept: set[int] = set()
        for place in order:
            less = asked(name, network, shown(name, tokenizer, kept), target)
            kept = kept | {place}
            expected[:, place] += (asked(name, network, shown(name, tokenizer, kept), target) - less) / len(orders)
    assert torch.allclose(p.values["shapley"][:, :3], expected)
    rises = full - asked(name, network, shown(name, tokenizer, set()), target)
    assert torch.allclose(p.values["shapley"].sum(1), rises)
    assert p.diagnostics["shapley"]["enumerated"]
    assert p.diagnostics["shapley"]["total"] == pytest.approx(rises.tolist())
    assert max(p.diagnostics["integrated_gradients"]["completeness_error"]) < 1e-5
    assert torch.allclose(p.summed("occlusion"), p.values["occlusion"].sum(0))


@pytest.mark.parametrize("name", ["gpt", "t5"])
def test_gradients_are_those_of_the_embedded_prompt(name: str) -> None:
    network, tokenizer = made(name)
    p = prompt_attribution(network, tokenizer, PROMPT, " wonderful actors", controls=19, steps=50)
    ids, target = (torch.tensor(tokenizer(text)["input_ids"]) for text in (PROMPT, " wonderful actors"))
    table = network.get_input_embeddings().weight.detach()

    def said(vectors: Tensor, step: int) -> Tensor:
        """Return log p of the token of one step, (n,), from vectors (n, S, D) of the prompt."""
        count = len(vectors)
        if name == "t5":
            told = torch.cat([torch.tensor([0]), target[:-1]]).expand(count, -1)
            logits = network(inputs_embeds=vectors, decoder_input_ids=told).logits
        else:
            rest = table[target].expand(count, -1, -1)
            logits = network(inputs_embeds=torch.cat([vectors, rest], 1)).logits[:, len(ids) - 1 : -1]
        return logits.log_softmax(2)[:, step, target[step]]

    vectors = table[ids][None]
    ends = len(ids) - len(WORDS)
    start = torch.zeros_like(vectors)
    if ends:
        start[:, -ends:] = vectors[:, -ends:]
    for step in range(len(target)):
        simple = captum.InputXGradient(lambda batch, step=step: said(batch, step)).attribute(
            vectors.clone().requires_grad_()
        )
        assert torch.allclose(p.values["gradient"][step], simple.sum(2)[0], atol=1e-5)
        path = captum.IntegratedGradients(lambda batch, step=step: said(batch, step)).attribute(
            vectors.clone().requires_grad_(), start, n_steps=50, method="gausslegendre"
        )
        assert torch.allclose(p.values["integrated_gradients"][step], path.sum(2)[0], atol=1e-5)


@pytest.mark.parametrize("name", ["gpt", "t5"])
def test_what_the_network_writes_itself(name: str) -> None:
    network, tokenizer = made(name)
    p = prompt_attribution(network, tokenizer, PROMPT, methods="occlusion", longest=4)
    ids = torch.tensor([tokenizer(PROMPT)["input_ids"]])
    own = network.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=4, do_sample=False, pad_token_id=0
    )[0]
    tokens = own[1:] if name == "t5" else own[ids.shape[1] :]
    again = prompt_attribution(network, tokenizer, PROMPT, tokens.tolist(), methods="occlusion")
    assert torch.allclose(p.values["occlusion"], again.values["occlusion"])
    assert p.continuation == again.continuation
    assert 1 <= len(p.continuation) <= 4


class Parrot(nn.Module):
    """The more of some words the prompt has, the likelier is token 1: a planted truth."""

    def __init__(self, size: int, words: list[int]) -> None:
        super().__init__()
        self.config = SimpleNamespace(is_encoder_decoder=False, eos_token_id=0, bos_token_id=0)
        self.table = nn.Embedding(size, 3)
        with torch.no_grad():
            self.table.weight.zero_()[:, 1] = 1.0  # every word has a vector, some also say something
            self.table.weight[words, 0] = 1.0

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        level = self.table(input_ids)[:, :, 0].cumsum(1)
        return SimpleNamespace(logits=torch.cat([0 * level[:, :, None], 3 * level[:, :, None]], 2))


def test_planted_words_are_found_and_hiding_them_says_so() -> None:
    tokenizer = small.fast(small.byte_pairs())
    words = tokenizer.convert_tokens_to_ids(["Ġwonderful", "Ġgood", "Ġactors"])
    text = "the film is dull and wonderful and the story is bad but the actors are good"
    p = prompt_attribution(Parrot(len(tokenizer), words), tokenizer, text, [1], reference="padding", samples=1000)
    for name in p.values:
        found = p.summed(name).topk(3).indices.tolist()
        assert {p.prompt[place] for place in found} == {"wonderful", "good", "actors"}
    assert [finding.status for finding in p.evidence] == ["pass"] * 4
    assert [finding.details["method"] for finding in p.evidence] == list(p.values)
    few = prompt_attribution(Parrot(len(tokenizer), words), tokenizer, "dull wonderful", [1], methods="gradient")
    assert few.evidence[0].status == "untestable"


def test_it_is_drawn_listed_and_reported() -> None:
    network, tokenizer = made("gpt")
    p = prompt_attribution(network, tokenizer, "a dull film with actors", " good", controls=19)
    assert p.to_frame().shape == (len(p.continuation) * 5, 8)
    assert len(p.plot().axes) == 4
    page = xai.Report("why", [p]).html()
    assert "wonderful" not in page
    assert "What it writes rests on" in page
    assert "hiding" in page
    assert repr(p).startswith("PromptAttribution(1 tokens by 5 parts; gradient")


def test_parts_are_tokens_or_sentences_and_the_same_seed_the_same_numbers() -> None:
    network, tokenizer = made("t5")
    text = "unwatchable film. wonderful actors!"
    tokens = prompt_attribution(network, tokenizer, text, "good", units="tokens", methods="gradient")
    words = prompt_attribution(network, tokenizer, text, "good", methods="gradient")
    assert tokens.prompt == ("un", "watch", "able", "film", ".", "wonderful", "actors", "!", "</s>")
    assert torch.allclose(words.summed("gradient")[0], tokens.summed("gradient")[:3].sum())
    assert prompt_attribution(network, tokenizer, text, "good", units="sentences", methods="occlusion").prompt == (
        "unwatchable film.", "wonderful actors!", "</s>",
    )  # fmt: skip
    drawn = [prompt_attribution(network, tokenizer, text, "good", methods="shapley", samples=40) for _ in range(2)]
    assert torch.equal(drawn[0].values["shapley"], drawn[1].values["shapley"])
    assert float(drawn[0].standard_error["shapley"].max()) > 0
    total = torch.tensor(drawn[0].diagnostics["shapley"]["total"], dtype=torch.float64)
    assert torch.allclose(drawn[0].values["shapley"].sum(1), total)


def test_what_cannot_be_is_named() -> None:
    network, tokenizer = made("gpt")
    for wrong, said in (
        ({"methods": "magic"}, "methods: expected some of gradient"),
        ({"prompt": " "}, "prompt: expected a text"),
        ({"continuation": [10**6]}, "continuation: expected a text or ids"),
        ({"continuation": ""}, "continuation: expected a text or ids"),
        ({"baseline": "mask"}, "the tokenizer has no mask token"),
        ({"baseline": "unwatchable"}, "a string that is one token"),
        ({"reference": "mask"}, "reference: expected 'zero'"),
        ({"controls": 3}, "controls: expected a whole number from 19"),
    ):
        settings: dict[str, Any] = {"prompt": PROMPT, "continuation": " good", **wrong}
        with pytest.raises(InputError, match=f"prompt_attribution: .*{said}"):
            prompt_attribution(network, tokenizer, **settings)
    with pytest.raises(InputError, match="network: expected a language model"):
        prompt_attribution(nn.Linear(2, 2), tokenizer, PROMPT)
