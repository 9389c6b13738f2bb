"""What a network writes by hand in place of torch.softmax: exponentials over their sum, and logarithms of such sums.

Each step has a rule, but the steps know nothing of each other: a constant on all logits would get values. So the graph
is read: exp(x) / exp(x).sum(axes) is a softmax of x, and log(exp(x).sum(axes)) a logsumexp. Exponentials that are
divided by a sum of themselves in any other form are named in an error.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.graph import Node

from xai.attribution.backward_rules import Operation, kind_of
from xai.base.errors import NetworkError

__all__ = [
    "EACH",
    "EXPONENTIALS",
    "LOGARITHMS",
    "Logits",
    "before_nodes",
    "is_inverse",
    "joined",
    "logarithm_of_sum",
    "remember",
    "share_of_sum",
]

EXPONENTIALS = {"exp": 1.0, "exp2": math.log(2), "special_exp2": math.log(2)}
LOGARITHMS = {"log": 1.0, "log2": math.log(2), "log10": math.log(10)}
# Nodes that hand numbers on as they are, that move them, and that change each by itself.
SAME = frozenset(("Alias", "Clone", "CopyBackwards", "ToCopy"))
MOVES = SAME | {"Expand", "ReshapeAlias", "Squeeze", "UnsafeView", "Unsqueeze", "View"}
SCALED = MOVES | {"Div", "Mul", "Neg"}
EACH = SCALED | {"Add", "Rsub", "Sub"}
SUMS = frozenset(("Bmm", "Cumsum", "Dot", "Mean", "Mm", "Mv", "Sum"))
LAYERS = frozenset(("Addmm", "Convolution", "Linear"))  # what comes behind weights is another quantity
CONSTANT = 1e-6  # up to here a ratio is called constant, as where a network adds 1e-9 to a sum


Edge = tuple["Node | None", int]  # a node of the graph, and the number of its output


class Logits(NamedTuple):
    """What was exponentiated, at the input and at the baseline; the axes of its sum; and a multiple of the result."""

    now: Tensor
    before: Tensor
    axes: tuple[int, ...]
    multiple: float = 1.0


class _Made(NamedTuple):
    """What is known of a node that an operation put out by a rule."""

    name: str
    power: float  # the exponent, 0 for what is no power of what came in
    ends: tuple[Tensor, Tensor] | None  # of an exponential: the exponents, at the input and at the baseline
    root: Edge | None  # of an exponential: what the exponents are made of, each by itself

    def transparent(self) -> bool:
        """Is what came in still there: in a product, under a root or below a fraction line?"""
        return self.root is None and (self.power == 0 or -1 <= self.power < 1)


class _Sum(NamedTuple):
    """A sum of exponentials, or a multiple of it: of which exponential, its `ends`, along which axes."""

    top: _Made
    ends: tuple[Tensor, Tensor]
    axes: tuple[int, ...]
    more: bool  # was something else added to it?


def remember(output: Tensor, operation: Operation, source: Tensor | None = None, before: Tensor | None = None) -> None:
    """Note at the node of an output that it is an exponential, a power or a product; no more, for tensors take memory.

    source: what came in, as a tensor that the network will not change in place; before: the same at the baseline.
    """
    exponent, name = operation.argument(1, "exponent"), operation.name
    power = {"reciprocal": -1.0, "rsqrt": -0.5, "sqrt": 0.5}.get(name, 0.0)
    if name == "pow" and isinstance(exponent, int | float):
        power = float(exponent)
    raised = name in EXPONENTIALS or (name == "pow" and operation.positions in ((1,), ("exponent",)))
    if raised and source is not None:
        ends = None if before is None or name not in EXPONENTIALS else (source, before)
        made = _Made(name, 0.0, ends, before_nodes((source.grad_fn, 0), EACH))
    elif power or source is None:
        made = _Made(name, power, None, None)
    else:
        return
    output.grad_fn.made = made  # ty: ignore[invalid-assignment]  # a node takes any attribute


def is_inverse(factor: Tensor) -> bool:
    """Is a factor one over a power of something, but for a constant?"""
    made = _made(before_nodes((factor.grad_fn, 0), EACH)[0])
    return made is not None and made.power < 0


def joined(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor] | None:
    """Return the exponents of a product of two exponentials, added up, at the input and at the baseline."""
    one, other = (_made(before_nodes((item.grad_fn, 0), SAME)[0]) for item in (first, second))
    if one is None or other is None or one.ends is None or other.ends is None or not one.name == other.name == "exp":
        return None
    return one.ends[0] + other.ends[0], one.ends[1] + other.ends[1]


def logarithm_of_sum(total: Tensor) -> Logits | None:
    """Return the logits where a tensor is the sum of their exponentials, or a multiple of it, such as their mean.

    Raises NetworkError for a sum of exponentials that is not that of one tensor.
    """
    found = _summed(total.grad_fn)
    if found is not None:
        whole = _whole(found, lambda sums: total.view(sums.shape) if total.numel() == sums.numel() else None)
        if whole is not None:
            return whole
    if _mixed(total, _exponentials(total.grad_fn)):
        raise _refusal("a logarithm of a sum of exponentials", "torch.logsumexp or log_softmax")
    return None


def share_of_sum(upper: Tensor, lower: Tensor, inverse: bool = False) -> Logits | None:
    """Return the logits where `upper` is an exponential and `lower` a sum of the same ones, or (`inverse`) one over it.

    Raises NetworkError for exponentials that are divided by a sum of themselves in any other form.
    """
    held = _exponentials(upper.grad_fn)
    if not held:
        return None
    found, top = _summed(lower.grad_fn), _made(before_nodes((upper.grad_fn, 0), SAME)[0])
    if found is not None and top is not None and _alike(found.top, top) and found.ends[0].shape == upper.shape:
        total = lower.reciprocal() if inverse else lower
        whole = _whole(found, lambda sums: total if total.ndim <= upper.ndim else None)
        if whole is not None:
            return whole
    if _mixed(lower, held):
        raise _refusal("exponentials divided by a sum of themselves", "torch.softmax")
    return None


def _refusal(what: str, instead: str) -> NetworkError:
    got = f"{what} in a form that is not exp(x) and exp(x).sum(dim); use {instead} in the network, or"
    wanted = "a softmax that can be told as one"
    return NetworkError("network", expected=wanted, got=f"{got} integrated_gradients", operation="deeplift")


def _summed(last: Node | None) -> _Sum | None:
    """Return the sum of an exponential that a node is, or a multiple or one over it; None where it is no such sum."""
    more, node = False, last
    while True:
        node, _ = before_nodes((node, 0), SCALED)
        if node is None:
            return None
        made = _made(node)
        more = more or kind_of(node) in EACH
        if not (kind_of(node) in EACH or (made is not None and made.power == -1)) or _next(node)[0] is None:
            break
        node, _ = _next(node)
    top = _made(before_nodes(_next(node), SAME)[0]) if kind_of(node) in ("Mean", "Sum") else None
    if top is None or top.ends is None:
        return None
    sides = top.ends[0].ndim
    axes = getattr(node, "_saved_dim", ())  # negative ones come as their complement to 2^64
    axes = tuple((axis - 2**64 if axis >= 2**63 else axis) % sides for axis in axes) or tuple(range(sides))
    return _Sum(top, top.ends, axes, more)


def _alike(one: _Made, other: _Made) -> bool:
    """Are two exponentials those of one tensor?"""
    if one is other:
        return True
    if one.ends is None or other.ends is None or one.name != other.name or one.root != other.root:
        return False
    return all(torch.equal(first, second) for first, second in zip(one.ends, other.ends, strict=True))


def _whole(found: _Sum, total: Callable[[Tensor], Tensor | None]) -> Logits | None:
    """Return the logits if the numbers agree with what the graph says: a constant times the sum of exponentials.

    Where more was added to the sum, it must not show, as 1e-9 does not.
    """
    scale, (now, before) = EXPONENTIALS[found.top.name], found.ends
    sums = (now.detach() * scale).exp().sum(found.axes, keepdim=True)
    summed = total(sums)
    if summed is None:
        return None
    ratio = summed.detach() / sums
    multiple = 1.0 if found.more else float(ratio.mean())
    limit = max(CONSTANT, 32 * torch.finfo(ratio.dtype).eps)
    if not bool(((ratio - multiple).abs() <= limit * abs(multiple)).all()):
        return None
    return Logits(now * scale, before * scale, found.axes, multiple)


def _mixed(total: Tensor, held: set[Edge]) -> bool:
    """Does a tensor add up several numbers of which some are the exponentials given, by what they are made of?"""
    if not held & _exponentials(total.grad_fn):
        return False
    inside = _inside(total.grad_fn)
    if any(_is_sum(node) and _exponentials(node) & held for node in inside):
        return True
    terms = {node for node in _inside(total.grad_fn, EACH) if not _goes_on(node, EACH)}
    roots = {made.root if made is not None and made.root is not None else (node, 0)
             for node, made in ((term, _made(term)) for term in terms) if _exponentials(node)}  # fmt: skip
    return len(roots) > 1


def _inside(last: Node | None, kinds: frozenset[str] | None = None) -> set[Node]:
    """Return a node and those behind it, up to layers and operations that have a rule; of some kinds only, if given."""
    waiting, seen = [last], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if _goes_on(node, kinds):
            waiting.extend(source for source, _ in node.next_functions)
    return seen


def _goes_on(node: Node, kinds: frozenset[str] | None) -> bool:
    made = _made(node)
    if made is not None:
        return made.transparent() and (kinds is None or not _is_sum(node))
    kind = kind_of(node)
    return kind not in LAYERS and kind != "_Connected" and (kinds is None or kind in kinds)


def _exponentials(node: Node | None) -> set[Edge]:
    """Return what the exponentials inside a node are made of."""
    made = [_made(other) for other in _inside(node)]
    return {item.root for item in made if item is not None and item.root is not None}


def _is_sum(node: Node) -> bool:
    made = _made(node)
    if made is not None:
        return made.root is None and made.power == 0 and made.name not in ("mul", "multiply", "addcmul")
    return kind_of(node) in SUMS


def _made(node: Node | None) -> _Made | None:
    return getattr(node, "made", None)


def before_nodes(edge: Edge, kinds: frozenset[str]) -> Edge:
    """Return the first node behind another that is of another kind or has several behind it, and which output of it."""
    while edge[0] is not None and kind_of(edge[0]) in kinds and _next(edge[0])[0] is not None:
        edge = _next(edge[0])
    return edge


def _next(node: Node) -> Edge:
    """Return the one node behind another, with the number of its output; of a copy in place, what was copied."""
    edges = [edge for edge in node.next_functions if edge[0] is not None]
    return edges[-1] if len(edges) == 1 or (edges and kind_of(node) == "CopyBackwards") else (None, 0)
