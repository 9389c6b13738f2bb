"""Fewer bits per weight and activation: after training, or straight through during it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from models.regularizers.noise import replaced
from xai.base.errors import LayerError, names_errors
from xai.network.compress import quantizer
from xai.network.hooks import ACTIVATIONS, find_layer

__all__ = ["QuantizedOutput", "SignActivation", "quantize_activations", "quantize_weights", "straight_through"]


@names_errors("quantize_weights")
def quantize_weights(network: nn.Module, kind: str, *, skip: Collection[str] = ()) -> nn.Module:
    """Return a copy whose weights take few values, a scale for each unit (row); after training, or to finish it.

    kind: int8, int8_affine, binary, ternary or powers_of_two. skip: parameters by name, such as those of the first and
    the last layer, which the papers on binary networks leave alone. Biases and norms stay as they are.
    """
    quantize = quantizer(kind)
    made = copy.deepcopy(network)
    names = [name for name, parameter in made.named_parameters() if parameter.ndim >= 2]
    for name in skip:
        if name not in names:
            raise LayerError("skip", expected=f"names among {', '.join(names)}", got=repr(name))
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if parameter.ndim >= 2 and name not in skip:
                parameter.copy_(quantize(parameter, 0).values)
    return made


@names_errors("straight_through")
def straight_through(kind: str) -> Callable[..., AbstractContextManager[None]]:
    """Return network -> a context in which its weights are quantized; outside they are the fine ones that learn.

    Held around forward and backward, the gradient at the quantized weights is applied to the fine ones: the
    straight-through estimator. It has the shape of `weight_noise`. Source: Bengio et al. 2013, arXiv:1308.3432.
    """
    quantize = quantizer(kind)

    def change(network: nn.Module, generator: torch.Generator | None = None) -> AbstractContextManager[None]:
        return replaced(network, lambda weight: quantize(weight, 0).values, least_axes=2)

    return change


class QuantizedOutput(nn.Module):
    """A layer whose output takes few values, one scale for each example; the gradient passes straight through.

    With a scale for each example an answer does not depend on the batch it came in, and nothing has to be calibrated.
    """

    def __init__(self, layer: nn.Module, kind: str) -> None:
        super().__init__()
        self.layer, self.kind = layer, kind

    def forward(self, *inputs: Tensor) -> object:
        """Return the output of the layer; of a tuple (a recurrent layer's) the first part in few values."""
        output = self.layer(*inputs)
        if isinstance(output, tuple):
            return (self._coarse(output[0]), *output[1:])
        return self._coarse(output)

    def _coarse(self, fine: Tensor) -> Tensor:
        return fine + (quantizer(self.kind)(fine, 0).values - fine).detach()


class SignActivation(nn.Module):
    """In place of an activation function: -1 or 1 times mean|x| of the example, told from the sign of what comes in.

    After a ReLU every sign would be the same. The gradient passes where |x| is at most 1, as of a hard tanh.
    Source: Hubara et al. 2016, arXiv:1602.02830.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the signs, scaled, of inputs (N, ...)."""
        fine = nn.functional.hardtanh(inputs)
        return fine + (quantizer("binary")(inputs, 0).values - fine).detach()


@names_errors("quantize_activations")
def quantize_activations(network: nn.Module, kind: str, layers: Collection[str] | None = None) -> nn.Module:
    """Return a copy in which the named layers put out few values; by default every activation function that is a layer.

    Binary values take the place of an activation function (SignActivation); the others follow it. Batch first:
    recurrent layers need `batch_first`.
    """
    quantizer(kind)
    made = copy.deepcopy(network)
    if layers is None:
        layers = [name for name, module in made.named_modules() if name and isinstance(module, ACTIVATIONS)]
        if not layers:
            wanted = "an activation function that is a layer, or layers by name"
            raise LayerError("network", expected=wanted, got=type(network).__name__)
    for name in layers:
        module = find_layer(made, name)
        if isinstance(module, nn.RNNBase) and not module.batch_first:
            raise LayerError("layers", expected="batch_first layers", got=repr(name))
        parent, _, last = name.rpartition(".")
        signs = kind == "binary" and isinstance(module, ACTIVATIONS)
        setattr(made.get_submodule(parent), last, SignActivation() if signs else QuantizedOutput(module, kind))
    return made
