"""LRP for what is not a layer with weights: products, gates, quotients, softmax and normalization (AttnLRP).

Achtibat et al. 2024, arXiv:2402.05602, with gates as in Arras et al. 2017, doi:10.18653/v1/W17-5221. What runs back is
relevance over activation, so that a rule is a change of the gradient:

- A product hands the same to each of its factors: each gets its gradient, divided by their number.
- A gate takes nothing: a sigmoid, or a bounded activation with a constant added, says how much of the other factor
  passes. So x * sigmoid(x) has the rule of SiLU, and a GELU written by hand that of GELU.
- What something is divided by takes nothing, as in a normalization: it is a constant, and the rest is linear.
- A softmax is taken to first order: its gradient times what came in; the rest stays behind and is counted.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.graph import Node
from torch.nn import functional

from xai.attribution.backward_rules import Operation, Rule, connect, kind_of, pulled_back
from xai.attribution.handwritten_softmax import EACH, before_nodes
from xai.attribution.operations import FACTORS
from xai.attribution.relevance import Account

__all__ = ["note_bounded", "products", "relevance_rules"]

# What a gate may have gone through on the way to its product; a constant that is added is looked at.
THROUGH = EACH - {"Add", "Sub", "Rsub", "Div"} | {"Permute", "Select", "Slice", "Split", "SplitWithSizes", "Transpose"}
GATES = frozenset(("Sigmoid", "Hardsigmoid"))
BOUNDED = frozenset(("tanh", "erf", "special_erf", "softsign"))
SUMMANDS = {  # where an operation adds something to its product
    **dict.fromkeys(("addmm", "addbmm", "baddbmm", "addmv", "addr", "addcmul"), (0, "input")),
    "linear": (2, "bias"),
}  # fmt: skip


def relevance_rules(account: Account) -> dict[str, Rule]:
    """Return the rules by the names of operations; `account` learns what stays behind and which rule ran."""
    return {
        **dict.fromkeys(FACTORS, lambda operation: products(operation, account)),
        **dict.fromkeys(("div", "divide", "true_divide"), lambda operation: _quotient(operation, account)),
        **dict.fromkeys(("softmax", "log_softmax", "logsumexp"), lambda operation: _first_order(operation, account)),
        **{name: _normalized(name, account) for name in ("layer_norm", "rms_norm", "group_norm", "instance_norm")},
    }


def products(operation: Operation, account: Account) -> Tensor | None:
    """Return a product of parts that depend on the input; None where it is linear in one."""
    positions = SUMMANDS.get(operation.name, ("bias",))
    factors = [position not in positions for position in operation.positions]
    if sum(factors) < 2:
        return None
    sources = operation.sources
    gates = [factor and is_gate(source) for factor, source in zip(factors, sources, strict=True)]
    if sum(gates) == sum(factors) - 1:
        account.ran(operation.name, "gates take nothing")
        return operation(*(source.detach() if gate else source for gate, source in zip(gates, sources, strict=True)))
    account.ran(operation.name, "the same to each factor")

    def values(*sources: Tensor) -> tuple:
        output, back = pulled_back(operation, *sources)

        def shared(gradient: Tensor) -> tuple[Tensor, ...]:
            parts = zip(factors, back(gradient), strict=True)
            return tuple(part / sum(factors) if factor else part for factor, part in parts)

        return output, shared

    return connect(values, *sources)


def note_bounded(output: Tensor, name: str) -> None:
    """Note at the node of a bounded activation that it is one: with a constant added to it, it is a gate."""
    if name in BOUNDED:
        output.grad_fn.bounded = True  # ty: ignore[invalid-assignment]  # a node takes any attribute


def is_gate(factor: Tensor) -> bool:
    """Does a factor only say how much of the others passes: a sigmoid, one over something, 1 + tanh?"""
    shifted, node = False, factor.grad_fn
    while node is not None:
        node, _ = before_nodes((node, 0), THROUGH)
        if node is None:
            return False
        kind, edges = kind_of(node), [edge for edge, _ in node.next_functions]
        if kind in GATES or _is_inverse(node, kind):
            return True
        if kind not in ("Add", "Sub", "Rsub", "Div") or sum(edge is not None for edge in edges) != 1:
            return shifted and getattr(node, "bounded", False)
        shifted = shifted or kind != "Div"
        node = next(edge for edge in edges if edge is not None)
    return False


def _is_inverse(node: Node, kind: str) -> bool:
    if kind == "Div":
        upper, lower = (edge for edge, _ in node.next_functions)
        return upper is None and lower is not None
    exponent = getattr(node, "_saved_exponent", None) if kind == "Pow" else None
    return kind in ("Rsqrt", "Reciprocal") or (isinstance(exponent, int | float) and exponent < 0)


def _quotient(operation: Operation, account: Account) -> Tensor | None:
    if len(operation.sources) != 2 or operation.kwargs.get("rounding_mode"):
        return None
    account.ran(operation.name, "what it is divided by takes nothing")
    upper, lower = operation.sources
    return operation(upper, lower.detach())


def _first_order(operation: Operation, account: Account) -> Tensor:
    account.ran(operation.name, "first order")

    def values(source: Tensor) -> tuple:
        output, back = pulled_back(operation, source)

        def rule(gradient: Tensor) -> tuple[Tensor]:
            (handed,) = back(gradient)
            # Where nothing is handed on, as to what a mask hides, what came in may be infinite.
            account.first_order(gradient * output, torch.where(handed == 0, 0, handed * source))
            return (handed,)

        return output, rule

    return connect(values, operation.sources[0])


def _normalized(name: str, account: Account) -> Rule:
    def rule(operation: Operation) -> Tensor | None:
        if len(operation.sources) > 1:
            return None
        linear = _FORMS[name](operation)
        if linear is None:
            return None
        account.ran(name, "what it is divided by takes nothing")
        scaled, weight, bias = linear

        def values(source: Tensor) -> tuple:
            output = operation(source)
            _, back = pulled_back(scaled, source)

            def handed(gradient: Tensor) -> tuple[Tensor, ...]:
                if bias is not None:
                    account.constants(gradient * bias)
                return back(gradient if weight is None else gradient * weight)

            return output, handed

        return connect(values, operation.sources[0])

    return rule


# Of a normalization: values less their mean over a spread that is constant, its weights, and its biases, so shaped that
# they are times and added to the output.
_Form = tuple[Callable[[Tensor], Tensor], "Tensor | None", "Tensor | None"]


def _layer_norm(operation: Operation) -> _Form:
    axes = tuple(range(-len(operation.argument(1, "normalized_shape")), 0))
    epsilon = operation.argument(4, "eps", 1e-5)
    return _standardized(axes, epsilon, True), operation.argument(2, "weight"), operation.argument(3, "bias")


def _rms_norm(operation: Operation) -> _Form:
    axes = tuple(range(-len(operation.argument(1, "normalized_shape")), 0))
    epsilon = operation.argument(3, "eps")
    epsilon = torch.finfo(operation.sources[0].dtype).eps if epsilon is None else epsilon
    return _standardized(axes, epsilon, False), operation.argument(2, "weight"), None


def _group_norm(operation: Operation) -> _Form:
    numbers = operation.argument(2, "weight"), operation.argument(3, "bias")
    return _grouped(operation, operation.argument(1, "num_groups"), numbers, operation.argument(4, "eps", 1e-5))


def _instance_norm(operation: Operation) -> _Form | None:
    # With running statistics it is linear, and keeps its gradient.
    if operation.function is not functional.instance_norm or not operation.argument(5, "use_input_stats", True):
        return None
    numbers = operation.argument(3, "weight"), operation.argument(4, "bias")
    return _grouped(operation, operation.sources[0].shape[1], numbers, operation.argument(7, "eps", 1e-5))


_FORMS: dict[str, Callable[[Operation], _Form | None]] = {
    "layer_norm": _layer_norm, "rms_norm": _rms_norm, "group_norm": _group_norm, "instance_norm": _instance_norm,
}  # fmt: skip


def _grouped(operation: Operation, groups: int, numbers: tuple, epsilon: float) -> _Form:
    whole = _standardized((-1,), epsilon, True)
    channels = (-1, *(1,) * (operation.sources[0].ndim - 2))
    weight, bias = (None if item is None else item.view(channels) for item in numbers)
    return lambda source: whole(source.reshape(len(source), groups, -1)).view_as(source), weight, bias


def _standardized(axes: tuple[int, ...], epsilon: float, centered: bool) -> Callable[[Tensor], Tensor]:
    def scaled(source: Tensor) -> Tensor:
        wide = source.float() if source.element_size() < 4 else source
        centered_values = wide - wide.mean(axes, keepdim=True) if centered else wide
        scale = centered_values.detach().square().mean(axes, keepdim=True).add(epsilon).sqrt()
        return (centered_values / scale).to(source.dtype)

    return scaled
