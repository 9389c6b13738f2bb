"""What an encoder-decoder writes, in words, against its own steps."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from models.networks.seq2seq import STOP, WIRINGS, encoder_decoder
from models.transcription import transcribe
from tests.trace_state import differences, state_of
from xai.base.errors import InputError
from xai.inputs.text import TextInput
from xai.model.model import Model

LETTERS = TextInput(list("abc"), pattern=".", length=6)
CLASSES = ["(padding)", "(end)", "AH", "B", "K"]


def speller(attention: str, seed: int = 0) -> Model:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = encoder_decoder(5, 5, hidden=8, embedding=6, attention=attention, longest=7, dropout=0.3)
        for parameter in network.parameters():
            parameter.data *= 3  # far from even chances, so that some words end early
    return Model(network, classes=CLASSES, input=LETTERS)


@pytest.mark.parametrize("attention", WIRINGS)
def test_every_symbol_is_the_most_probable_next_one(attention: str) -> None:
    """Step by step: told what it wrote so far, the network itself names the next symbol and its chance."""
    lengths = set()
    for seed in range(4):
        model = speller(attention, seed)
        texts = ["abc", "c", "bbabca"]
        for text, written in zip(texts, transcribe(model, texts), strict=True):
            source = LETTERS.feed([text])
            numbers = [CLASSES.index(symbol) for symbol in written.symbols]
            with torch.no_grad():
                followed = model.network.eval().follow(source, torch.tensor([[*numbers, STOP]]))
            for step, (number, chance) in enumerate(zip(numbers, written.chances, strict=True)):
                scores = followed.logits[0, step].softmax(0)
                assert int(scores.argmax()) == number
                assert chance == pytest.approx(float(scores[number]), abs=1e-5)
            if len(numbers) < 7:
                assert int(followed.logits[0, len(numbers)].argmax()) == STOP
            if attention == "none":
                assert written.attention is None
            else:
                looked = torch.tensor(written.attention).reshape(len(numbers), len(text))
                torch.testing.assert_close(looked.sum(1), torch.ones(len(numbers)))
            lengths.add(len(numbers))
    assert len(lengths) > 1


def test_it_leaves_no_trace() -> None:
    model = speller("state")
    model.network.train()
    before = state_of(model.network)
    assert transcribe(model, "ab") == transcribe(model, ["ab"])
    assert differences(before, state_of(model.network)) == []


def test_one_step_can_be_explained_as_a_model_of_its_own() -> None:
    model = speller("state")
    first = Model(model.network, classes=CLASSES, input=LETTERS, forward=lambda network, batch: network(batch)[:, 0])
    (written,) = transcribe(model, "abc")
    scores = first.predict(["abc"])
    assert CLASSES[int(scores.argmax())] == (written.symbols or ["(end)"])[0]


def test_what_cannot_be_transcribed_is_named() -> None:
    with pytest.raises(InputError, match="transcribe: model: expected an encoder-decoder that reads texts"):
        transcribe(Model(nn.Linear(2, 2)), "abc")
    for texts, message in ((3, "a string or a list of strings"), ([], "list"), (["abc", "\n"], "none in row 1")):
        with pytest.raises(InputError, match=f"transcribe: texts: .*{message}"):
            transcribe(speller("state"), texts)
