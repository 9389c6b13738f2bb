"""Training with few values for weights and activations, and int8 that runs."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from models.compression.int8 import has_torchao, run_in_int8
from models.compression.quantization import (
    QuantizedOutput,
    SignActivation,
    quantize_activations,
    quantize_weights,
    straight_through,
)
from tests.models.compressible import Reader, blobs, dense, fit, right
from xai.base.errors import InputError, LayerError
from xai.network.compress import int8_symmetric, ternary

pytestmark = pytest.mark.usefixtures("seeded")


# Quantization


@pytest.mark.parametrize("kind", ["int8", "int8_affine", "binary", "ternary", "powers_of_two"])
def test_weights_after_training_have_few_values(kind: str) -> None:
    network = dense()
    made = quantize_weights(network, kind, skip=["0.weight"])
    assert torch.equal(made[0].weight, network[0].weight)
    assert torch.equal(made[2].bias, network[2].bias)
    most = {"int8": 255, "int8_affine": 256, "binary": 2, "ternary": 3, "powers_of_two": 64}[kind]
    for row in made[2].weight.detach():
        assert len(row.unique()) <= most
    assert len(made[2].weight.unique()) > 3  # a scale for each row
    with pytest.raises(InputError, match="one of int8"):
        quantize_weights(network, "int9")
    with pytest.raises(LayerError, match=r"names among 0\.weight"):
        quantize_weights(network, kind, skip=["7.weight"])


def test_straight_through_applies_the_coarse_gradient_to_the_fine_weights() -> None:
    network = dense()
    inputs, labels = blobs()
    coarse = quantize_weights(network, "ternary")
    functional.cross_entropy(coarse(inputs), labels).backward()
    fine = network[2].weight.detach().clone()
    with straight_through("ternary")(network):
        torch.testing.assert_close(network[2].weight.detach(), ternary(fine, 0).values)
        functional.cross_entropy(network(inputs), labels).backward()
    assert torch.equal(network[2].weight.detach(), fine)
    for mine, other in zip(network.parameters(), coarse.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_straight_through_recurrent_layers(kind: str) -> None:
    network, inputs = Reader(kind), torch.randn(4, 6, 3)
    coarse = quantize_weights(network, "int8")
    coarse(inputs).square().sum().backward()
    fine = network.rnn.weight_hh_l0.detach().clone()
    with straight_through("int8")(network):
        network(inputs).square().sum().backward()
    assert torch.equal(network.rnn.weight_hh_l0.detach(), fine)
    for mine, other in zip(network.parameters(), coarse.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


@pytest.mark.parametrize("kind", ["binary", "ternary"])
def test_training_through_it_beats_rounding_after(kind: str) -> None:
    network = dense()
    fit(network)
    after = right(quantize_weights(network, kind))
    fit(network, 150, straight_through(kind))
    assert right(quantize_weights(network, kind)) >= max(after, 0.85)


def test_quantized_activations() -> None:
    network = dense()
    inputs = blobs()[0][:4].clone().requires_grad_()
    made = quantize_activations(network, "int8")
    assert [name for name, module in made.named_modules() if isinstance(module, QuantizedOutput)] == ["1", "3"]
    hidden = int8_symmetric(network[0](inputs).relu(), 0).values
    hidden = int8_symmetric(network[2](hidden).relu(), 0).values
    torch.testing.assert_close(made(inputs), network[4](hidden))
    # An answer does not depend on the batch it came in, and the gradient passes as if nothing were rounded.
    torch.testing.assert_close(made(inputs)[:1], made(inputs[:1]))
    first = torch.autograd.grad(QuantizedOutput(nn.Tanh(), "binary")(inputs).sum(), inputs)[0]
    torch.testing.assert_close(first, 1 - inputs.tanh() ** 2)
    signs = quantize_activations(network, "binary")
    assert isinstance(signs[1], SignActivation)
    given = torch.tensor([[-2.0, 0.5, 3.0, -0.5]], requires_grad=True)
    assert signs[1](given).tolist() == [[-1.5, 1.5, 1.5, -1.5]]  # the mean magnitude is 1.5
    signs[1](given).sum().backward()
    assert given.grad.tolist() == [[0, 1, 0, 1]]  # no gradient beyond 1
    recurrent = quantize_activations(Reader("LSTM"), "int8", ["rnn"])
    assert recurrent(torch.randn(2, 4, 3)).shape == (2, 2)
    with pytest.raises(LayerError, match="activation function that is a layer"):
        quantize_activations(Reader("GRU"), "int8")
    with pytest.raises(LayerError, match="batch_first"):
        quantize_activations(nn.Sequential(nn.GRU(2, 2)), "int8", ["0"])


@pytest.mark.skipif(not has_torchao(), reason="torchao is not installed")
@pytest.mark.filterwarnings("ignore")
def test_int8_really_runs_in_int8() -> None:
    network = dense().eval()
    inputs = blobs()[0]
    made = run_in_int8(network)
    assert made[2].weight.qdata.dtype == torch.int8
    torch.testing.assert_close(
        made[2].weight.qdata.float(), int8_symmetric(network[2].weight, 0).codes.float(), atol=1, rtol=0
    )
    with torch.no_grad():
        wanted = network(inputs)
        assert float((made(inputs) - wanted).abs().max()) < 0.03 * float(wanted.abs().max())


def test_int8_says_what_it_needs() -> None:
    if not has_torchao():
        with pytest.raises(InputError, match=r"xai-toolkit\[quantize\]"):
            run_in_int8(dense())
    else:
        with pytest.raises(InputError, match=r"torch\.nn\.Linear"):
            run_in_int8(nn.Sequential(nn.ReLU()))
