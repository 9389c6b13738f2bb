"""What pruning lost, fine-tuning brings back; connections stay cut."""

from __future__ import annotations

import pytest
import torch

from models.compression.connections import SparseLinear, cut_connections, finish_cutting, sparse_copy, sparsity
from models.compression.structural import choose_units, prune_units
from tests.models.compressible import Reader, blobs, dense, fit, right

pytestmark = pytest.mark.usefixtures("seeded")


# Fine-tuning: the same few steps of training, before and after pruning


def test_fine_tuning_brings_back_what_pruning_lost() -> None:
    network = dense()
    assert fit(network) > 0.9
    inputs = blobs()[0]
    small = prune_units(network, choose_units(network, 0.75, inputs), inputs)
    before = right(small)
    assert fit(small) >= max(before, 0.9)


def test_connections_stay_cut_while_the_rest_learns() -> None:
    network = dense()
    fit(network)
    cut = cut_connections(network, 0.8)
    assert sparsity(network) == 0
    assert sparsity(cut) == pytest.approx(0.8, abs=0.002)
    # By hand: the smallest 80 % of all magnitudes together.
    magnitudes = torch.cat([p.detach().abs().flatten() for p in network.parameters() if p.ndim == 2])
    threshold = magnitudes.sort().values[round(0.8 * len(magnitudes)) - 1]
    for index in (0, 2, 4):
        kept = network[index].weight.detach().abs() > threshold
        assert torch.equal(cut[index].weight.detach(), network[index].weight.detach() * kept)
    zeros = [cut[index].weight.detach() == 0 for index in (0, 2, 4)]
    assert fit(cut) > 0.85
    assert all(torch.equal(cut[index].weight.detach() == 0, zero) for index, zero in zip((0, 2, 4), zeros, strict=True))
    plain = finish_cutting(cut)
    assert set(plain.state_dict()) == set(network.state_dict())
    assert sparsity(plain) == pytest.approx(0.8, abs=0.002)
    sparse = sparse_copy(plain)
    assert isinstance(sparse[2], SparseLinear)
    assert sparse[2].matrix._nnz() == int((plain[2].weight != 0).sum())
    with torch.no_grad():
        torch.testing.assert_close(sparse(blobs()[0]), plain(blobs()[0]), rtol=0, atol=1e-5)
    each = cut_connections(network, 0.5, together=False)
    assert [round(float((each[index].weight == 0).double().mean()), 2) for index in (0, 2, 4)] == [0.5] * 3


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_recurrent_connections(kind: str) -> None:
    network, inputs = Reader(kind), torch.randn(4, 6, 3)
    cut = cut_connections(network, 0.6)
    stepper = torch.optim.Adam(cut.parameters(), 0.05)
    zeros = cut.rnn.weight_hh_l0.detach() == 0
    for _ in range(3):
        stepper.zero_grad()
        cut(inputs).square().sum().backward()
        stepper.step()
    cut(inputs)
    answers = cut(inputs)
    plain = finish_cutting(cut)
    assert torch.equal(plain.rnn.weight_hh_l0.detach() == 0, zeros)
    assert not torch.equal(plain.rnn.weight_hh_l0.detach()[~zeros], network.rnn.weight_hh_l0.detach()[~zeros])
    fresh = Reader(kind)
    fresh.load_state_dict(plain.state_dict())
    torch.testing.assert_close(fresh(inputs), answers)
