"""What each operation makes of the two sides of an image, by the name of its node in the autograd graph."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from xai.network.sides import (
    NOWHERE,
    Side,
    Sides,
    Source,
    axis_of,
    carried,
    each,
    grid,
    in_grid,
    in_shape,
    joined,
    kept,
)

__all__ = ["through"]

Node = Any  # of torch's graph: what its kinds keep (`_saved_dim`, ...) stands in no stub
Sources = list["Source | None"]
Rule = Callable[[Node, Sources, tuple[int, ...]], Sides]


def through(node: Node, name: str, sources: Sources, shape: tuple[int, ...]) -> Sides:
    """Return the sides behind a node of the graph that is called `name` and puts out `shape`.

    sources: its operands in order, None for those that do not depend on the image.
    """
    rule = RULES.get(name)
    try:
        return NOWHERE if rule is None else rule(node, sources, shape)
    except AttributeError:  # what a node keeps is torch's own affair, and not the same in each of its versions
        return NOWHERE


def _pointwise(node: Node, sources: Sources, shape: tuple[int, ...]) -> Sides:
    """Each number depends on the one at its position in every operand; operands are broadcast from the right."""
    known = [source for source in sources if source is not None]
    return joined([carried(part, shape, kept(part[1], len(shape) - len(part[1]))) for part in known])


def _view(node: Node, source: Source, shape: tuple[int, ...]) -> Sides:
    return source[0]


def _permuted(node: Node, source: Source, shape: tuple[int, ...]) -> Sides:
    if hasattr(node, "_saved_dims"):
        order = [_axes(dim, shape)[0] for dim in node._saved_dims]
    else:
        order, count = list(range(len(shape))), len(shape)
        one, other = (0, 1) if count == 2 else _axes((node._saved_dim0, node._saved_dim1), shape)
        order[one], order[other] = other, one
    return carried(source, shape, {old: new for new, old in enumerate(order)})


def _axes(dims: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return axes as numbers from 0; torch keeps negative ones as unsigned."""
    several = dims if isinstance(dims, tuple | list) else (dims,)
    return tuple((dim - 2**64 if dim >= 2**63 else dim) % len(shape) for dim in several)


def _along(node: Node, sources: Sources, shape: tuple[int, ...]) -> Sides:
    """Concatenated, sliced or split along one axis: a side along it is lost, the others stay."""
    known = [source for source in sources if source is not None]
    return joined([carried(part, shape, kept(part[1], but=_axes(node._saved_dim, part[1]))) for part in known])


def _within(node: Node, source: Source, shape: tuple[int, ...]) -> Sides:
    """Each number depends on all along some axes, as in a softmax: a side along them stays and sees all."""
    dims = node._saved_dims if hasattr(node, "_saved_dims") else node._saved_dim
    return _seen_along(source, _axes(dims, shape))


def _seen_along(source: Source, dims: tuple[int, ...]) -> Sides:
    sides, shape = source
    return each(sides, lambda side: side.whole() if side.length > 1 and axis_of(side, shape) in dims else side)


def _without(node: Node, source: Source, shape: tuple[int, ...]) -> Sides:
    """Reduced along some axes, which are gone or of length 1."""
    old = source[1]
    gone = _axes(node._saved_dim, old) or tuple(range(len(old)))
    left = [axis for axis in range(len(old)) if axis not in gone]
    known = left if len(shape) == len(old) else range(len(left))
    return carried(source, shape, dict(zip(left, known, strict=True)))


def _stacked(node: Node, sources: Sources, shape: tuple[int, ...]) -> Sides:
    new = _axes(node._saved_dim, shape)[0]
    to = {axis: axis + (axis >= new) for axis in range(len(shape) - 1)}
    return joined([carried(part, shape, to) for part in sources if part is not None])


def _sliced(node: Node, source: Source, shape: tuple[int, ...]) -> Sides:
    (rows, columns), old = source
    axis = _axes(node._saved_dim, old)[0]
    first = min(max(node._saved_start + (old[axis] if node._saved_start < 0 else 0), 0), old[axis])
    left = carried(source, shape, kept(old, but=(axis,)))
    along = (old[axis], prod(old[axis + 1 :]))

    def cut(side: Side | None, other: Side | None) -> Side | None:
        if side is None or side[:2] != along:
            return other
        return side._replace(
            length=shape[axis], start=side.start + first * side.jump, jump=side.jump * node._saved_step
        )

    return cut(rows, left[0]), cut(columns, left[1])


def _padded(node: Node, source: Source, shape: tuple[int, ...]) -> Sides:
    (sides, old), pads = source, getattr(node, "_saved_pad", None) or node._saved_padding
    before = {len(old) - 1 - position: pads[2 * position] for position in range(len(pads) // 2)}

    def with_border(side: Side) -> Side | None:
        axis = axis_of(side, old)
        if axis is None or side[:2] != (old[axis], prod(old[axis + 1 :])):
            return in_shape(side, old, shape, kept(old, but=tuple(before)))
        start = side.start - before.get(axis, 0) * side.jump
        return side._replace(length=shape[axis], inner=prod(shape[axis + 1 :]), start=start)

    return each(sides, with_border)


def _normed(node: Node, source: Source, shape: tuple[int, ...]) -> Sides:
    count = len(node._saved_normalized_shape)
    return _seen_along(source, tuple(range(len(shape) - count, len(shape))))


def _all_seen(node: Node, source: Source, shape: tuple[int, ...]) -> Sides:
    return each(source[0], Side.whole)


def _batch_normed(node: Node, source: Source, shape: tuple[int, ...]) -> Sides:
    # With statistics of the input itself, as in instance norm, each number depends on all.
    return (_all_seen if node._saved_training else _view)(node, source, shape)


def _product(first: int) -> Rule:
    """Return the rule of a matrix product whose first factor is operand number `first`."""

    def rule(node: Node, sources: Sources, shape: tuple[int, ...]) -> Sides:
        left, right = (*sources[first : first + 2], None)[:2]
        if left is not None:
            sides = carried(left, shape, kept(left[1], but=(len(left[1]) - 1,)))
        else:
            sides = NOWHERE if right is None else carried(right, shape, kept(right[1], but=(len(right[1]) - 2,)))
        several = sum(source is not None for source in sources) > 1  # as in attention
        return each(sides, Side.whole) if several else sides

    return rule


def _attended(node: Node, sources: Sources, shape: tuple[int, ...]) -> Sides:
    query = sources[0]
    sides = NOWHERE if query is None else carried(query, shape, kept(query[1], but=(len(query[1]) - 1,)))
    return each(sides, Side.whole)


def _window(kernel: tuple, stride: tuple, dilation: tuple, pad: tuple, source: Source, shape: tuple[int, ...]) -> Sides:
    """Return the sides behind a window that moves over the last two axes of (N, C, H, W)."""
    (rows, columns), old = source
    if len(old) != 4 or not in_grid((rows, columns), old):
        return NOWHERE
    stride = stride or kernel  # a pool without a stride moves by its own size

    def seen(side: Side | None, axis: int) -> Side:
        position = grid(shape)[axis]
        if side is None or side.size is None:
            return position
        return position._replace(
            size=side.size + (kernel[axis] - 1) * dilation[axis] * side.jump,
            jump=side.jump * stride[axis],
            start=side.start - pad[axis] * side.jump,
        )

    return seen(rows, 0), seen(columns, 1)


def _convolved(node: Node, sources: Sources, shape: tuple[int, ...]) -> Sides:
    if len(shape) != 4 or sources[0] is None or any(source is not None for source in sources[1:]):
        return NOWHERE
    if getattr(node, "_saved_transposed", False):
        return _regridded(node, sources[0], shape)
    kernel = tuple(node._saved_weight.shape[2:])
    return _window(kernel, node._saved_stride, node._saved_dilation, node._saved_padding, sources[0], shape)


def _pooled(node: Node, source: Source, shape: tuple[int, ...]) -> Sides:
    dilation = getattr(node, "_saved_dilation", (1, 1))
    return _window(node._saved_kernel_size, node._saved_stride, dilation, node._saved_padding, source, shape)


def _unshuffled(node: Node, source: Source, shape: tuple[int, ...]) -> Sides:
    block = (node._saved_downscale_factor,) * 2
    return _window(block, block, (1, 1), (0, 0), source, shape)


def _regridded(node: Node, source: Source, shape: tuple[int, ...]) -> Sides:
    """Maps on another grid, as by upsampling: positions see parts of different size, so that no one size holds."""
    sides, old = source
    fits = len(shape) == 4 and len(old) == 4 and in_grid(sides, old)
    return grid(shape) if fits else NOWHERE


def _of_first(rule: Callable[[Node, Source, tuple[int, ...]], Sides]) -> Rule:
    return lambda node, sources, shape: NOWHERE if sources[0] is None else rule(node, sources[0], shape)


# The names of the nodes of each rule: first those of which only the first operand counts.
_OF_FIRST: dict[Callable[[Node, Source, tuple[int, ...]], Sides], str] = {
    _view: "View UnsafeView ReshapeAlias Squeeze Unsqueeze",
    _permuted: "Permute Transpose T",
    _within: "Softmax LogSoftmax Cumsum Roll Flip",
    _without: "Mean Sum Amax Amin Max Min Std Var Logsumexp Select Unbind LinalgVectorNorm Prod",
    _sliced: "Slice",
    _padded: "ConstantPadNd ReflectionPad2D ReplicationPad2D",
    _normed: "NativeLayerNorm",
    _all_seen: "NativeGroupNorm",
    _batch_normed: "NativeBatchNorm CudnnBatchNorm",
    _pooled: "MaxPool2DWithIndices AvgPool2D",
    _unshuffled: "PixelUnshuffle",
    _regridded: "UpsampleNearest2D UpsampleBilinear2D UpsampleBicubic2D PixelShuffle AdaptiveAvgPool2D "
    "AdaptiveMaxPool2D",
}
_OF_ALL: dict[Rule, str] = {
    _pointwise: "Add Sub Rsub Mul Div Neg Pow Exp Log Sqrt Rsqrt Abs Sigmoid Tanh Relu LeakyRelu Prelu PreluKernel "
    "RreluWithNoise Elu Gelu Silu Mish Hardtanh Hardswish Hardsigmoid Softplus Clamp ClampMin ClampMax Threshold "
    "LogSigmoid Softsign Erf Sin Cos Reciprocal Minimum Maximum ToCopy Copy NativeDropout Where Expand Lerp MaskedFill "
    "Addcmul Addcdiv Clone CopyBackwards Alias BackwardHookFunction",
    _along: "Cat Split SplitWithSizes Glu",
    _stacked: "Stack",
    _product(0): "Mm Bmm Linear MkldnnLinear Mv",
    _product(1): "Addmm Baddbmm Addbmm",
    _attended: "ScaledDotProductFlashAttentionForCpu ScaledDotProductEfficientAttention ScaledDotProductFlashAttention",
    _convolved: "Convolution MkldnnConvolution ConvolutionOverrideable",
}
RULES = {name: rule for rule, names in _OF_ALL.items() for name in names.split()}
RULES |= {name: _of_first(rule) for rule, names in _OF_FIRST.items() for name in names.split()}
