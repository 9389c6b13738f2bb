"""Words, sentences and tokens are hidden: what the network then reads, closed forms, and evidence."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import pytest
import torch
from torch import Tensor, nn

import xai
from tests.texts import small
from xai.attribution.occlusion import occlusion
from xai.attribution.shapley import kernel_shap
from xai.base.errors import InputError
from xai.evidence.verify import verify
from xai.inputs.text import TextInput
from xai.inputs.tokenizers import token_spans
from xai.lime.text import lime_text
from xai.model.model import Model

TEXT = "unwatchable film. wonderful actors!"
WORDS = ("unwatchable", "film", ".", "wonderful", "actors", "!")
ID = small.word_pieces().token_to_id


class Pairs(nn.Module):
    """Says the sum of its ids, and the product of the ids of its first and last word: words depend on each other."""

    def __init__(self) -> None:
        super().__init__()
        self.zero = nn.Parameter(torch.zeros(1, dtype=torch.float64))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        values = input_ids.double() * attention_mask
        count = attention_mask.sum(1)
        inner = values[:, 1] * values.gather(1, (count - 2)[:, None])[:, 0]
        return (values.sum(1) + inner)[:, None] + self.zero


def model() -> Model:
    return Model(Pairs(), task="regression", input=TextInput.of(small.word_pieces()))


def answer(*pieces: str) -> float:
    ids = [ID(piece) for piece in ("[CLS]", *pieces, "[SEP]")]
    return float(sum(ids) + ids[1] * ids[-2])


PIECES = {"unwatchable": ["un", "##watch", "##able"]}


def shown(words: tuple[str, ...], kept: set[int], hide: str | None) -> float:
    """Return the answer to a text of which only some words are shown."""
    pieces: list[str] = []
    for place, word in enumerate(words):
        own = PIECES.get(word, [word])
        pieces += own if place in kept else [] if hide is None else [hide] * len(own)
    return answer(*pieces)


@pytest.mark.parametrize(
    ("baseline", "hide"), [(None, "[MASK]"), ("mask", "[MASK]"), ("removed", None), ("bad", "bad")]
)
def test_occlusion_takes_a_word_or_puts_a_token_in_its_place(baseline: str | None, hide: str | None) -> None:
    e = occlusion(model(), TEXT, baseline=baseline)
    assert e.row_names[0] == WORDS
    everything = set(range(len(WORDS)))
    falls = [shown(WORDS, everything, hide) - shown(WORDS, everything - {place}, hide) for place in everything]
    assert e.values[0].tolist() == pytest.approx(falls)
    assert e.baseline == (baseline or "mask")


def test_shapley_values_are_those_of_all_orders() -> None:
    text, words = "unwatchable film wonderful", ("unwatchable", "film", "wonderful")
    e = kernel_shap(model(), [text, "film"])
    expected = torch.zeros(3, dtype=torch.float64)
    orders = list(permutations(range(3)))
    for order in orders:
        kept: set[int] = set()
        for place in order:
            before = shown(words, kept, "[MASK]")
            kept = kept | {place}
            expected[place] += (shown(words, kept, "[MASK]") - before) / len(orders)
    assert e.values[0].tolist() == pytest.approx(expected.tolist())
    assert e.row_names == (words, ("film",))
    assert e.over == "tokens"
    assert float(e.values[1][0]) == pytest.approx(answer("film") - answer("[MASK]"))


def test_parts_are_words_tokens_or_sentences() -> None:
    sentences = occlusion(model(), TEXT, segments="sentences", baseline="removed")
    assert sentences.row_names[0] == ("unwatchable film.", "wonderful actors!")
    whole = answer("un", "##watch", "##able", "film", ".", "wonderful", "actors", "!")
    assert float(sentences.values[0][0]) == pytest.approx(whole - answer("wonderful", "actors", "!"))
    tokens = kernel_shap(model(), TEXT, segments="tokens", samples=100)
    assert tokens.row_names[0] == ("un", "watch", "able", "film", ".", "wonderful", "actors", "!")
    assert float(tokens.values[0].sum()) == pytest.approx(whole - answer(*["[MASK]"] * 8))
    assert lime_text(model(), TEXT, units="sentences", samples=50).row_names[0] == sentences.row_names[0]
    plain = Model.from_callable(lambda texts: [[len(text)] for text in texts], task="regression", input=TextInput())
    both = occlusion(plain, TEXT, segments="sentences")
    assert both.values[0].tolist() == [17.0, 17.0]


def test_padding_on_the_left_follows() -> None:
    class First(nn.Module):
        def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
            assert bool((attention_mask[:, -1] == 1).all())  # the text stands at the end
            return (input_ids * attention_mask).double().sum(1, keepdim=True)

    left = small.fast(small.word_pieces(), padding_side="left")
    e = lime_text(Model(First(), task="regression", input=TextInput.of(left)), "good bad film", samples=60, penalty=0.0)
    assert e.values[0].tolist() == pytest.approx([ID("good"), ID("bad"), ID("film")], abs=1e-3)


def test_a_string_of_several_tokens_is_put_in_the_string() -> None:
    e = occlusion(model(), "film good", baseline="unwatchable")
    assert float(e.values[0][0]) == pytest.approx(answer("film", "good") - answer("un", "##watch", "##able", "good"))


def test_ids_that_were_given_are_hidden_one_by_one_but_for_special_tokens() -> None:
    ids = torch.tensor([[ID("[CLS]"), ID("film"), ID("good"), ID("[SEP]"), ID("[PAD]")]])
    e = occlusion(model(), ids)
    assert e.row_names[0] == ("film", "good")
    assert e.values[0].tolist() == pytest.approx(
        [answer("film", "good") - answer("[MASK]", "good"), answer("film", "good") - answer("film", "[MASK]")]
    )


def test_a_tokenizer_without_a_mask_takes_words_out() -> None:
    texts = TextInput.of(small.byte_pairs())
    network = Model(small.gpt_classifier(), input=texts)
    e = occlusion(network, "a dull film", 1)
    assert e.baseline == "removed"
    with torch.no_grad():
        alone = [float(network.forward_on(network.network, [part])[0, 1]) for part in ("a dull film", "a dull")]
    assert float(e.values[0][2]) == pytest.approx(alone[0] - alone[1], abs=1e-6)
    with pytest.raises(InputError, match="the tokenizer has no mask token"):
        occlusion(network, "a dull film", baseline="mask")


@pytest.mark.parametrize("method", [occlusion, kernel_shap, xai.integrated_gradients])
def test_evidence_hides_words_as_the_method_does(method: object) -> None:
    network = Model(small.bert(), input=TextInput.of(small.bert_tokenizer()))
    settings = {"samples": 64} if method is kernel_shap else {"steps": 4} if method is not occlusion else {}
    made = method(network, [TEXT], 1, **settings)
    found = verify(network, made, ["faithfulness"])
    if method in (occlusion, kernel_shap):
        assert "the mask token" in str(found.evidence[0][0].details["replacement"])
        assert found.evidence[0][0].score > 0.5


def test_what_stands_in_place_of_a_word_is_a_string() -> None:
    with pytest.raises(InputError, match="occlusion: baseline: expected of texts 'mask'"):
        occlusion(model(), TEXT, baseline=0.5)
    with pytest.raises(InputError, match="kernel_shap: background: expected of texts"):
        kernel_shap(model(), TEXT, background=torch.zeros(3, 4))
    with pytest.raises(InputError, match="window: expected none beside parts"):
        occlusion(model(), TEXT, window=3)


@pytest.mark.parametrize("make", [small.word_pieces, small.bert_tokenizer])
def test_lime_takes_out_the_pieces_of_a_tokenizer(make: Callable[[], object]) -> None:
    made = lime_text(model(), "an unwatchable film", units=make(), samples=20)
    assert made.value_names() == ["a", "n", "un", "watch", "able", "film"]
    cut_short = Model.from_callable(lambda texts: [[0.5, 0.5]] * len(texts), input=TextInput())
    shaped = small.bert_tokenizer(model_max_length=4)
    assert lime_text(cut_short, "bad actors are bad", units=shaped, samples=20).value_names() == [
        "bad",
        "actors",
        "are",
    ]


def test_several_tokens_of_one_letter_are_one_piece() -> None:
    bytes_of = small.fast(small.byte_pairs())
    assert token_spans("a 很 film", bytes_of)[:2] == [(0, 1), (2, 3)]
