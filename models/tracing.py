"""A small network taken apart: every product, sum and activation as a node, with its local and upstream gradient.

The chain rule, number by number: what a node passes back to one that it was computed from is its upstream gradient
times its local one, and what comes back from several sides adds up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor, nn

from xai.base.errors import InputError, describe, names_errors

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Node", "Tape", "trace_network"]

# An activation and its derivative, at x with y = f(x).
FUNCTIONS: dict[type[nn.Module], tuple[Callable[[float], float], Callable[[float, float], float]]] = {
    nn.Identity: (lambda x: x, lambda x, y: 1.0),
    nn.Sigmoid: (lambda x: 1 / (1 + math.exp(-x)) if x > -700 else 0.0, lambda x, y: y * (1 - y)),
    nn.Tanh: (math.tanh, lambda x, y: 1 - y * y),
    nn.ReLU: (lambda x: max(x, 0.0), lambda x, y: float(x > 0)),
    nn.LeakyReLU: (lambda x: x if x >= 0 else 0.01 * x, lambda x, y: 1.0 if x > 0 else 0.01),
}


@dataclass
class Node:
    """A number: what made it, out of which nodes (their places), and the derivative by each (local).

    upstream: the derivative of the last node, the loss, by this one.
    """

    name: str
    operation: str
    value: float
    parents: tuple[int, ...] = ()
    local: tuple[float, ...] = ()
    upstream: float = 0.0


@dataclass
class Tape:
    """Nodes in the order in which they were computed; each only needs those before it.

    >>> tape = Tape()
    >>> x, w = tape.leaf("x", 3.0), tape.leaf("w", 2.0)
    >>> _ = tape.add("sum", tape.multiply("wx", w, x), x)
    >>> tape.backward()
    >>> tape["x"].upstream, tape["w"].upstream
    (3.0, 3.0)
    """

    nodes: list[Node] = field(default_factory=list)

    def __getitem__(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    def leaf(self, name: str, value: float) -> int:
        """Add an input or a weight; returns its place."""
        return self._note(Node(name, "leaf", value))

    def multiply(self, name: str, first: int, second: int) -> int:
        """Add a product: the derivative by each factor is the other one."""
        a, b = self.nodes[first].value, self.nodes[second].value
        return self._note(Node(name, "product", a * b, (first, second), (b, a)))

    def add(self, name: str, *parts: int) -> int:
        """Add a sum: the derivative by each part is 1."""
        return self._note(Node(name, "sum", sum(self.nodes[part].value for part in parts), parts, (1.0,) * len(parts)))

    def apply(self, name: str, kind: type[nn.Module], part: int) -> int:
        """Add an activation of FUNCTIONS."""
        function, derivative = FUNCTIONS[kind]
        x = self.nodes[part].value
        y = function(x)
        return self._note(Node(name, kind.__name__.lower(), y, (part,), (derivative(x, y),)))

    def squared_difference(self, name: str, part: int, target: float) -> int:
        """Add (value - target)^2, whose derivative is 2 (value - target)."""
        difference = self.nodes[part].value - target
        return self._note(Node(name, "squared difference", difference**2, (part,), (2 * difference,)))

    def backward(self) -> None:
        """Set every upstream gradient, from the last node back."""
        for node in self.nodes:
            node.upstream = 0.0
        self.nodes[-1].upstream = 1.0
        for node in reversed(self.nodes):
            for parent, local in zip(node.parents, node.local, strict=True):
                self.nodes[parent].upstream += node.upstream * local

    def to_frame(self) -> pd.DataFrame:
        """Return one row per node: its name, operation, value, what it was made of, local and upstream gradients."""
        import pandas as pd

        rows = [
            {
                "node": node.name,
                "operation": node.operation,
                "value": node.value,
                "of": ", ".join(self.nodes[parent].name for parent in node.parents),
                "local": ", ".join(f"{local:.4g}" for local in node.local),
                "upstream": node.upstream,
            }
            for node in self.nodes
        ]
        return pd.DataFrame(rows)

    def _note(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1


@names_errors("trace_network")
def trace_network(network: nn.Sequential, inputs: Tensor | Sequence[float], targets: Tensor | Sequence[float]) -> Tape:
    """Run linear layers and activations on one row (D,), take the sum of squared errors, and go back through all of it.

    Nodes are named x[i], LAYER.weight[j,i], LAYER.bias[j], LAYER.product[j,i], LAYER[j], error[j] and loss.
    Raises InputError for a layer of another kind or sizes that do not fit.

    >>> tape = trace_network(nn.Sequential(nn.Linear(2, 1)), [1.0, 2.0], [0.5])
    >>> len(tape.nodes), tape["loss"].upstream
    (10, 1.0)
    """
    tape = Tape()
    values = [tape.leaf(f"x[{index}]", float(value)) for index, value in enumerate(inputs)]
    for name, layer in network.named_children():
        if isinstance(layer, nn.Linear):
            if layer.in_features != len(values):
                got = f"{len(values)} before {name}"
                raise InputError("inputs", expected=f"{layer.in_features} numbers", got=got)
            values = [_neuron(tape, name, layer, unit, values) for unit in range(layer.out_features)]
        elif type(layer) in FUNCTIONS:
            values = [tape.apply(f"{name}[{index}]", type(layer), value) for index, value in enumerate(values)]
        else:
            known = ", ".join(kind.__name__ for kind in FUNCTIONS)
            raise InputError(name, expected=f"Linear or one of {known}", got=type(layer).__name__)
    if len(targets) != len(values):
        raise InputError("targets", expected=f"{len(values)} numbers", got=describe(targets))
    errors = [
        tape.squared_difference(f"error[{index}]", value, float(target))
        for index, (value, target) in enumerate(zip(values, targets, strict=True))
    ]
    tape.add("loss", *errors)
    tape.backward()
    return tape


def _neuron(tape: Tape, name: str, layer: nn.Linear, unit: int, values: list[int]) -> int:
    parts = []
    for index, value in enumerate(values):
        weight = tape.leaf(f"{name}.weight[{unit},{index}]", float(layer.weight[unit, index].detach()))
        parts.append(tape.multiply(f"{name}.product[{unit},{index}]", weight, value))
    if layer.bias is not None:
        parts.append(tape.leaf(f"{name}.bias[{unit}]", float(layer.bias[unit].detach())))
    return tape.add(f"{name}[{unit}]", *parts)
