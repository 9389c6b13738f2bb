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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from xai.base.errors import XaiError
from xai.model.targets import Target
from xai.network.digest import version_key
from xai.network.fuse import FastForm, faster_form
from xai.network.gradients import gradient_of
from xai.network.trace import Trace

if TYPE_CHECKING:
    from xai.model.model import Model

__all__ = [
    "TOLERANCE", "ExecutionPlan", "FasterForms", "Reads", "agreement", "batch_size_for", "in_double", "make_plan",
    "noise_like",
]  # fmt: skip

TOLERANCE = 1e-4
# Where two forms are one function in float64, gradients may differ by as much as rounding at kinks explains (figures in
# docs/attribution.md).
ROUNDING, EXACT = 5e-2, 1e-9
# Measured on two CPU cores (benchmarks/batch_size.py): from about this many activations per pass on, a larger batch
# gains nothing on a small network, and a large one is best at 4 rows or more.
ELEMENTS_PER_BATCH = {"cpu": 6_000_000, "cuda": 400_000_000, "mps": 50_000_000}
LEAST_ROWS, MOST_ROWS = 4, 1024


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


def batch_size_for(trace: Trace, row_elements: int, device: str) -> int:
    """Return the rows per pass: a fixed rule from the size of one row's activations, so that it is reproducible."""
    budget = ELEMENTS_PER_BATCH.get(device, ELEMENTS_PER_BATCH["cpu"])
    return max(LEAST_ROWS, min(MOST_ROWS, budget // max(1, trace.elements + row_elements)))


class FasterForms:
    """The faster form of a model's network, made once for its weights, and its error in float64, once per question.

    Weights that were written through `.data` keep their version: a form that agreed once and no longer does is made
    anew.
    """

    def __init__(self) -> None:
        self.key: tuple = ()
        self.form: FastForm | None = None
        self.agreed = False
        self.errors: dict[object, float] = {}

    def proved(
        self, network: nn.Module, trace: Trace, reads: Sequence[Reads], in_float64: Callable[[], float]
    ) -> tuple[FastForm, Agreement] | None:
        """Return the faster form and how well it agrees with the network in every reading; None where it does not."""
        if self.key != version_key(network):
            self._make(network, trace)
        while self.form is not None:
            found = agreement(reads, self.form.network, network, in_float64)
            if found is not None:
                self.agreed = True
                return self.form, found
            if not self.agreed:
                return None
            self._make(network, trace)
        return None

    def _make(self, network: nn.Module, trace: Trace) -> None:
        try:
            form = faster_form(network, trace)
        except Exception:  # a network that cannot be copied or fused is simply run as it is
            form = None
        self.form = None if form is None or form.network is network else form
        self.key, self.agreed, self.errors = version_key(network), False, {}


class Agreement(NamedTuple):
    """By how much a form differs from the network, as a share of the largest number: in what is put out, in gradients
    (None where none was compared), and in both in float64 (None where it was not needed)."""

    outputs: float
    gradient: float | None = None
    float64: float | None = None


Reads = Callable[[nn.Module], tuple[Sequence[Tensor], Tensor | None]]  # a network to its outputs and a gradient


def agreement(
    reads: Sequence[Reads], fast: nn.Module, plain: nn.Module, in_float64: Callable[[], float]
) -> Agreement | None:
    """Return by how much a faster form differs from the network in every reading, None where that is too much.

    The one criterion of all that runs a faster form. Outputs have to agree to TOLERANCE, and so have gradients, but for
    rounding at kinks: up to ROUNDING where both forms are one function in float64 (`in_float64` gives their
    difference there; asked only then).
    """
    outputs, gradient = 0.0, None
    try:
        for read in reads:
            (ours, one), (theirs, other) = read(fast), read(plain)
            outputs = max([outputs, *(_relative(*pair) for pair in zip(ours, theirs, strict=True))])
            if one is not None and other is not None:
                gradient = max(gradient or 0.0, _relative(one, other))
    except (RuntimeError, XaiError):  # what is wrong is said by the plain network
        return None
    if not outputs <= TOLERANCE or not (gradient or 0.0) <= ROUNDING:
        return None
    if gradient is None or gradient <= TOLERANCE:
        return Agreement(outputs, gradient)
    try:
        error = in_float64()
    except (RuntimeError, TypeError, XaiError):  # no float64 on this device or in this network
        return None
    return Agreement(outputs, gradient, error) if error <= EXACT else None


def make_plan(
    model: Model, trace: Trace, batch: Tensor, raw: Tensor, target: Target, batch_size: int, *, scores_only: bool
) -> ExecutionPlan:
    """Return the faster form where it agrees with the plain network on every row of `batch`, else the plain network.

    raw: what the plain network puts out for the batch, (N, K). Compared are all scores and, unless `scores_only`, the
    gradient of the explained one.
    """
    plain, forms = ExecutionPlan(model.network, batch_size), model.memory.forms
    if not (scores_only or batch.is_floating_point()):
        return plain

    def read(network: nn.Module, rows: Tensor) -> tuple[list[Tensor], Tensor | None]:
        if not scores_only:
            return _scores_and_gradient(model, network, batch[rows], rows, target)
        with torch.no_grad():
            seen = raw[rows] if network is model.network else model.forward_on(network, batch[rows])
        return [model.columns(seen)], None

    def in_float64() -> float:
        shape = tuple(batch.shape[1:])
        if shape not in forms.errors:
            forms.errors[shape] = _float64_error(model, trace, batch[:1])
        return forms.errors[shape]

    parts = torch.arange(len(batch), device=batch.device).split(batch_size)
    found = forms.proved(model.network, trace, [partial(read, rows=rows) for rows in parts], in_float64)
    if found is None:
        return plain
    fast, agreed = found
    return ExecutionPlan(fast.network, batch_size, fast.folded, fast.channels_last, *agreed)


def _scores_and_gradient(
    model: Model, network: nn.Module, part: Tensor, rows: Tensor, target: Target
) -> tuple[list[Tensor], Tensor]:
    part = part.detach().clone().requires_grad_()
    scores = model.columns(model.forward_on(network, part))
    return [scores.detach()], gradient_of(target.select(scores, rows), part)


def in_double(network: nn.Module, trace: Trace) -> tuple[nn.Module, nn.Module]:
    """Return a network in float64, and its faster form."""
    plain = copy.deepcopy(network).double()
    # Not channels-last, which in float64 is slow and has nothing to do with the function.
    fast = faster_form(plain, trace).network
    return plain, fast.to(memory_format=torch.contiguous_format)  # ty: ignore[no-matching-overload]  # torch's stub lacks it


def noise_like(row: Tensor) -> Tensor:
    """Return noise like a row (1, ...) in float64, always the same: no plan depends on what was explained before."""
    noise = torch.rand(row.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return noise.to(row.device)


def _float64_error(model: Model, trace: Trace, row: Tensor) -> float:
    plain, fast = in_double(model.network, trace)
    double = model.with_network(plain)
    found = []
    for network in (fast, plain):
        variable = noise_like(row).requires_grad_()
        scores = double.columns(double.forward_on(network, variable))
        # All scores at once, each with a weight of its own, so that none cancels another.
        mixture = scores @ torch.linspace(1, 2, scores.shape[1], dtype=scores.dtype, device=scores.device)
        found.append((scores.detach(), gradient_of(mixture, variable)))
    return max(_relative(*pair) for pair in zip(*found, strict=True))


def _relative(ours: Tensor, theirs: Tensor) -> float:
    scale = max(float(theirs.abs().max()), 1e-12)
    return float((ours - theirs).abs().max()) / scale
