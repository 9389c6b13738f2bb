"""One mechanism for methods that change the backward pass: each operation of a forward pass, by the rule it has.

A mode of torch sees every operation of a forward pass, of modules and functions alike, in place or not, however often
a module is used; nothing of the network is hooked or replaced. An operation with a rule is put in the graph with that
rule as its backward pass, all others keep their gradient. Afterwards the graph itself says whether anything is left
that the method has no rule for: that is named before a result is made.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import Node

from xai.attribution.operations import LINEAR, PRODUCTS
from xai.base.errors import NetworkError
from xai.model.session import Session
from xai.network.function_modes import OwnMode, same_modes
from xai.network.gradients import gradient_of, variable_of

__all__ = [
    "Operation", "Rewritten", "Rule", "Table", "check_graph", "connect", "graph_of", "kind_of",
    "pulled_back", "ruled_gradient", "rules",
]  # fmt: skip


@dataclass(frozen=True)
class Operation:
    """One call in a forward pass: `function` with all but its `sources`, the tensors that depend on the input."""

    name: str
    function: Callable
    args: tuple
    kwargs: dict
    positions: tuple[int | str, ...]

    @property
    def sources(self) -> tuple[Tensor, ...]:
        """Return the tensors that depend on the input, in the order of the arguments."""
        return tuple(
            self.args[position] if isinstance(position, int) else self.kwargs[position] for position in self.positions
        )

    def __call__(self, *sources: Tensor) -> Tensor:
        """Return what the call gives for other sources, out of place."""
        args, kwargs = list(self.args), dict(self.kwargs)
        for position, source in zip(self.positions, sources, strict=True):
            _put(source, position, args, kwargs)
        return self.function(*args, **kwargs)

    def with_first(self, source: Tensor) -> Operation:
        """Return the call with another tensor for the first of its sources."""
        position, args, kwargs = self.positions[0], list(self.args), dict(self.kwargs)
        _put(source, position, args, kwargs)
        return replace(self, args=tuple(args), kwargs=kwargs)

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        """Return an argument by its position or its name."""
        return self.args[position] if len(self.args) > position else self.kwargs.get(name, default)


def _put(source: Tensor, position: int | str, args: list, kwargs: dict) -> None:
    if isinstance(position, int):
        args[position] = source
    else:
        kwargs[position] = source


Rule = Callable[[Operation], "Tensor | tuple | None"]


@dataclass(frozen=True)
class Rewritten:
    """In place of a rule: the same operation written in Python, with its arguments, so that each step has its rule.

    It returns NotImplemented where arguments ask for something else: then the operation runs as it is.
    """

    function: Callable


Table = Mapping[str, Rule | Rewritten]


@contextmanager
def rules(table: Table) -> Generator[None]:
    """Run a forward pass in which each operation named in the table is put out by its rule.

    A rule takes the Operation and returns its output, connected to the graph as the rule wants (see `connect`), or None
    where the operation's own gradient will do; an operation may also be `Rewritten` as several others. Names are those
    of torch, without underscores: "relu" stands for `F.relu`, `torch.relu_` and `nn.ReLU` alike. To be entered inside
    `Model.explaining`, where weights are frozen: a tensor that requires a gradient there depends on the input.
    """
    with same_modes(), _Mode(table):
        yield


def connect(values: Callable[..., tuple[Tensor, Callable[[Tensor], tuple]]], *sources: Tensor) -> Tensor:
    """Return a tensor of the graph whose backward pass is a rule.

    values: sources without a graph -> (what to put out, a new tensor; gradient of it -> one gradient per source).
    """
    return _Connected.apply(values, *sources)


class _Connected(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Callable, *sources: Tensor) -> Tensor:
        output, ctx.rule = values(*(source.detach() for source in sources))
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple:
        return None, *ctx.rule(*gradients)


class _Mode(OwnMode):
    def __init__(self, table: Table) -> None:
        super().__init__()
        self.table = table
        self.open: list[FunctionType] = []

    def __torch_function__(self, func: Callable, types: object, args: tuple = (), kwargs: dict | None = None) -> object:
        kwargs = dict(kwargs or {})
        written = getattr(func, "__name__", "")
        name = written.strip("_")
        if name not in self.table:
            if isinstance(func, FunctionType) and func not in self.open and func.__module__ in WRITTEN_IN_PYTHON:
                return self._inside(func, args, kwargs)
            return func(*args, **kwargs)
        rule = self.table[name]
        if isinstance(rule, Rewritten):
            if not torch.is_grad_enabled() or not any(map(_depends, _flat((*args, *kwargs.values())))):
                return func(*args, **kwargs)
            with self:
                output = rule.function(*args, **kwargs)
            return func(*args, **kwargs) if output is NotImplemented else output
        keywords = kwargs
        in_place = bool(kwargs.get("inplace")) or (written.endswith("_") and not written.startswith("_"))
        kwargs = {key: value for key, value in kwargs.items() if key != "inplace"}
        positions = [position for position, item in enumerate(args) if _depends(item)]
        positions += [position for position, item in kwargs.items() if _depends(item)]
        if not positions or not torch.is_grad_enabled():
            return func(*args, **keywords)
        function = functools.partial(_out_of_place, func) if written.endswith("_") else func
        call = Operation(name, function, args, kwargs, tuple(positions))
        overwritten = call.sources[0]
        if in_place:  # a rule gets a copy: it may read its source again on the way back
            call = call.with_first(overwritten.clone())
        output = rule(call)
        if output is None:
            return func(*args, **keywords)
        return overwritten.copy_(output) if in_place and isinstance(output, Tensor) else output

    def _inside(self, func: FunctionType, args: tuple, kwargs: dict) -> object:
        """Run a function that torch has written in Python with its own operations seen."""
        self.open.append(func)
        try:
            with self:
                return _without_check(func)(*args, **kwargs)
        finally:
            self.open.pop()


WRITTEN_IN_PYTHON = ("torch.nn.functional", "torch.functional", "torch._tensor")


@functools.lru_cache(maxsize=256)
def _without_check(func: FunctionType) -> FunctionType:
    """Return a copy of a function of torch that does not ask for modes: the asking has brought us here already."""
    unasked = dict.fromkeys(
        ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic"), lambda *items: False
    )
    copy = FunctionType(
        func.__code__, {**func.__globals__, **unasked}, func.__name__, func.__defaults__, func.__closure__
    )
    copy.__kwdefaults__ = func.__kwdefaults__
    return copy


def _depends(item: object) -> bool:
    return isinstance(item, Tensor) and item.requires_grad


def _flat(items: Iterable) -> list[object]:
    """Return items and those of the tuples and lists among them."""
    return [part for item in items for part in (item if isinstance(item, tuple | list) else (item,))]


def _out_of_place(func: Callable, *args: object, **kwargs: object) -> object:
    cloned = [item.clone() if isinstance(item, Tensor) else item for item in args]
    return func(*cloned, **{name: item.clone() if isinstance(item, Tensor) else item for name, item in kwargs.items()})


def pulled_back(function: Callable, *sources: Tensor) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor, ...]]]:
    """Return a function's value at its sources, and what its ordinary backward pass makes of a gradient."""
    with torch.enable_grad():
        leaves = [source.detach().requires_grad_() for source in sources]
        output = function(*leaves)
    return output.detach(), lambda gradient: torch.autograd.grad(output, leaves, gradient, retain_graph=True)


def ruled_gradient(
    session: Session,
    batch: Tensor,
    rows: Tensor,
    table: Table,
    check: Callable[[Tensor], None],
) -> tuple[Tensor, Tensor]:
    """Return the scores (n,) of a batch and what the rules of a table make of their gradient, like `Case.gradient`.

    check: called with the scores before the backward pass, to raise an error for a graph without a rule.
    """
    batch = variable_of(batch)
    with rules(table):
        score = session.score(batch, rows)
    if score.requires_grad:
        check(score)
    return score.detach(), gradient_of(score, batch)


def check_graph(score: Tensor, allowed: frozenset[str] = frozenset(), products: bool = False) -> None:
    """Raise NetworkError where the graph behind a score holds an operation that is not linear and got no rule.

    allowed: further nodes whose gradient is what the method wants. products: whether two parts of the graph may be
    multiplied. This also finds what no mode sees: scripted modules, and the inside of recurrent ones.
    """
    for node in graph_of(score):
        name = kind_of(node)
        if name == "_Connected" or name in allowed:
            continue
        sources = sum(source is not None for source, _ in node.next_functions)
        batch_statistics = name.endswith("BatchNorm") and getattr(node, "_saved_training", False)
        if name not in LINEAR or batch_statistics or (name in PRODUCTS and not products and _several(node, name)):
            product = name in PRODUCTS and sources > 1
            got = f"{'a product of two parts that depend on the input' if product else 'no rule'} ({name})"
            wanted = "operations that are linear or have a rule"
            raise NetworkError("network", expected=wanted, got=f"{got}; use integrated_gradients or occlusion")


def graph_of(score: Tensor) -> list[Node]:
    """Return every node of the graph behind a tensor, from its end."""
    waiting, seen = [score.grad_fn], {}
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen[node] = None
            waiting.extend(source for source, _ in node.next_functions)
    return list(seen)


def kind_of(node: Node) -> str:
    """Return what a node of the graph does, without number: "Relu" for ReluBackward0."""
    return re.sub(r"(Backward)?\d*$", "", node.name().split("::")[-1])


def _several(node: Node, name: str) -> bool:
    """Is more than one factor part of the graph? A summand beside the product, such as a bias, is no factor."""
    edges = [source is not None for source, _ in node.next_functions]
    if name == "Div":
        return edges[-1] and len(edges) > 1  # also a constant divided by a part of the graph
    return sum(edges[1:] if name in ("Addcmul", "Addmm", "Addbmm", "Baddbmm") else edges) > 1
