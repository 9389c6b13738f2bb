"""The network that an ascent runs: the faster form of it, where what the objectives read agrees (`xai.model.plan`)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import Tensor, nn

from xai.model.model import Model
from xai.model.opening import PASSES_WORTH_A_PLAN
from xai.model.plan import Reads, agreement, in_double, noise_like
from xai.network.gradients import gradient_of
from xai.network.trace import Trace
from xai.visualization.layer_reader import Reader
from xai.visualization.objectives import Objective

__all__ = ["reader_for"]


def reader_for(
    model: Model, objectives: Sequence[Objective], found: Trace, blank: Tensor, exact: bool, passes: int
) -> Reader:
    """Return a reader on a faster form of the network, where every layer that is read, and the gradient through it,
    agrees with the plain one's on a random input; else on the network itself.
    """
    repeated = frozenset(layer.name for layer in found.layers if layer.calls > 1)
    plain = Reader(model, model.network, repeated)
    if exact or passes < PASSES_WORTH_A_PLAN or model.forward is not None or not blank.is_floating_point():
        return plain
    folded = {convolution for convolution, _ in found.foldable}
    if any(name in folded for item in objectives for name in item.layers):
        return plain  # what a convolution puts out before its batch norm is not there in the faster form
    first_of = {(item.layers, item.reads_output): item for item in objectives if not item.compares}

    def readings(model: Model, noise: Tensor) -> list[Reads]:
        return [partial(_read, model=model, repeated=repeated, item=item, noise=noise) for item in first_of.values()]

    def in_float64() -> float:
        network, form = in_double(model.network, found)
        double = readings(model.with_network(network), noise_like(blank))
        agreed = agreement(double, form, network, lambda: float("inf"))
        return float("inf") if agreed is None else max(agreed.outputs, agreed.gradient or 0.0)

    reads = readings(model, noise_like(blank).to(blank))
    proved = model.memory.forms.proved(model.network, found, reads, in_float64)
    return plain if proved is None else Reader(model, proved[0].network, repeated)


def _read(
    network: nn.Module, model: Model, repeated: frozenset[str], item: Objective, noise: Tensor
) -> tuple[list[Tensor], Tensor]:
    variable = noise.clone().requires_grad_()
    reading = Reader(model, network, repeated).read([item], variable)
    outputs = [part.detach() for part in (*reading.activations.values(), reading.scores) if part is not None]
    return outputs, gradient_of(item.value(reading), variable)
