"""One way to take a gradient, with the errors that it can end in named."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from xai.base.errors import InputError, NetworkError, describe, one_line
from xai.network.modules import modules_of

__all__ = [
    "check_differentiable", "differentiable_pass", "failed_pass", "gradient_of", "gradients_of",
    "has_no_rule", "nodes_before", "variable_of",
]  # fmt: skip

NO_GRADIENT = "one without a gradient; explain it with a perturbation method (occlusion, lime_image)"


def differentiable_pass(network: nn.Module) -> AbstractContextManager:
    """Return what a forward pass must run in so that it can be differentiated.

    cuDNN's recurrent layers refuse a backward pass in eval mode; torch's own do not. Without gradients, cuDNN stays on.
    """
    used = torch.backends.cudnn.is_available() and torch.is_grad_enabled()
    if used and any(isinstance(module, nn.RNNBase) for module in modules_of(network)):
        return torch.backends.cudnn.flags(enabled=False)
    return nullcontext()


def failed_pass(expected: str, error: Exception) -> NetworkError:
    """Return the error that says what a pass of a network ended in: its kind and the first line of its words.

    Behind the first line torch adds a trace of its own to some.
    """
    first = str(error).strip().partition("\n")[0]
    if first.startswith("Inference tensors"):
        wanted = "weights that were made or loaded outside torch.inference_mode(), since a gradient goes through them"
        return NetworkError("network", expected=wanted, got="some from inside; a perturbation method takes them")
    if "on device meta" in first:
        return NetworkError(
            "network", expected="weights with numbers", got='some on the device "meta", which have none'
        )
    return NetworkError("network", expected=expected, got=f"{type(error).__name__}: {one_line(first)}")


def gradient_of(score: Tensor, variable: Tensor, *, keep_graph: bool = False) -> Tensor:
    """Return the gradient of the sum of `score` with respect to `variable`; zeros where it does not depend on it.

    keep_graph: another gradient through the same forward pass will follow.
    Raises NetworkError where the score has no gradient, or the backward pass fails.
    """
    return gradients_of(score, [variable], keep_graph=keep_graph)[0]


def gradients_of(score: Tensor, variables: Sequence[Tensor], *, keep_graph: bool = False) -> list[Tensor]:
    """Return the gradients of the sum of `score` with respect to several tensors, as `gradient_of` does of one."""
    if not score.requires_grad:
        check_differentiable(False)
    try:
        found = torch.autograd.grad(score.sum(), list(variables), allow_unused=True, retain_graph=keep_graph)
    except Exception as error:
        raise failed_pass("a backward pass", error) from error
    if any(gradient is None or not bool(gradient.any()) for gradient in found):
        # Operations without a gradient, such as those of quantized layers, give 0: that is no finding.
        check_differentiable(not any(map(has_no_rule, nodes_before(score))))
    return [
        torch.zeros_like(variable) if gradient is None else gradient
        for variable, gradient in zip(variables, found, strict=True)
    ]


def check_differentiable(fits: bool) -> None:
    """Raise NetworkError, which says what to do instead, where a network has no gradient."""
    if not fits:
        raise NetworkError("network", expected="an output that is differentiable in the input", got=NO_GRADIENT)


def has_no_rule(node: Any) -> bool:
    """Say whether a node of a graph stands for an operation whose gradient torch does not know."""
    return node is not None and "NotImplemented" in node.name()


def nodes_before(score: Tensor) -> set[Any]:
    """Return all nodes of the graph that a tensor depends on."""
    found, waiting = set(), [score.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in found:
            found.add(node)
            waiting.extend(source for source, _ in node.next_functions)
    return found


def variable_of(batch: Tensor) -> Tensor:
    """Return a copy of a batch to differentiate by; raises InputError where it holds whole numbers, such as words."""
    if not batch.is_floating_point():
        wanted = "numbers that can change a little; explain texts with a perturbation method"
        raise InputError("inputs", expected=wanted, got=describe(batch))
    return batch.detach().clone().requires_grad_()
