"""Alignment: closed forms, finite differences, and attention that decides beside attention that is ignored."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from models.networks.seq2seq import WIRINGS, encoder_decoder
from tests.trace_state import differences, state_of
from xai.base.errors import InputError, LayerError, NetworkError, TargetError, XaiError
from xai.inputs.text import TextInput
from xai.model.model import Model
from xai.network.fuse import faster_form
from xai.network.trace import trace
from xai.sequences.alignment import alignment
from xai.sequences.attention import without

LETTERS = list("abcdefgh")
PHONEMES = ["_", "|", *"ABCDEFGH"]
INPUT = TextInput(LETTERS, pattern=".")


class Pointer(nn.Module):
    """Step t looks mostly at letter t and answers with it: through its attention, or past it."""

    def __init__(self, ignored: bool = False) -> None:
        super().__init__()
        self.vectors = nn.Embedding(10, 10)
        self.attention_weights = nn.Identity()
        self.ignored = ignored
        with torch.no_grad():
            self.vectors.weight.copy_(6 * torch.eye(10))

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        states = self.vectors(source)
        steps, places = torch.arange(target.shape[1])[:, None], torch.arange(source.shape[1])[None]
        scores = -1.5 * (steps - places).abs().to(states.dtype) - 0.1 * places.to(states.dtype)
        scores = scores.expand(len(source), -1, -1).masked_fill((source == 0)[:, None], -torch.inf)
        weights = self.attention_weights(scores.softmax(2))
        if not self.ignored:
            return weights @ states
        padded = nn.functional.pad(states, (0, 0, 0, target.shape[1]))
        return padded[:, : target.shape[1]] + 0 * (weights @ states)


def model_of(network: nn.Module, **settings: object) -> Model:
    return Model(network, input=INPUT, classes=PHONEMES, **settings)


def small(attention: str) -> Model:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = encoder_decoder(10, 10, hidden=6, embedding=4, attention=attention, longest=8).double()
    return model_of(network)


def test_attention_that_decides_passes_and_attention_that_is_ignored_fails() -> None:
    target = [list("ABCDEF"), list("HGH")]
    uses = alignment(model_of(Pointer()), ["abcdef", "hgh"], target)
    finding = uses.evidence[0][0]
    assert finding.status == "pass", finding.text
    assert finding.details["rank_correlation"] > 0.9
    assert finding.details["flipped_top"] == 6
    assert "Attention decides" in finding.text
    ignored = alignment(model_of(Pointer(ignored=True)), ["abcdef", "hgh"], target)
    assert [row[0].status for row in ignored.evidence] == ["fail", "fail"]
    assert "not used" in ignored.evidence[0][0].text
    # The weights are the same: only taking them away tells the two apart.
    assert all(torch.equal(a, b) for a, b in zip(uses.attention, ignored.attention, strict=True))
    assert ignored.gradient[0].argmax(1).tolist() == list(range(6))


def test_weights_that_lie_about_the_order_fail() -> None:
    """The weights favor the first letters, but what they weigh grows faster towards the last ones."""

    class Liar(Pointer):
        def forward(self, source: Tensor, target: Tensor) -> Tensor:
            places = torch.arange(source.shape[1]).float()
            weights = (-0.5 * places).softmax(0).expand(len(source), target.shape[1], -1)
            values = self.vectors(source) * (1.5 * places - 6).exp()[:, None]
            return 2 * self.attention_weights(weights) @ values

    finding = alignment(model_of(Liar()), "abcdefgh", [list("ABCDEFGH")]).evidence[0][0]
    assert finding.status == "fail", finding
    assert finding.details["change_most"] > 0.01
    assert "does not say what matters" in finding.text


def test_one_weight_is_taken_away_and_the_others_keep_their_proportions() -> None:
    weights = torch.tensor([[0.6, 0.3, 0.1], [1.0, 0.0, 0.0]]).double()
    left = without(weights)
    assert left[0].tolist() == [
        pytest.approx([0, 0.75, 0.25]), pytest.approx([6 / 7, 0, 1 / 7]), pytest.approx([2 / 3, 1 / 3, 0])
    ]  # fmt: skip
    assert left[1, 0].tolist() == [0, 0.5, 0.5]


@pytest.mark.parametrize("attention", ["state", "previous_output"])
def test_what_changes_is_what_the_equations_say_without_a_weight(attention: str) -> None:
    """Against a network in which the weight is taken away in the equations, at one step."""
    import models.networks.seq2seq as seq2seq

    model = small(attention)
    source, target = "abcd", torch.tensor([[3, 5, 7, 1]])
    made = alignment(model, source, target)
    numbers = model.input.feed([source])
    network = model.network.eval()
    plain = network(numbers, target).softmax(2)[0]
    own = seq2seq.dot_product_attention
    for step, place in ((0, 1), (2, 3), (3, 0)):
        calls = iter(range(100))

        def taken(query: Tensor, states: Tensor, present: Tensor, through: object, calls=calls, step=step, place=place):
            _, weights = own(query, states, present)
            at = step if attention == "state" else step - next(calls)
            if 0 <= at < weights.shape[1]:
                weights = weights.clone()
                weights[0, at, place] = 0
                weights[0, at] /= weights[0, at].sum()
            return weights @ states, weights

        seq2seq.dot_product_attention = taken
        try:
            changed = network(numbers, target).softmax(2)[0]
        finally:
            seq2seq.dot_product_attention = own
        expected = 0.5 * (changed[step] - plain[step]).abs().sum()
        assert made.evidence[0][0].details["change"][step][place] == pytest.approx(float(expected.detach()), abs=1e-9)


@pytest.mark.parametrize("attention", WIRINGS)
def test_gradient_and_occlusion_against_the_network_itself(attention: str) -> None:
    model = small(attention)
    texts, target = ["abcd", "ge"], torch.tensor([[3, 5, 7, 1], [4, 1, 0, 0]])
    before = state_of(model.network)
    made = alignment(model, texts, target)
    assert differences(before, state_of(model.network)) == []
    assert [matrix.shape for matrix in made.occlusion] == [(4, 4), (2, 2)]
    network = model.network.eval()
    numbers = model.input.feed(texts)
    table = network.source_embedding.weight

    def said(row: int) -> Tensor:
        with torch.no_grad():
            scores = network(numbers[row : row + 1], target[row : row + 1]).log_softmax(2)
        return scores[0].gather(1, target[row][:, None])[:, 0]

    for row, (high, wide) in enumerate([(4, 4), (2, 2)]):
        plain = said(row)[:high]
        assert torch.allclose(made.probability[row], plain.exp())
        for place in range(wide):
            number = int(numbers[row, place])
            kept = table.data[number].clone()
            slopes = torch.zeros(high).double()
            for axis in range(4):
                moved = []
                for sign in (1, -1):
                    table.data[number] = kept
                    table.data[number, axis] += sign * 1e-6
                    moved.append(said(row)[:high])
                slopes += (moved[0] - moved[1]) / 2e-6 * kept[axis]
            table.data[number] = 0
            occluded = plain - said(row)[:high]
            table.data[number] = kept
            assert torch.allclose(made.gradient[row][:, place], slopes, atol=1e-6)
            assert torch.allclose(made.occlusion[row][:, place], occluded, atol=1e-9)
    if attention == "none":
        assert made.attention is None
        assert made.evidence[0][0].status == "untestable"
    else:
        written = network.follow(numbers, target)
        assert torch.allclose(made.attention[1].double(), written.attention[1, :2, :2], atol=1e-6)


def test_without_a_target_it_is_what_the_network_writes() -> None:
    model = small("state")
    written = model.network.eval().write(model.input.feed(["abcd", "gefa"]))
    made = alignment(model, ["abcd", "gefa"], longest=8)
    for row, names in enumerate(made.target):
        assert list(names) == [PHONEMES[number] for number in written.symbols[row].tolist()][: len(names)]


def test_it_is_the_same_for_the_same_seed_and_for_a_row_alone() -> None:
    model = small("state")
    both = alignment(model, ["abcd", "ge"], [list("ABC"), list("GE")])
    alone = alignment(model, "ge", list("GE"), batch_size=3)
    assert torch.allclose(both.gradient[1], alone.gradient[0], atol=1e-9)
    assert both.evidence[1][0].score == alone.evidence[0][0].score
    assert len(both[1]) == 1
    assert both[1].target == (("G", "E"),)
    frame = both.to_frame()
    assert len(frame) == 12 + 4
    assert set(frame.columns) == {"row", "step", "target", "position", "source", "gradient", "occlusion", "attention"}


def test_a_forward_of_its_own() -> None:
    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Pointer()

        def forward(self, words: Tensor) -> Tensor:
            raise AssertionError

    made = alignment(
        model_of(Wrapped()), "abc", list("ABC"), layer="inner.attention_weights",
        follow=lambda network, source, target: network.inner(source, target),
    )  # fmt: skip
    assert torch.equal(made.gradient[0], alignment(model_of(Pointer()), "abc", list("ABC")).gradient[0])


@pytest.mark.parametrize(
    ("source", "target", "settings", "error", "says"),
    [
        ("", None, {}, InputError, "source"),
        ("abc", list("XYZ"), {}, TargetError, "target: expected a class name"),
        ("abc", [[99]], {}, TargetError, "number from 0 to 9"),
        ("abc", [], {}, TargetError, "target"),
        (["abc", "b"], [["A"]], {}, TargetError, "2 lists of symbols"),
        ("abc", list("ABC"), {"layer": "nothing"}, LayerError, "layer: expected one like"),
        ("abc", list("ABC"), {"layer": "vectors"}, LayerError, "layer 'vectors': expected weights"),
        ("abc", list("ABC"), {"permutations": 3}, InputError, "permutations"),
        ("abc", list("ABC"), {"follow": lambda network, source, target: source}, NetworkError, "scores of shape"),
        ("abc", list("ABC"), {"follow": lambda *_: 1 / 0}, NetworkError, "ZeroDivisionError"),
        ("?!", list("ABC"), {}, XaiError, "expected"),
    ],
)
def test_what_cannot_be_is_named(source: object, target: object, settings: dict, error: type, says: str) -> None:
    model = model_of(Pointer())
    if source == "?!":
        model = Model(Pointer(), input=TextInput(LETTERS, pattern=r"\w"), classes=PHONEMES)
    before = state_of(model.network)
    with pytest.raises(error, match=says):
        alignment(model, source, target, **settings)
    assert differences(before, state_of(model.network)) == []


def test_attention_over_one_symbol_is_untestable() -> None:
    assert alignment(model_of(Pointer()), "a", ["A"]).evidence[0][0].status == "untestable"


def test_it_is_shown_and_names_are_escaped() -> None:
    import xai

    model = Model(Pointer(), input=INPUT, classes=["_", "|", "<b>", *"BCDEFGH"])
    made = alignment(model, "abc", [["<b>", "B", "C"]])
    page = xai.Report("Alignment", [made]).html()
    assert "&lt;b&gt;" in page
    assert "<b>, a" not in page
    assert "Attention decides" in page
    assert "xai-result" in made._repr_html_()
    assert len(made.plot().axes) == 3


@pytest.mark.parametrize("wiring", WIRINGS)
def test_an_encoder_decoder_has_no_faster_form(wiring: str) -> None:
    """Which is why alignment runs the network as it is: see docs/house.md."""
    network = encoder_decoder(10, 10, hidden=8, attention=wiring).eval()
    symbols = torch.randint(2, 10, (1, 6))
    found = trace(network, lambda: network(symbols, symbols))
    assert faster_form(network, found).network is network
