"""What a network attends to: the weights that its attention multiplied values with, read from the pass itself.

A mode of torch sees the products of a forward pass. One whose first factor came out of a softmax over its last axis is
attention, whether a module, `scaled_dot_product_attention` or the network itself wrote it; that factor is what is read,
and what is taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node

from xai.attribution.backward_rules import Operation, Rewritten, Rule, Table, graph_of, kind_of, rules
from xai.attribution.handwritten_softmax import MOVES, before_nodes
from xai.attribution.rewritten import REWRITTEN
from xai.base.errors import NetworkError
from xai.model.session import Session
from xai.network.gradients import check_differentiable, gradients_of, variable_of
from xai.network.hooks import recording, running
from xai.network.receptive import shape_of

__all__ = ["Attended", "read_attention", "without_tokens"]

# What weights may go through between the softmax and the product: nothing that changes which token they are of.
THROUGH = MOVES | {"MaskedFill", "Mul", "NanToNum", "Where"}
# Where the weights stand among the arguments of a product; of einsum it is read off its letters.
POSITIONS: dict[str, tuple[int | str, ...]] = {
    "matmul": (0, "input"), "bmm": (0, "input"), "baddbmm": (1, "batch1"),
}  # fmt: skip
READABLE = "attention that can be read: nn.MultiheadAttention, scaled_dot_product_attention, or a softmax times values"
ONE_STREAM = "layers of self-attention over all tokens, one after another"


@dataclass(frozen=True)
class Attended:
    """The attention of one layer: weights (n, heads, T, T), a row for each token that looks, and their gradient."""

    layer: str
    weights: Tensor
    gradient: Tensor


@dataclass(frozen=True)
class _Product:
    """A product of weights and values as it ran."""

    layer: str
    weights: Tensor
    values: Tensor


def read_attention(session: Session, rows: Tensor, locate: Callable[[Tensor, Tensor], None]) -> list[Attended]:
    """Return the layers of attention that lead to the scores of some rows (n,), in the order in which they ran.

    locate: called with the inputs as a variable and the values (..., T, D) of the first attention, while the graph is
    whole. Raises NetworkError where no attention is found, where it is not that of one stream of tokens (windows, an
    encoder beside a decoder, tokens that are merged), or where a softmax over tokens was not followed to its values.
    """
    check_differentiable(not session.trace.blocked)
    network, batch = session.plan.network, variable_of(session.inputs[rows])
    reader = _Reader()
    memory = session.model.memory.rows
    padded, whole = memory.padded(len(batch)), memory.with_padding()  # attention has one row for each text
    with running(network) as reader.at_work, recording(network, ()), rules(reader.table), padded as ours, whole:
        score = session.score(batch, rows)
    if not score.requires_grad:
        check_differentiable(False)
    products = reader.used_by(score)
    if not products:
        raise NetworkError("network", expected=READABLE, got="none that the scores depend on")
    count = max(len(batch), session.model.memory.rows.fewest)
    shaped = [_by_head(product, count) for product in products]
    _check_stream(products, shaped)
    reader.check_followed(score, shaped[0].shape[-1])
    locate(batch, products[0].values)
    gradients = gradients_of(score, [product.weights for product in products])
    return [
        Attended(product.layer, weights.detach()[ours], gradient.reshape(weights.shape)[ours])
        for product, weights, gradient in zip(products, shaped, gradients, strict=True)
    ]


@contextmanager
def without_tokens(network: nn.Module, hidden: Tensor) -> Generator[None]:
    """Run the body with no token attending to some tokens: (n, T) says to which, of each row of the batch.

    The other weights of each token grow to fill the gap; a token that attended to nothing else gets nothing.
    """

    def taken(operation: Operation) -> Tensor | None:
        position = _position_of_weights(operation)
        if position is None:
            return None
        sources = list(operation.sources)
        at = operation.positions.index(position)
        weights = sources[at]
        left = weights.reshape(len(hidden), -1, *weights.shape[-2:]) * ~hidden[:, None, None]
        whole = left.sum(-1, keepdim=True)
        left = torch.where(whole > 1e-6, left / whole.clamp_min(1e-6), torch.zeros_like(left))
        sources[at] = left.view(weights.shape)
        return operation(*sources)

    with rules(_table(taken)):
        yield


def _table(product: Rule) -> dict[str, Rule | Rewritten]:
    written = REWRITTEN["scaled_dot_product_attention"]
    return {"scaled_dot_product_attention": written, **dict.fromkeys((*POSITIONS, "einsum"), product)}


class _Reader:
    """What is met in one pass: products of weights and values, and every softmax that may turn out to be one."""

    def __init__(self) -> None:
        self.at_work = [""]
        self._products: list[_Product] = []
        self._softmaxes: dict[Node, tuple[int, ...]] = {}
        self.table: Table = {**_table(self._product), "softmax": self._softmax}

    def used_by(self, score: Tensor) -> list[_Product]:
        """Return the products that a score depends on."""
        used = set(graph_of(score))
        return [product for product in self._products if product.weights.grad_fn in used]

    def check_followed(self, score: Tensor, tokens: int) -> None:
        """Raise NetworkError where a softmax from tokens to tokens was not seen to be multiplied with values."""
        used = set(graph_of(score))
        for node, shape in self._softmaxes.items():
            if node in used and shape[-2:] == (tokens, tokens):
                wanted = f"{READABLE}, at once"
                raise NetworkError("network", expected=wanted, got="weights that are changed in between")

    def _softmax(self, operation: Operation) -> Tensor:
        output = operation(*operation.sources)
        if output.ndim > 2 and output.grad_fn is not None:
            self._softmaxes[output.grad_fn] = tuple(output.shape)
        return output

    def _product(self, operation: Operation) -> None:
        position = _position_of_weights(operation)
        if position is None:
            return
        tensors = [item for item in (*operation.args, *operation.kwargs.values()) if isinstance(item, Tensor)]
        weights = operation.sources[operation.positions.index(position)]
        self._softmaxes.pop(_softmax_of(weights), None)
        self._products.append(_Product(self.at_work[-1], weights, tensors[-1]))


def _position_of_weights(operation: Operation) -> int | str | None:
    """Return which argument of a product are weights of attention; None where there are none."""
    positions = POSITIONS.get(operation.name) or _summed_last(operation)
    for position, source in zip(operation.positions, operation.sources, strict=True):
        if position in positions and source.ndim > 2 and _softmax_of(source) is not None:
            return position
    return None


def _summed_last(operation: Operation) -> tuple[int, ...]:
    """Return the operands of an einsum over whose last axis is summed."""
    letters = operation.argument(0, "equation")
    if not isinstance(letters, str) or "->" not in letters:
        return ()
    operands, result = letters.replace(" ", "").split("->")
    return tuple(position for position, of in enumerate(operands.split(","), 1) if of and of[-1] not in result)


def _softmax_of(weights: Tensor) -> Node | None:
    """Return the node of the softmax over the last axis that weights came out of; None where they did not."""
    node, _ = before_nodes((weights.grad_fn, 0), THROUGH)
    if node is None or kind_of(node) != "Softmax":
        return None
    axes = len(shape_of(node, 0))
    axis = int(getattr(node, "_saved_dim", 0))
    axis = axis - 2**64 if axis >= 2**63 else axis  # a negative one comes as its complement
    return node if axis % axes == axes - 1 else None


def _by_head(product: _Product, count: int) -> Tensor:
    """Return weights as (N, heads, T, T) of so many rows."""
    weights, shape = product.weights, tuple(product.weights.shape)
    whole = shape[0] == count if len(shape) > 3 else shape[0] % count == 0
    if not whole:
        got = f"weights {shape} for {count} rows, as of windows, in {product.layer!r}"
        raise NetworkError("network", expected=ONE_STREAM, got=got)
    if shape[-1] != shape[-2]:
        got = f"{shape[-2]} that look at {shape[-1]} others in {product.layer!r}"
        raise NetworkError("network", expected=ONE_STREAM, got=got)
    return weights.reshape(count, -1, *shape[-2:])


def _check_stream(products: list[_Product], shaped: list[Tensor]) -> None:
    """Raise NetworkError where an attention does not read what the one before it wrote, all tokens of it."""
    for (one, among), (other, weights) in pairwise(zip(products, shaped, strict=True)):
        if weights.shape[-1] != among.shape[-1]:
            got = f"{among.shape[-1]} tokens in {one.layer!r}, {weights.shape[-1]} in {other.layer!r}"
            raise NetworkError("network", expected=ONE_STREAM, got=got)
        if not _reaches(other.values, one.weights):
            got = f"values in {other.layer!r} that do not come from {one.layer!r}: a second stream"
            raise NetworkError("network", expected=ONE_STREAM, got=got)


def _reaches(last: Tensor, target: Tensor) -> bool:
    """Does a tensor depend on another one of the same pass?"""
    waiting, seen = [last.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is target.grad_fn:
            return True
        if node is not None and node not in seen:
            seen.add(node)
            waiting.extend(source for source, _ in node.next_functions)
    return False
