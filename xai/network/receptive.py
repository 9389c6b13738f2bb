"""Receptive fields: how many pixels of the input one position of a layer can see, read off the autograd graph."""

from __future__ import annotations

from torch import Tensor

__all__ = ["Field", "receptive_field"]

Field = tuple[float, float, float, float]  # height, width, and how far apart neighbors' fields lie, down and across
WHOLE: Field = (float("inf"), float("inf"), float("inf"), float("inf"))

# Operations that answer each position from that position alone. What is not known here may read the whole input.
POINTWISE = (
    "Add", "Sub", "Mul", "Div", "Neg", "Pow", "Exp", "Sigmoid", "Tanh", "Relu", "LeakyRelu", "Prelu", "Elu", "Gelu",
    "Silu", "Mish", "Hardtanh", "Hardswish", "Hardsigmoid", "Softplus", "Clamp", "Clone",
    "NativeBatchNorm", "CudnnBatchNorm",
    "ConstantPadNd",
    "ReflectionPad2D", "ReplicationPad2D", "ToCopy", "Copy", "Cat", "Alias", "NativeDropout", "Where",
)  # fmt: skip


def receptive_field(
    output: Tensor, source: Tensor, known: dict[object, Field | None] | None = None
) -> tuple[int | None, int | None]:
    """Return the height and width in pixels that one position of `output` sees of `source`, before its borders cut it.

    None where a position may see everything, as behind a global mean or a linear layer. `source` is (N, C, H, W) and
    requires a gradient. known: what was found for other outputs of the same pass, to be handed on from call to call.
    """
    height, width, _, _ = _field(output.grad_fn, source, {} if known is None else known) or WHOLE
    return tuple(None if side == float("inf") else int(side) for side in (height, width))


def _field(node: object, source: Tensor, known: dict[object, Field | None]) -> Field | None:
    """Return what an element behind a node of the graph sees; None where it does not depend on the source."""
    order, waiting = [], [node]
    while waiting:  # children before parents, without recursion: networks are deep
        here = waiting.pop()
        if here is None or here in known:
            continue
        order.append(here)
        known[here] = None
        waiting.extend(child for child, _ in here.next_functions)
    for here in _sorted(order):
        if getattr(here, "variable", None) is source:
            known[here] = (1.0, 1.0, 1.0, 1.0)
            continue
        below = [known[child] for child, _ in here.next_functions if child is not None and known.get(child)]
        known[here] = _through(here, tuple(max(parts) for parts in zip(*below))) if below else None
    return known.get(node)


def _sorted(nodes: list[object]) -> list[object]:
    """Return nodes so that each comes behind all that it reads."""
    inside, done, result = set(nodes), set(), []
    for first in nodes:
        waiting = [(first, False)]
        while waiting:
            node, ready = waiting.pop()
            if ready:
                result.append(node)
            elif node not in done:
                done.add(node)
                waiting.append((node, True))
                waiting.extend((child, False) for child, _ in node.next_functions if child in inside)
    return result


def _through(node: object, field: Field) -> Field:
    name = type(node).__name__.split("Backward")[0]
    if name.startswith(("Convolution", "MkldnnConvolution")) and not getattr(node, "_saved_transposed", False):
        kernel = tuple(node._saved_weight.shape[2:])
        return _window(field, kernel, node._saved_stride, node._saved_dilation)
    if name.startswith("MaxPool2DWithIndices"):
        return _window(field, node._saved_kernel_size, node._saved_stride, node._saved_dilation)
    if name.startswith("AvgPool2D"):
        return _window(field, node._saved_kernel_size, node._saved_stride, (1, 1))
    return field if name in POINTWISE else WHOLE


def _window(field: Field, kernel: tuple, stride: tuple, dilation: tuple) -> Field:
    if len(kernel) != 2:
        return WHOLE
    stride = stride or kernel  # a pool without a stride moves by its own size
    sides = [side + (kernel[axis] - 1) * dilation[axis] * field[2 + axis] for axis, side in enumerate(field[:2])]
    return (*sides, *(field[2 + axis] * stride[axis] for axis in range(2)))
