"""How a network is run: a faster form of the same function where it measurably is the same, and the batch size.

Batch norm is folded into the convolution before it and large convolutional networks run channels-last. In exact
arithmetic that changes nothing. In float32, scores differ by rounding, and a gradient by more where rounding carries an
activation across a kink (0 of ReLU, 6 of ReLU6): there two forms of one network are each as far from the gradient in
float64 as they are from each other. So a form is used only after its scores agreed with the plain network's on every
row at hand and, for methods that take gradients, those agreed as well, or differed by rounding while the two forms are
one function in float64. `exact=True` turns it off.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from xai.base.digest import version_key
from xai.base.errors import XaiError
from xai.model.targets import Target
from xai.network.gradients import gradient_of
from xai.network.trace import Trace

if TYPE_CHECKING:
    from xai.model.model import Model

__all__ = ["TOLERANCE", "ExecutionPlan", "FasterForms", "batch_size_for", "faster_form", "make_plan"]

TOLERANCE = 1e-4
# Where two forms are one function in float64, gradients may differ by as much as rounding at kinks explains (figures in
# docs/attribution.md).
ROUNDING, EXACT = 5e-2, 1e-9
# Measured on two CPU cores (benchmarks/batch_size.py): from about this many activations per pass on, a larger batch
# gains nothing on a small network, and a large one is best at 4 rows or more.
ELEMENTS_PER_BATCH = {"cpu": 6_000_000, "cuda": 400_000_000, "mps": 50_000_000}
LEAST_ROWS, MOST_ROWS = 4, 1024
# Below this many numbers per row, changing the memory layout costs more than it brings.
LARGE_ROW = 1_000_000


@dataclass(frozen=True)
class ExecutionPlan:
    """The network that is run, with the options that an explanation records.

    disagreement: the largest difference to the plain network on the rows at hand, as a share of the largest number: of
    scores, of gradients (None where only scores were compared), and of both in float64 (None where it was not needed).
    """

    network: nn.Module
    batch_size: int
    folded: int = 0
    channels_last: bool = False
    disagreement: float = 0.0
    gradient_disagreement: float | None = None
    float64_disagreement: float | None = None

    def options(self) -> dict[str, object]:
        """Return what is recorded in an explanation."""
        if not self.folded and not self.channels_last:
            return {"batch_size": self.batch_size, "plan": "plain"}
        measured = {
            "disagreement": self.disagreement,
            "gradient_disagreement": self.gradient_disagreement,
            "float64_disagreement": self.float64_disagreement,
        }
        known = {name: value for name, value in measured.items() if value is not None}
        plan = {"folded": self.folded, "channels_last": self.channels_last, **known}
        return {"batch_size": self.batch_size, "plan": plan}


class FastForm(NamedTuple):
    """A copy of a network that runs faster, how many batch norms it has folded, and whether it is channels-last."""

    network: nn.Module
    folded: int
    channels_last: bool


def batch_size_for(trace: Trace, row_elements: int, device: str) -> int:
    """Return the rows per pass: a fixed rule from the size of one row's activations, so that it is reproducible."""
    budget = ELEMENTS_PER_BATCH.get(device, ELEMENTS_PER_BATCH["cpu"])
    return max(LEAST_ROWS, min(MOST_ROWS, budget // max(1, trace.elements + row_elements)))


def faster_form(network: nn.Module, trace: Trace) -> FastForm:
    """Return a copy that computes the same function faster; the network itself where there is nothing to gain."""
    large = trace.elements >= LARGE_ROW and any(len(layer.shape) == 3 for layer in trace.layers)
    if not trace.foldable and not large:
        return FastForm(network, 0, False)
    fast = copy.deepcopy(network).eval()
    folded = 0
    for convolution, norm in trace.foldable:
        # Some networks subclass convolutions with a padding of their own: keep the object, change its numbers.
        layer = fast.get_submodule(convolution)
        # In float64 where the device has it, so that they are rounded once.
        wide = torch.float32 if layer.weight.device.type == "mps" else torch.float64
        pair = (copy.deepcopy(layer).to(wide), fast.get_submodule(norm).to(wide))
        fused = fuse_conv_bn_eval(*pair).to(layer.weight.dtype)
        layer.weight, layer.bias = fused.weight, fused.bias
        fast.set_submodule(norm, nn.Identity())
        folded += 1
    if large:
        fast = fast.to(memory_format=torch.channels_last)
    return FastForm(fast.requires_grad_(False), folded, large)


class FasterForms:
    """The faster form of a model's network, made once for its weights, and its error in float64, once per shape."""

    def __init__(self) -> None:
        self.key: tuple = ()
        self.form: FastForm | None = None
        self.errors: dict[tuple[int, ...], float] = {}

    def of(self, network: nn.Module, trace: Trace) -> FastForm | None:
        """Return the faster form; None where there is none."""
        key = version_key(network)
        if self.key != key:
            try:
                form = faster_form(network, trace)
            except Exception:  # a network that cannot be copied or fused is simply run as it is
                form = None
            self.form = None if form is None or form.network is network else form
            self.key, self.errors = key, {}
        return self.form

    def float64_error(self, model: Model, trace: Trace, row: Tensor) -> float:
        """Return the relative difference of scores and gradients in float64, on noise like a row (1, ...).

        On noise that is always the same, so that one explanation does not depend on what was explained before it.
        """
        shape = tuple(row.shape[1:])
        if shape not in self.errors:
            noise = torch.rand(row.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
            try:
                self.errors[shape] = _float64_error(model, trace, noise.to(row.device))
            except (RuntimeError, TypeError, XaiError):  # no float64 on this device or in this network
                self.errors[shape] = float("inf")
        return self.errors[shape]


def make_plan(
    model: Model, trace: Trace, batch: Tensor, raw: Tensor, target: Target, batch_size: int, *, scores_only: bool
) -> ExecutionPlan:
    """Return the faster form where it agrees with the plain network on every row of `batch`, else the plain network.

    raw: what the plain network puts out for the batch, (N, K). Compared are all scores and, unless `scores_only`, the
    gradient of the explained one.
    """
    plain = ExecutionPlan(model.network, batch_size)
    fast = model.forms.of(model.network, trace)
    if fast is None or not (scores_only or batch.is_floating_point()):
        return plain
    found, steep, error = 0.0, None, None
    try:
        for rows in torch.arange(len(batch), device=batch.device).split(batch_size):
            if scores_only:
                with torch.no_grad():
                    scores = model.columns(model.forward_on(fast.network, batch[rows]))
                found = max(found, _relative(scores, model.columns(raw[rows])))
                continue
            ours, theirs = (_scores_and_gradient(model, form, batch[rows], rows, target)
                            for form in (fast.network, model.network))  # fmt: skip
            found, steep = max(found, _relative(ours[0], theirs[0])), max(steep or 0.0, _relative(ours[1], theirs[1]))
    except (RuntimeError, XaiError):  # what is wrong is said by the plain network
        return plain
    if not found <= TOLERANCE or not (steep or 0.0) <= ROUNDING:
        return plain
    if steep is not None and steep > TOLERANCE:
        error = model.forms.float64_error(model, trace, batch[:1])
        if not error <= EXACT:
            return plain
    return ExecutionPlan(fast.network, batch_size, fast.folded, fast.channels_last, found, steep, error)


def _scores_and_gradient(
    model: Model, network: nn.Module, part: Tensor, rows: Tensor, target: Target
) -> tuple[Tensor, Tensor]:
    part = part.detach().clone().requires_grad_()
    scores = model.columns(model.forward_on(network, part))
    return scores.detach(), gradient_of(target.select(scores, rows), part)


def _float64_error(model: Model, trace: Trace, noise: Tensor) -> float:
    plain = model.with_network(copy.deepcopy(model.network).double())
    # Not channels-last, which in float64 is slow and has nothing to do with the function.
    fast = faster_form(plain.network, trace).network.to(memory_format=torch.contiguous_format)
    found = []
    for network in (fast, plain.network):
        variable = noise.clone().requires_grad_()
        scores = plain.columns(plain.forward_on(network, variable))
        # All scores at once, each with a weight of its own, so that none cancels another.
        mixture = scores @ torch.linspace(1, 2, scores.shape[1], dtype=scores.dtype, device=scores.device)
        found.append((scores.detach(), gradient_of(mixture, variable)))
    return max(_relative(*pair) for pair in zip(*found))


def _relative(ours: Tensor, theirs: Tensor) -> float:
    scale = max(float(theirs.abs().max()), 1e-12)
    return float((ours - theirs).abs().max()) / scale
