"""Texts through tokenizers: the network is called with what the tokenizer says, and every token has its name."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.texts import small
from xai.attribution.gradient_methods import input_x_gradient, saliency
from xai.base.errors import InputError, XaiWarning
from xai.inputs.text import TextInput, to_texts
from xai.inputs.token_spans import locate, sentences
from xai.lime.text import lime_text
from xai.model.model import Model

TEXTS = ["A dull film, unwatchable!", "wonderful", "电影很好看 wonderful"]
TOKENIZERS = {"word pieces": small.word_pieces, "byte pairs": small.byte_pairs, "unigrams": small.unigrams}


SEEN: dict[str, Tensor] = {}  # an attribute of the network would be put back


class Spy(nn.Module):
    """Says what it was called with."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(400, 4)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        SEEN.update(input_ids=input_ids, attention_mask=attention_mask)
        if token_type_ids is not None:
            SEEN["token_type_ids"] = token_type_ids
        return (self.table(input_ids) * attention_mask[:, :, None]).sum(1)


def asked(tokenizer: Any, texts: object, **settings: Any) -> dict[str, list]:
    model = Model(Spy(), input=TextInput.of(tokenizer, **settings))
    SEEN.clear()
    model.forward_on(model.network, model.prepare(texts))
    return {name: part.tolist() for name, part in SEEN.items()}


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("name", TOKENIZERS)
def test_the_network_gets_what_the_tokenizer_says(name: str, side: str) -> None:
    tokenizer = small.fast(TOKENIZERS[name](), padding_side=side)
    if name == "byte pairs":
        tokenizer.pad_token = tokenizer.eos_token
    own = tokenizer(TEXTS, padding=True)
    assert asked(tokenizer, TEXTS) == {key: own[key] for key in ("input_ids", "attention_mask")}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_tokenizer_without_transformers_says_the_same(name: str) -> None:
    plain, wrapped = TOKENIZERS[name](), small.fast(TOKENIZERS[name]())
    before = plain.to_str()
    ours = asked(plain, TEXTS)
    theirs = asked(wrapped, TEXTS)
    assert ours["attention_mask"] == theirs["attention_mask"]
    assert ours["input_ids"] == theirs["input_ids"]
    assert plain.to_str() == before


def test_pairs_are_handed_on_as_pairs() -> None:
    tokenizer = small.bert_tokenizer()
    pairs = [("a dull film", "the actors"), ("wonderful", "a")]
    own = tokenizer(*zip(*pairs, strict=True), padding=True)
    assert asked(tokenizer, pairs) == dict(own)
    model = Model(small.bert(), input=TextInput.of(tokenizer))
    e = saliency(model, pairs)
    assert e.row_names[0] == ("[CLS]", "a", "dull", "film", "[SEP]", "the", "actors", "[SEP]")
    text, owners = to_texts(e.inputs[:1])[0], e.segments[0].tolist()
    assert ["".join(c for c, o in zip(text, owners, strict=False) if o == part) for part in (1, 2, 3, 5, 6)] == [
        "a", "dull", "film", "the", "actors",
    ]  # fmt: skip
    assert lime_text(model, pairs[:1], samples=100).row_names[0] == ("a", "dull", "film", "the", "actors")
    alone = model.network(**tokenizer(*pairs[1], return_tensors="pt")).logits.softmax(1)
    assert torch.allclose(model.predict(pairs)[1], alone[0])


def test_words_are_pieces_put_together_and_special_tokens_have_their_names() -> None:
    e = input_x_gradient(Model(small.bert(), input=TextInput.of(small.bert_tokenizer())), TEXTS[:1])
    assert e.row_names[0] == ("[CLS]", "A", "dull", "film", ",", "unwatchable", "!", "[SEP]")
    ids = small.bert_tokenizer()(TEXTS[:1], return_tensors="pt")
    tokens = input_x_gradient(Model(small.bert(), input=TextInput.of(small.bert_tokenizer())), ids)
    names = list(tokens.row_names[0])
    assert names == small.bert_tokenizer().convert_ids_to_tokens(ids["input_ids"][0])
    first, last = names.index("un"), names.index("!")
    assert names[first:last] == ["un", "##watch", "##able"]
    assert torch.allclose(e.values[0][5], tokens.values[0][first:last].sum())
    assert torch.allclose(e.values[0].sum(), tokens.values[0].sum())


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("word pieces", ["电", "影", "很", "好", "看", "wonderful"]),
        ("byte pairs", ["电影", "很", "好看", "wonderful"]),
        ("unigrams", ["电影", "很", "好看", "wonderful"]),
    ],
)
def test_chinese_is_cut_by_the_tokenizer(name: str, parts: list[str]) -> None:
    texts = TextInput.of(TOKENIZERS[name]())
    spans = texts.spans(TEXTS[2])
    assert [TEXTS[2][start:stop] for start, stop in spans] == parts


def test_japanese_is_cut_by_the_tokenizer() -> None:
    text = "映画はとても面白い"
    for name in TOKENIZERS:
        spans = TextInput.of(TOKENIZERS[name]()).spans(text)
        assert len(spans) > 1
        assert "".join(text[start:stop] for start, stop in spans) == text


def test_what_the_network_does_not_read_is_said() -> None:
    tokenizer = small.bert_tokenizer(model_max_length=6)
    with pytest.warns(XaiWarning, match="inputs: 2 of 3 are cut"):
        assert asked(tokenizer, TEXTS) == {
            key: tokenizer(TEXTS, padding=True, truncation=True)[key]
            for key in ("input_ids", "attention_mask", "token_type_ids")
        }
    for given in (small.bert_tokenizer(), small.word_pieces()):
        model = Model(small.bert(), input=TextInput.of(given, max_length=6))
        with pytest.warns(XaiWarning, match="longer than the tokens that the network reads"):
            e = saliency(model, TEXTS)
        counts = [len(row) - 6 for row in tokenizer(TEXTS, verbose=False)["input_ids"]]
        assert [row["tokens_cut_off"] for row in e.diagnostics] == [max(0, count) for count in counts]
        assert e.row_names[0] == ("[CLS]", "A", "dull", "film", ",", "[SEP]")[: len(e.row_names[0])]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "tokens_cut_off" not in saliency(model, ["dull"]).diagnostics[0]


def test_a_network_that_was_told_of_no_padding_answers_to_each_text_as_alone() -> None:
    network, tokenizer = small.gpt_classifier(), small.fast(small.byte_pairs())
    model = Model(network, input=TextInput.of(tokenizer))
    alone = torch.cat([network(**tokenizer(text, return_tensors="pt")).logits.softmax(1) for text in TEXTS])
    assert torch.allclose(model.predict(TEXTS), alone)
    assert network.config.pad_token_id is None
    together, single = saliency(model, TEXTS, 1), saliency(model, TEXTS[1:2], 1)
    assert torch.allclose(together.values[1], single.values[0])


def test_a_slow_tokenizer_without_offsets() -> None:
    tokenizer = small.transformers.ByT5Tokenizer(extra_ids=0)
    assert not tokenizer.is_fast
    texts = TextInput.of(tokenizer)
    text = "né d'un 电影 film"
    assert [text[start:stop] for start, stop in texts.spans(text)] == ["né", "d", "'", "un", "电影", "film"]
    own = tokenizer([text, "a"], padding=True)
    assert asked(tokenizer, [text, "a"]) == {key: own[key] for key in ("input_ids", "attention_mask")}


def test_pieces_are_found_where_no_offsets_are_said() -> None:
    assert locate("Ein café. Café noir", ["ein", "[UNK]", ".", "cafe", "noi", "##r"]) == [
        (0, 3), (4, 8), (8, 9), (10, 14), (15, 18), (18, 19),
    ]  # fmt: skip


def test_sentences() -> None:
    text = 'It costs 3.50. "Too much!" he said... 好。不!'
    found = [text[start:stop] for start, stop in sentences(text)]
    assert found == ["It costs 3.50.", '"Too much!"', "he said...", "好。", "不!"]


def test_the_caller_s_own_forward_gets_the_tensors_by_name() -> None:
    network, tokenizer = small.bert(), small.bert_tokenizer()
    model = Model(network, input=TextInput.of(tokenizer), forward=lambda net, tokens: net(**tokens).logits[:, :2])
    plain = Model(network, input=TextInput.of(tokenizer))
    assert model.predict(TEXTS).shape == (3, 2)
    assert torch.allclose(saliency(model, TEXTS, 1).values[0], saliency(plain, TEXTS, 1).values[0])


def test_a_network_of_one_s_own_reads_the_ids_alone() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(120, 3)

        def forward(self, words: Tensor) -> Tensor:
            return self.table(words).sum(1)

    e = saliency(Model(Own(), input=TextInput.of(small.word_pieces())), ["wonderful film"], 0)
    assert e.row_names == (("[CLS]", "wonderful", "film", "[SEP]"),)


def test_what_is_no_tokenizer_is_named() -> None:
    with pytest.raises(InputError, match="a tokenizer of transformers or tokenizers"):
        TextInput.of(str.split)
    with pytest.raises(InputError, match="max_length: expected a whole number from 1"):
        TextInput.of(small.word_pieces(), max_length=0)
    texts = TextInput.of(small.word_pieces())
    with pytest.raises(InputError, match=r"ids \(N, L\) below"):
        texts.prepare(torch.full((1, 3), 5000))
    with pytest.raises(InputError, match="several pair separators"):
        texts.feed(["a\x1eb\x1ec"])
    assert TextInput.of(texts) is texts
