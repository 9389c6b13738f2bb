"""The network that an ascent runs: with batch norms folded and a faster memory layout, where it reads the same."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from xai.base.errors import XaiError
from xai.model.model import PASSES_WORTH_A_PLAN, Model
from xai.model.plan import TOLERANCE, faster_form
from xai.network.gradients import gradient_of
from xai.network.trace import Trace
from xai.visualization.objectives import Objective
from xai.visualization.reading import Reader

__all__ = ["reader_for"]

GRADIENTS = 1e-2


def reader_for(
    model: Model, objectives: Sequence[Objective], found: Trace, blank: Tensor, exact: bool, passes: int
) -> Reader:
    """Return a reader on a faster form of the network, where every layer that is read agrees with the plain one's on a
    random input to 1e-4, and the gradient through it to 1 % of its length; else on the network itself.
    """
    repeated = frozenset(layer.name for layer in found.layers if layer.calls > 1)
    plain = Reader(model, model.network, repeated)
    if exact or passes < PASSES_WORTH_A_PLAN or model.forward is not None or not blank.is_floating_point():
        return plain
    folded = {convolution for convolution, _ in found.foldable}
    if any(name in folded for item in objectives for name in item.layers):
        return plain  # what a convolution puts out before its batch norm is not there in the faster form
    try:
        network, pairs, channels_last = faster_form(model.network, found)
    except Exception:  # a network that cannot be copied or fused is simply run as it is
        return plain
    if not pairs and not channels_last:
        return plain
    fast = Reader(model, network, repeated)
    noise = torch.rand(blank.shape, generator=torch.Generator().manual_seed(0)).to(blank)
    first_of = {(item.layers, item.reads_output): item for item in objectives if not item.compares}
    try:
        agree = all(_agree(fast, plain, item, noise) for item in first_of.values())
    except (RuntimeError, XaiError):  # what is wrong is said by the plain network
        return plain
    return fast if agree else plain


def _agree(fast: Reader, plain: Reader, objective: Objective, noise: Tensor) -> bool:
    (ours, *layers), (theirs, *plain_layers) = _seen(fast, objective, noise), _seen(plain, objective, noise)
    for one, other in zip(layers, plain_layers):
        if not float((one - other).abs().max()) <= TOLERANCE * (float(other.abs().max()) or 1.0):
            return False
    # An activation within rounding of a ReLU's kink falls on either side of it, and some pixels of the gradient differ.
    return float((ours - theirs).norm()) <= GRADIENTS * (float(theirs.norm()) or 1.0)


def _seen(reader: Reader, objective: Objective, noise: Tensor) -> list[Tensor]:
    variable = noise.clone().requires_grad_()
    reading = reader.read([objective], variable)
    outputs = [item for item in (*reading.activations.values(), reading.scores) if item is not None]
    return [gradient_of(objective.value(reading), variable), *(item.detach() for item in outputs)]
