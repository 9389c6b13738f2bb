"""Gradients that a rectifier changes on their way back: guided backpropagation and deconvolution."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.graph import Node

from xai.attribution.backward_rules import Operation, Rule, connect, graph_of, kind_of, pulled_back, ruled_gradient
from xai.attribution.operations import RELU_NODES, RELUS
from xai.base.errors import NetworkError, names_errors
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["deconvolution", "guided_backprop", "guided_gradient"]

# Rectifiers where their lower bound is 0.
BOUNDS = ("hardtanh", "clamp", "clamp_min", "clip", "threshold")
LEAST = {"hardtanh": "min_val", "threshold": "threshold"}


@names_errors("guided_backprop")
def guided_backprop(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    layer: str | None = None,
    exact: bool = False,
    batch_size: int | None = None,
) -> Explanation:
    """Return the gradient in which every rectifier lets only positive signals back.

    Rectifiers are ReLU and the like (ReLU6, leaky ReLU, ELU, GELU, SiLU, ..., as modules or functions); other
    operations keep their gradient. "relus" in `options["run"]` says how many were met: without one, this is the plain
    gradient.

    Args:
        model: What is explained.
        inputs: A batch that the model's input takes, (N, ...).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        layer: Whose output to explain in place of the inputs.
        exact: Run the network as it is, never a faster form of it.
        batch_size: How many inputs at a time; None chooses it.

    Returns:
        values: (N, ...), signed, in output units per input unit.

    Raises:
        InputError: An argument cannot be.
        TargetError: There is no such target.
        NetworkError: The network fails, or a rectifier runs inside a scripted module.

    Source: Springenberg et al. 2015, arXiv:1412.6806.

    >>> network = torch.nn.Sequential(torch.nn.Linear(2, 2, bias=False), torch.nn.ReLU(), torch.nn.Linear(2, 1))
    >>> with torch.no_grad():
    ...     _ = network[0].weight.copy_(torch.eye(2)), network[2].weight.copy_(torch.tensor([[1.0, -1.0]]))
    >>> guided_backprop(Model(network, task="regression"), [[1.0, 1.0]]).values
    tensor([[1., 0.]])
    """
    return _backprop("guided_backprop", _guided, model, inputs, target, layer, exact, batch_size)


@names_errors("deconvolution")
def deconvolution(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    layer: str | None = None,
    exact: bool = False,
    batch_size: int | None = None,
) -> Explanation:
    """Return what a deconvolution network projects back: each rectifier passes the positive part of the signal alone.

    Rectifiers are those of `guided_backprop`; what they let through on the way forward does not count.

    Args:
        model: What is explained.
        inputs: A batch that the model's input takes, (N, ...).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        layer: Whose output to explain in place of the inputs.
        exact: Run the network as it is, never a faster form of it.
        batch_size: How many inputs at a time; None chooses it.

    Returns:
        values: (N, ...), signed, in output units per input unit.

    Raises:
        InputError: An argument cannot be.
        TargetError: There is no such target.
        NetworkError: The network fails, or a rectifier runs inside a scripted module.

    Source: Zeiler, Fergus 2014, arXiv:1311.2901.

    >>> network = torch.nn.Sequential(torch.nn.Linear(2, 2, bias=False), torch.nn.ReLU(), torch.nn.Linear(2, 1))
    >>> with torch.no_grad():
    ...     _ = network[0].weight.copy_(torch.eye(2)), network[2].weight.copy_(torch.tensor([[1.0, -1.0]]))
    >>> deconvolution(Model(network, task="regression"), [[-1.0, 1.0]]).values
    tensor([[1., 0.]])
    """
    return _backprop("deconvolution", _deconvolved, model, inputs, target, layer, exact, batch_size)


def guided_gradient(session: Session, rows: Tensor, rule: Rule | None = None) -> tuple[Tensor, int]:
    """Return the guided gradient of some rows (n, ...) and the number of rectifiers that it met."""
    met: list[str] = []

    def counted(operation: Operation) -> Tensor | tuple | None:
        least = operation.argument(1, LEAST.get(operation.name, "min"))
        if operation.name in BOUNDS and not (isinstance(least, int | float) and least == 0):
            return None
        met.append(operation.name)
        return (rule or _guided)(operation)

    table = dict.fromkeys((*RELUS, *BOUNDS), counted)

    def check(score: Tensor) -> None:
        left = [kind_of(node) for node in graph_of(score) if _rectifies(node)]
        if left:
            wanted = "rectifiers that run in Python"
            got = f"{left[0]} inside a scripted or recurrent module; use saliency or integrated_gradients"
            raise NetworkError("network", expected=wanted, got=got)

    return ruled_gradient(session, session.inputs[rows], rows, table, check)[1], len(met)


def _rectifies(node: Node) -> bool:
    """Is a node of the graph a rectifier, or a bound from below at 0?"""
    least = getattr(node, "_saved_min_val", getattr(node, "_saved_min", None))
    return kind_of(node) in RELU_NODES or (isinstance(least, int | float) and least == 0)


def _guided(operation: Operation) -> Tensor:
    def values(source: Tensor) -> tuple:
        output, back = pulled_back(operation, source)
        return output, lambda gradient: back(gradient.clamp_min(0))

    return connect(values, operation.sources[0])


def _deconvolved(operation: Operation) -> Tensor:
    return connect(lambda source: (operation(source), lambda gradient: (gradient.clamp_min(0),)), operation.sources[0])


def _backprop(
    operation: str,
    rule: Rule,
    model: Model,
    inputs: object,
    target: object,
    layer: str | None,
    exact: bool,
    batch_size: int | None,
) -> Explanation:
    settings = {"exact": exact, "batch_size": batch_size, "layer": layer, "differentiable": True}
    with model.explaining(operation, inputs, target, **settings) as session:
        parts = [guided_gradient(session, rows, rule) for rows in session.chunks(len(session))]
        run = {"relus": parts[0][1]}
        return session.explanation(operation, torch.cat([gradient for gradient, _ in parts]), "input", run=run)
