"""Encoder and decoder: the lecture's attention, each step against its equations, decoding, and padding."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.networks.cells import from_torch, run_cell
from models.networks.seq2seq import STOP, WIRINGS, dot_product_attention, encoder_decoder
from xai.base.errors import InputError

SOURCE = torch.tensor([[3, 4, 5, 6, 2], [7, 8, 0, 0, 0]])
GOAL = torch.tensor([[5, 3, 1], [4, 1, 0]])


def small(attention: str, **settings: object):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return encoder_decoder(9, 7, hidden=6, embedding=4, attention=attention, longest=8, **settings).eval()


def test_the_lectures_worked_example() -> None:
    states = torch.tensor([[[0.0, 1, 1], [5, 0, 1], [1, 1, 0], [0, 5, 1]]])
    query = torch.tensor([[[10.0, 5, 10]]])
    assert (query @ states.transpose(1, 2)).flatten().tolist() == [15, 60, 15, 55 - 20]
    context, weights = dot_product_attention(query, states)
    assert weights[0, 0].tolist() == pytest.approx([0, 1, 0, 0], abs=1e-10)
    assert context[0, 0].tolist() == pytest.approx([5, 0, 1], abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), steps=st.integers(1, 4), length=st.integers(1, 5))
def test_attention_is_a_weighted_mean_of_what_is_there(seed: int, steps: int, length: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(1, steps, 3, generator=generator)
    states = torch.randn(1, 5, 3, generator=generator)
    present = torch.arange(5)[None] < length
    context, weights = dot_product_attention(query, states, present)
    for step in range(steps):
        scores = [float(query[0, step] @ states[0, place]) for place in range(length)]
        powers = [2.718281828459045**score for score in scores]
        shares = [power / sum(powers) for power in powers]
        assert weights[0, step].tolist() == pytest.approx(shares + [0.0] * (5 - length), abs=1e-5)
        expected = sum(share * states[0, place] for place, share in enumerate(shares))
        assert torch.allclose(context[0, step], expected, atol=1e-5)


@pytest.mark.parametrize("attention", WIRINGS)
def test_each_step_is_its_equations(attention: str) -> None:
    """The decoder, step by step out of the cells, with the wiring that its name says."""
    network = small(attention)
    states, _, state = network.encode(SOURCE[:1])
    name, weights = from_torch(network.decoder)
    h, before = state[0], torch.tensor([STOP])
    written = network.follow(SOURCE[:1], GOAL[:1])
    for step in range(3):
        x = network.goal_embedding(before)
        if attention == "previous_output":
            share = (states[0] @ h[0]).softmax(0)
            x = torch.cat([x, (share @ states[0])[None]], 1)
        h = run_cell(name, x[:, None], weights, (h,)).last[0]
        top = h
        if attention == "state":
            share = (states[0] @ h[0]).softmax(0)
            top = network.combine(torch.cat([(share @ states[0])[None], h], 1)).tanh()
        assert torch.allclose(written.logits[:, step], network.logits(top), atol=1e-6)
        if attention != "none":
            assert torch.allclose(written.attention[0, step], share, atol=1e-6)
        before = GOAL[:1, step]
    assert (written.attention is None) == (attention == "none")


def test_the_encoder_reads_both_ways() -> None:
    network = small("state")
    states, present, last = network.encode(SOURCE)
    embedded = network.source_embedding(SOURCE[:1])
    forward = run_cell(*_swap(from_torch(network.encoder), embedded))
    backward = run_cell(*_swap(from_torch(network.encoder, backward=True), embedded.flip(1)))
    assert torch.allclose(states[0], torch.cat([forward.states, backward.states.flip(1)], 2)[0], atol=1e-6)
    assert torch.allclose(last[0, 0], torch.cat([forward.last[0], backward.last[0]], 1)[0], atol=1e-6)
    assert present.tolist() == [[True] * 5, [True, True, False, False, False]]


def _swap(found: tuple, inputs: torch.Tensor) -> tuple:
    return found[0], inputs, found[1]


@pytest.mark.parametrize("attention", WIRINGS)
class TestEveryWiring:
    def test_greedy_decoding_follows_its_own_best_symbol(self, attention: str) -> None:
        """Fed back as the target, what it wrote is its own argmax at every step."""
        network = small(attention)
        written = network.write(SOURCE)
        again = network.follow(SOURCE, written.symbols)
        for row, symbols in enumerate(written.symbols.tolist()):
            end = symbols.index(STOP) + 1 if STOP in symbols else len(symbols)
            assert again.logits[row, :end].argmax(1).tolist() == symbols[:end]
            assert set(symbols[end:]) <= {0}
        assert network(SOURCE).shape == written.logits.shape
        assert written.symbols.shape[1] <= 8

    def test_padding_does_not_matter(self, attention: str) -> None:
        network = small(attention)
        alone = network.follow(SOURCE[1:, :2], GOAL[1:, :2])
        together = network.follow(SOURCE, GOAL)
        assert torch.allclose(together.logits[1:, :2], alone.logits, atol=1e-6)
        if alone.attention is not None:
            assert torch.allclose(together.attention[1:, :2, :2], alone.attention, atol=1e-6)
            assert (together.attention[1, :, 2:] == 0).all()
            assert torch.allclose(together.attention.sum(2), torch.ones(2, 3))

    def test_a_step_does_not_see_the_symbols_after_it(self, attention: str) -> None:
        network = small(attention)
        other = GOAL.clone()
        other[0, 1] = 6
        assert torch.equal(network(SOURCE, GOAL)[0, :2], network(SOURCE, other)[0, :2])
        assert not torch.equal(network(SOURCE, GOAL)[0, 2], network(SOURCE, other)[0, 2])


def test_what_cannot_be_is_named() -> None:
    with pytest.raises(InputError, match="one of none, state, previous_output"):
        encoder_decoder(5, 5, attention="self")
    with pytest.raises(InputError, match="an even number"):
        encoder_decoder(5, 5, hidden=7)
