"""How a network is run: a faster form of the same function where it measurably is the same, and the batch size.

Batch norm is folded into the convolution before it and large convolutional networks run channels-last. Both are used
only after outputs and gradients agreed with the plain network's on the input at hand; `exact=True` turns them off.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from xai.core.differentiate import gradient_of
from xai.core.trace import Trace

__all__ = ["TOLERANCE", "ExecutionPlan", "batch_size_for", "faster_form", "make_plan"]

TOLERANCE = 1e-4
# Measured on two CPU cores (benchmarks/batch_size.py): from about this many activations per pass on, a larger batch
# gains nothing on a small network, and a large one is best at 4 rows or more.
ELEMENTS_PER_BATCH = {"cpu": 6_000_000, "cuda": 400_000_000, "mps": 50_000_000}
LEAST_ROWS, MOST_ROWS = 4, 1024
# Below this many numbers per row, changing the memory layout costs more than it brings.
LARGE_ROW = 1_000_000


@dataclass(frozen=True)
class ExecutionPlan:
    """The network that is run, with the options that an explanation records."""

    network: nn.Module
    batch_size: int
    folded: int = 0
    channels_last: bool = False
    disagreement: float = 0.0

    def options(self) -> dict[str, object]:
        """Return what is recorded in an explanation."""
        plan = {"folded": self.folded, "channels_last": self.channels_last, "disagreement": self.disagreement}
        return {"batch_size": self.batch_size, "plan": plan if self.folded or self.channels_last else "plain"}


def batch_size_for(trace: Trace, row_elements: int, device: str) -> int:
    """Return the rows per pass: a fixed rule from the size of one row's activations, so that it is reproducible."""
    budget = ELEMENTS_PER_BATCH.get(device, ELEMENTS_PER_BATCH["cpu"])
    return max(LEAST_ROWS, min(MOST_ROWS, budget // max(1, trace.elements + row_elements)))


def faster_form(network: nn.Module, trace: Trace) -> tuple[nn.Module, int, bool]:
    """Return a copy that computes the same function faster, the number of folded pairs, and whether channels-last."""
    large = trace.elements >= LARGE_ROW and any(len(layer.shape) == 3 for layer in trace.layers)
    if not trace.foldable and not large:
        return network, 0, False
    fast = copy.deepcopy(network).eval()
    folded = 0
    for convolution, norm in trace.foldable:
        fused = fuse_conv_bn_eval(fast.get_submodule(convolution), fast.get_submodule(norm))
        # Some networks subclass convolutions with a padding of their own: keep the object, change its numbers.
        layer = fast.get_submodule(convolution)
        layer.weight, layer.bias = fused.weight, fused.bias
        fast.set_submodule(norm, nn.Identity())
        folded += 1
    if large:
        fast = fast.to(memory_format=torch.channels_last)
    return fast.requires_grad_(False), folded, large


def make_plan(
    network: nn.Module,
    fast: tuple[nn.Module, int, bool] | None,
    batch_size: int,
    score: Callable[[nn.Module, Tensor, Tensor], tuple[Tensor, Tensor]],
    batch: Tensor,
) -> ExecutionPlan:
    """Return the faster form where it agrees with the plain network on every row of `batch`, else the plain network.

    score: (network, rows (n, ...), their numbers (n,)) -> all scores (n, K) and the explained one of each row (n,).
    Compared are all scores and the gradient of the explained one.
    """
    plain = ExecutionPlan(network, batch_size)
    if fast is None or fast[0] is network:
        return plain
    candidate, folded, channels_last = fast
    disagreement = 0.0
    try:
        for rows in torch.arange(len(batch), device=batch.device).split(batch_size):
            ours, theirs = (_scores_and_gradient(form, score, batch[rows], rows) for form in (candidate, network))
            disagreement = max(disagreement, *(_relative(*pair) for pair in zip(ours, theirs)))
    except RuntimeError:
        return plain
    if not disagreement <= TOLERANCE:
        return plain
    return ExecutionPlan(candidate, batch_size, folded, channels_last, disagreement)


def _scores_and_gradient(network: nn.Module, score: Callable, part: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    part = part.detach().clone().requires_grad_()
    scores, explained = score(network, part, rows)
    return scores.detach(), gradient_of(explained, part, "plan")


def _relative(ours: Tensor, theirs: Tensor) -> float:
    scale = max(float(theirs.abs().max()), 1e-12)
    return float((ours - theirs).abs().max()) / scale
