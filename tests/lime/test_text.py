"""LIME on texts: exact round trip, exact weights on linear models, two routes to one answer, and gold features."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from xai.attribution.smooth_gradients import smoothgrad
from xai.base.errors import InputError
from xai.inputs.text import TextInput, to_texts
from xai.inputs.tokens import characters, cut
from xai.lime.text import lime_text
from xai.model.model import Model
from xai.plots.shaded_text import shaded_spans

AWKWARD = [
    "I <3 & you", "naïve cafe\u0301 \u0928\u093f", "👩‍👩‍👧 👍🏽 🇩🇪🇫🇷", "שלום עולם", "a\0b \0", "  spaces\t\r\n",
    "x" * 300, "</script><img src=x onerror=alert(1)>", "\ud800 lone", "e\u0301\u0302",
]  # fmt: skip


class Bag(nn.Module):
    """A word's number looked up and averaged: light, with a bend."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(words + 2, 8, padding_idx=0, mode="sum")
        self.last = nn.Linear(8, 2)

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        return self.last(torch.tanh(self.bag(numbers)))


def bag(text: str, **settings: object) -> Model:
    """Return a model whose vocabulary is most of a text's words."""
    words = sorted(set(text.lower().split()))[1:]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Bag(len(words))
    return Model(network, input=TextInput(vocabulary=words, **settings))


@pytest.mark.parametrize("text", AWKWARD)
@pytest.mark.parametrize("units", ["words", "characters", r"\S+", str.split])
@pytest.mark.parametrize("by", ["type", "position"])
def test_what_is_kept_is_kept_to_the_last_character(text: str, units: object, by: str) -> None:
    assert to_texts(TextInput().prepare([text, "short"]))[0] == text
    if units == "words" and not any(character.isalnum() for character in text):
        with pytest.raises(InputError, match="at least one token"):
            cut(text, units, by)
        return
    parts = cut(text, units, by)
    on = [True] * len(parts.names)
    assert parts.text(on) == text
    assert len(parts.owners()) == len(text)
    off = parts.text([False] * len(parts.names))
    assert off == "".join(piece for piece, number in zip(parts.pieces, parts.feature, strict=True) if number < 0)


@given(st.text(min_size=1, max_size=40))
def test_any_text_survives(text: str) -> None:
    assert to_texts(TextInput().prepare(text)) == [text]
    spans = characters(text)
    assert "".join(text[start:stop] for start, stop in spans) == text
    parts = cut(text, "characters", "position")
    assert parts.text([True] * len(parts.names)) == text


def test_characters_are_what_a_reader_counts() -> None:
    assert [text[slice(*span)] for text in ("👩‍👩‍👧a👍🏽",) for span in characters(text)] == ["👩‍👩‍👧", "a", "👍🏽"]
    assert len(characters("🇩🇪🇫🇷")) == 2
    assert len(characters("e\u0301\u0302x")) == 2


def test_letters_keep_their_marks() -> None:
    assert cut("cafe\u0301s \u0928\u093f\u0915 x", "words", "type").names == (
        "cafe\u0301s",
        "\u0928\u093f\u0915",
        "x",
    )


def test_a_word_is_one_feature_by_type_and_several_by_position() -> None:
    assert cut("a b a", "words", "type").text([False, True]) == " b "
    assert cut("a b a", "words", "position").text([False, True, True]) == " b a"
    assert cut("a b a", "words", "position").text([False, True, True], "[MASK]") == "[MASK] b a"


def test_weights_on_a_linear_model_are_its_coefficients() -> None:
    worth = {"good": 0.3, "bad": -0.2, "film": 0.05}

    def score(texts: list[str]) -> np.ndarray:
        return np.array([[0.4 + sum(worth.get(word, 0) for word in text.split())] for text in texts])

    model = Model.from_callable(score, input=TextInput(), task="regression")
    e = lime_text(model, "good film bad end", of="output", samples=200, penalty=0.0)
    assert dict(zip(e.value_names(), e.values[0].tolist(), strict=True)) == pytest.approx({**worth, "end": 0}, abs=1e-6)


@pytest.mark.parametrize("hide", [None, "the"])
@pytest.mark.parametrize("length", [None, 6])
@pytest.mark.parametrize("by", ["type", "position"])
def test_numbers_of_words_and_strings_are_two_routes_to_one_answer(
    hide: str | None, length: int | None, by: str
) -> None:
    text = "The film was good, but THE end was not good at all"
    model = bag(text, length=length)
    numbers = lime_text(model, text, samples=300, hide=hide, by=by)
    strings = lime_text(model, text, samples=300, hide=hide, by=by, units=r"\w\w*")
    assert numbers.value_names() == strings.value_names()
    assert torch.allclose(numbers.values[0], strings.values[0], atol=1e-6)


def test_a_users_tokenizer_and_a_mask_token() -> None:
    seen: list[str] = []

    def score(texts: list[str]) -> np.ndarray:
        seen.extend(texts)
        return np.full((len(texts), 2), 0.5)

    model = Model.from_callable(score, input=TextInput())
    e = lime_text(model, "New York, here", units=lambda text: ["New York", "here"], hide="[MASK]", samples=20)
    assert e.value_names() == ["New York", "here"]
    # The text with nothing left of it lies so far away that it is not drawn in 20 samples.
    assert {"New York, here", "[MASK], here", "New York, [MASK]"} <= set(seen)
    assert set(seen) <= {"New York, here", "[MASK], here", "New York, [MASK]", "[MASK], [MASK]"}
    with pytest.raises(InputError, match="units"):
        lime_text(model, "abc", units=lambda text: ["nowhere"], samples=20)


@pytest.mark.parametrize("by", ["type", "position"])
def test_weights_agree_with_lime(by: str) -> None:
    text = "the film was good but the end was not good at all and long"
    model = bag(text)
    ours = lime_text(model, text, by=by, samples=4000, kernel_width=0.25)
    theirs = lime_text(model, text, by=by, samples=4000, kernel_width=0.25, engine="lime")
    assert ours.value_names() == theirs.value_names()
    assert np.corrcoef(ours.values[0], theirs.values[0])[0, 1] > 0.98


@pytest.mark.parametrize("texts", ["", ["fine", ""], "...", [], 3, None, ["a", 1]], ids=str)
def test_what_is_no_text_is_named(texts: object) -> None:
    with pytest.raises(InputError, match=r"lime_text: .*expected"):
        lime_text(bag("some words here"), texts, samples=20)


@pytest.mark.parametrize("settings", [{"by": "kind"}, {"hide": 3}, {"units": "("}, {"units": 4}], ids=str)
def test_what_cannot_be_is_named(settings: dict) -> None:
    with pytest.raises(InputError, match=r"lime_text: \w+: expected"):
        lime_text(bag("some words here"), "some words", samples=20, **settings)


def test_it_survives_saving_and_recomputing(tmp_path) -> None:
    from xai.evidence.recompute import recompute

    model = bag("some words here and there")
    e = lime_text(model, AWKWARD[:2], samples=100)
    back = type(e).load(e.save(tmp_path / "e.safetensors"))
    assert back.row_names == e.row_names
    assert to_texts(back.inputs) == AWKWARD[:2]
    assert torch.equal(recompute(model, back).values[0], e.values[0])


def documents(count: int) -> tuple[list[str], np.ndarray]:
    """Return texts of 60 words from a vocabulary of 400 with Zipf's law, and labels that hang on ten of them."""
    rng = np.random.default_rng(0)
    rank = rng.permutation(400)
    chance = 1 / (rank + 10.0)
    texts = rng.choice(400, (count, 60), p=chance / chance.sum())
    planted = rng.choice(400, 10, replace=False, p=chance / chance.sum())
    present = np.stack([(texts == word).any(1) for word in planted], 1)
    labels = (present @ rng.normal(0, 2, 10) + rng.normal(0, 0.3, count)) > 0
    return [" ".join(f"w{word}" for word in text) for text in texts], labels.astype(int)


@pytest.mark.parametrize("kind", ["logistic", "tree"])
def test_gold_features_are_found(kind: str) -> None:
    """Section 5.2 of the LIME paper: models that use at most 10 features; how many of them are in the top 10?"""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.tree import DecisionTreeClassifier

    texts, labels = documents(600)
    vectorizer = CountVectorizer(binary=True)
    table = vectorizer.fit_transform(texts)
    if kind == "logistic":
        strengths = (0.01, 0.02, 0.03, 0.05, 0.08, 0.12)
        tried = [LogisticRegression(C=c, l1_ratio=1, solver="liblinear").fit(table, labels) for c in strengths]
        classifier = max((m for m in tried if (m.coef_ != 0).sum() <= 10), key=lambda m: (m.coef_ != 0).sum())
        used = [set(np.flatnonzero(classifier.coef_[0]))] * 25
    else:
        classifier = DecisionTreeClassifier(max_leaf_nodes=11, random_state=0).fit(table, labels)
        paths = [classifier.decision_path(table[row]).indices for row in range(25)]
        used = [{int(f) for f in classifier.tree_.feature[path] if f >= 0} for path in paths]
    model = Model.from_callable(lambda part: classifier.predict_proba(vectorizer.transform(part)), input=TextInput())
    e = lime_text(model, texts[:25], samples=1000)
    names = vectorizer.get_feature_names_out()
    recalls = []
    for row in range(25):
        gold = {names[number] for number in used[row]} & set(texts[row].split())
        top = [e.value_names(row)[number] for number in e.values[row].abs().topk(10).indices.tolist()]
        if gold:
            recalls.append(len(gold & set(top)) / len(gold))
    assert len(recalls) >= 15
    assert np.mean(recalls) >= 0.92


def reader() -> Model:
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(5, 4, padding_idx=0)
            self.linear = nn.Linear(4, 2)

        def forward(self, words: torch.Tensor) -> torch.Tensor:
            return self.linear(torch.tanh(self.table(words)).sum(1))

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Model(Reader(), input=TextInput(["good", "bad", "film"]))


def test_numbers_of_words_are_explained_as_those_words() -> None:
    """Not as characters of these codes."""
    model = reader()
    by_number = lime_text(model, torch.tensor([[2, 4, 3, 0]]), samples=200)
    by_text = lime_text(model, ["good film bad"], samples=200)
    assert by_number.row_names == (("good", "film", "bad"),)
    assert torch.equal(by_number.values[0], by_text.values[0])
    assert "".join(piece.text for piece in shaded_spans(by_number)) == "good film bad"
    with pytest.raises(InputError, match="lime_text: inputs: expected rows of whole numbers from 0 to 4"):
        lime_text(model, torch.tensor([[9]]))


def test_padding_behind_numbers_of_words_has_an_error_too() -> None:
    """Values and standard errors are of the same places, so that a table and a picture can be made."""
    made = smoothgrad(reader(), torch.tensor([[2, 4, 3, 0, 0]]), samples=4)
    assert made.standard_error[0].shape == made.values[0].shape == (5,)
    assert made.standard_error[0][3:].tolist() == [0, 0]
    assert [piece.text for piece in shaded_spans(made)][:3] == ["good", " ", "film"]
