"""What an operation makes of the two sides of an image: where its rows and columns lie in the result, what each sees.

A side is followed as a factor of the row-major numbering of a tensor. So no view changes it, however it cuts or joins
axes: channels last, heads, groups of channels, tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import NamedTuple

__all__ = ["Side", "Sides", "through"]


class Side(NamedTuple):
    """One side of an image in a tensor: its `length` positions lie `inner` numbers apart.

    One position sees `size` pixels (None: perhaps all); the next one sees as many, `jump` pixels further; the first
    one's begin at pixel `start`, below 0 in the padding.
    """

    length: int
    inner: int
    size: int | None
    jump: int
    start: int

    def whole(self) -> Side:
        """Return the side where each position may see all of it."""
        return self._replace(size=None)


# Rows and columns. None where an operation mixed them all, or where what it does with them is not known.
Sides = tuple["Side | None", "Side | None"]
Source = tuple[Sides, tuple[int, ...]]  # an operand that depends on the image, and its shape
NOWHERE: Sides = (None, None)


def through(node: object, name: str, sources: list[Source | None], shape: tuple[int, ...]) -> Sides:
    """Return the sides behind a node of the graph that is called `name` and puts out `shape`.

    sources: its operands in order, None for those that do not depend on the image.
    """
    rule = RULES.get(name)
    try:
        return NOWHERE if rule is None else rule(node, sources, shape)
    except AttributeError:  # what a node keeps is torch's own affair, and not the same in each of its versions
        return NOWHERE


def _carried(source: Source, shape: tuple[int, ...], to: Mapping[int, int]) -> Sides:
    """Return sides by where each axis has gone; nowhere if theirs has gone nowhere."""
    sides, old = source
    return tuple(None if side is None else _moved(side, old, shape, to) for side in sides)


def _moved(side: Side, old: tuple[int, ...], shape: tuple[int, ...], to: Mapping[int, int]) -> Side | None:
    if side.length == 1:
        return side  # at place 0 of whatever axis
    axis = _axis(side, old)
    if axis is None or axis not in to:
        return None
    return side._replace(inner=side.inner // prod(old[axis + 1 :]) * prod(shape[to[axis] + 1 :]))


def _axis(side: Side, shape: tuple[int, ...]) -> int | None:
    """Return the axis that a side is, or is a factor of."""
    for axis, length in enumerate(shape):
        below = prod(shape[axis + 1 :])
        if side.inner % below == 0 and (below * length) % (side.inner * side.length) == 0:
            return axis
    return None


def _joined(parts: list[Sides]) -> Sides:
    return tuple(_union([sides[place] for sides in parts]) for place in range(2))


def _union(sides: list[Side | None]) -> Side | None:
    """Return what sees all that several sides of one place see."""
    there = [side for side in sides if side is not None]
    most = max((side.length for side in there), default=0)
    there = [side for side in there if side.length == most]
    if len({side.inner for side in there}) != 1 and most != 1:
        return None
    first = there[0]
    if len(there) < len(sides) or len({side.jump for side in there}) > 1 or any(side.size is None for side in there):
        return first.whole()
    start = min(side.start for side in there)
    return first._replace(size=max(side.start + side.size for side in there) - start, start=start)


def _pointwise(node: object, sources: list[Source | None], shape: tuple[int, ...]) -> Sides:
    """Each number from the one at its place in every operand; operands are broadcast from the right."""
    there = [source for source in sources if source is not None]
    return _joined([_carried(part, shape, _kept(part[1], len(shape) - len(part[1]))) for part in there])


def _kept(shape: tuple[int, ...], shift: int = 0, but: tuple[int, ...] = ()) -> dict[int, int]:
    return {axis: axis + shift for axis in range(len(shape)) if axis not in but}


def _view(node: object, sources: list[Source | None], shape: tuple[int, ...]) -> Sides:
    return sources[0][0]


def _permuted(node: object, sources: list[Source | None], shape: tuple[int, ...]) -> Sides:
    if hasattr(node, "_saved_dims"):
        order = [_axes(dim, shape)[0] for dim in node._saved_dims]
    else:
        order, count = list(range(len(shape))), len(shape)
        one, other = (0, 1) if count == 2 else _axes((node._saved_dim0, node._saved_dim1), shape)
        order[one], order[other] = other, one
    return _carried(sources[0], shape, {old: new for new, old in enumerate(order)})


def _axes(dims: object, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return axes as numbers from 0; torch keeps negative ones as unsigned."""
    several = dims if isinstance(dims, tuple | list) else (dims,)
    return tuple((dim - 2**64 if dim >= 2**63 else dim) % len(shape) for dim in several)


def _along(node: object, sources: list[Source | None], shape: tuple[int, ...]) -> Sides:
    """Put together, cut or halved along one axis: a side along it is lost, the others stay."""
    there = [source for source in sources if source is not None]
    return _joined([_carried(part, shape, _kept(part[1], but=_axes(node._saved_dim, part[1]))) for part in there])


def _within(node: object, sources: list[Source | None], shape: tuple[int, ...]) -> Sides:
    """Each number from all along some axes, as a softmax: a side along them stays and sees all."""
    dims = node._saved_dims if hasattr(node, "_saved_dims") else node._saved_dim
    return _seen_along(sources[0], _axes(dims, shape))


def _seen_along(source: Source, dims: tuple[int, ...]) -> Sides:
    sides, shape = source
    return tuple(
        side.whole() if side is not None and side.length > 1 and _axis(side, shape) in dims else side for side in sides
    )


def _without(node: object, sources: list[Source | None], shape: tuple[int, ...]) -> Sides:
    """One number for all along some axes, which are gone or of length 1."""
    old = sources[0][1]
    gone = _axes(node._saved_dim, old) or tuple(range(len(old)))
    left = [axis for axis in range(len(old)) if axis not in gone]
    there = left if len(shape) == len(old) else range(len(left))
    return _carried(sources[0], shape, dict(zip(left, there)))


def _stacked(node: object, sources: list[Source | None], shape: tuple[int, ...]) -> Sides:
    new = _axes(node._saved_dim, shape)[0]
    to = {axis: axis + (axis >= new) for axis in range(len(shape) - 1)}
    return _joined([_carried(part, shape, to) for part in sources if part is not None])


def _sliced(node: object, sources: list[Source | None], shape: tuple[int, ...]) -> Sides:
    sides, old = sources[0]
    axis = _axes(node._saved_dim, old)[0]
    first = min(max(node._saved_start + (old[axis] if node._saved_start < 0 else 0), 0), old[axis])
    kept = _carried(sources[0], shape, _kept(old, but=(axis,)))
    along = (old[axis], prod(old[axis + 1 :]))
    return tuple(
        side._replace(length=shape[axis], start=side.start + first * side.jump, jump=side.jump * node._saved_step)
        if side is not None and side[:2] == along
        else other
        for side, other in zip(sides, kept)
    )


def _padded(node: object, sources: list[Source | None], shape: tuple[int, ...]) -> Sides:
    (sides, old), pads = sources[0], getattr(node, "_saved_pad", None) or node._saved_padding
    before = {len(old) - 1 - place: pads[2 * place] for place in range(len(pads) // 2)}
    result = []
    for side in sides:
        axis = None if side is None else _axis(side, old)
        if side is None or axis is None or side[:2] != (old[axis], prod(old[axis + 1 :])):
            result.append(None if side is None else _moved(side, old, shape, _kept(old, but=tuple(before))))
            continue
        start = side.start - before.get(axis, 0) * side.jump
        result.append(side._replace(length=shape[axis], inner=prod(shape[axis + 1 :]), start=start))
    return tuple(result)


def _normed(node: object, sources: list[Source | None], shape: tuple[int, ...]) -> Sides:
    count = len(node._saved_normalized_shape)
    return _seen_along(sources[0], tuple(range(len(shape) - count, len(shape))))


def _all_seen(node: object, sources: list[Source | None], shape: tuple[int, ...]) -> Sides:
    return tuple(None if side is None else side.whole() for side in sources[0][0])


def _batch_normed(node: object, sources: list[Source | None], shape: tuple[int, ...]) -> Sides:
    # With the statistics of what is there, as instance norm, each number depends on all.
    return (_all_seen if node._saved_training else _view)(node, sources, shape)


def _product(first: int) -> Callable[[object, list[Source | None], tuple[int, ...]], Sides]:
    """Return the rule of a matrix product whose first factor is operand number `first`."""

    def rule(node: object, sources: list[Source | None], shape: tuple[int, ...]) -> Sides:
        left, right = (*sources[first : first + 2], None)[:2]
        if left is not None:
            sides = _carried(left, shape, _kept(left[1], but=(len(left[1]) - 1,)))
        else:
            sides = NOWHERE if right is None else _carried(right, shape, _kept(right[1], but=(len(right[1]) - 2,)))
        several = sum(source is not None for source in sources) > 1  # as in attention
        return tuple(side.whole() if side is not None and several else side for side in sides)

    return rule


def _attended(node: object, sources: list[Source | None], shape: tuple[int, ...]) -> Sides:
    query = sources[0]
    sides = NOWHERE if query is None else _carried(query, shape, _kept(query[1], but=(len(query[1]) - 1,)))
    return tuple(None if side is None else side.whole() for side in sides)


def _window(kernel: tuple, stride: tuple, dilation: tuple, pad: tuple, source: Source, shape: tuple[int, ...]) -> Sides:
    """Return the sides behind a window that moves over the last two axes of (N, C, H, W)."""
    new, (sides, old) = _grid(shape), source
    if len(old) != 4 or not _in_grid(sides, old):
        return NOWHERE
    stride = stride or kernel  # a pool without a stride moves by its own size
    return tuple(
        place.whole() if side.size is None else place._replace(
            size=side.size + (kernel[axis] - 1) * dilation[axis] * side.jump,
            jump=side.jump * stride[axis],
            start=side.start - pad[axis] * side.jump,
        )
        for axis, (side, place) in enumerate(zip(sides, new))
    )  # fmt: skip


def _grid(shape: tuple[int, ...]) -> tuple[Side, Side]:
    """Return the sides of maps (N, C, H, W) where each position may see all."""
    return Side(shape[2], shape[3], None, 1, 0), Side(shape[3], 1, None, 1, 0)


def _in_grid(sides: Sides, shape: tuple[int, ...]) -> bool:
    return all(
        side is not None and side.length == place.length and (side.length == 1 or side.inner == place.inner)
        for side, place in zip(sides, _grid(shape))
    )


def _convolved(node: object, sources: list[Source | None], shape: tuple[int, ...]) -> Sides:
    if len(shape) != 4 or sources[0] is None or any(source is not None for source in sources[1:]):
        return NOWHERE
    if getattr(node, "_saved_transposed", False):
        return _regridded(node, sources, shape)
    kernel = tuple(node._saved_weight.shape[2:])
    return _window(kernel, node._saved_stride, node._saved_dilation, node._saved_padding, sources[0], shape)


def _pooled(node: object, sources: list[Source | None], shape: tuple[int, ...]) -> Sides:
    dilation = getattr(node, "_saved_dilation", (1, 1))
    return _window(node._saved_kernel_size, node._saved_stride, dilation, node._saved_padding, sources[0], shape)


def _unshuffled(node: object, sources: list[Source | None], shape: tuple[int, ...]) -> Sides:
    block = (node._saved_downscale_factor,) * 2
    return _window(block, block, (1, 1), (0, 0), sources[0], shape)


def _regridded(node: object, sources: list[Source | None], shape: tuple[int, ...]) -> Sides:
    """Maps on another grid, as by upsampling: positions see parts of different size, so that none is told."""
    fits = len(shape) == 4 and len(sources[0][1]) == 4 and _in_grid(sources[0][0], sources[0][1])
    return _grid(shape) if fits else NOWHERE


_BY_RULE: dict[Callable, str] = {
    _pointwise: "Add Sub Rsub Mul Div Neg Pow Exp Log Sqrt Rsqrt Abs Sigmoid Tanh Relu LeakyRelu Prelu PreluKernel "
    "RreluWithNoise Elu Gelu Silu Mish Hardtanh Hardswish Hardsigmoid Softplus Clamp ClampMin ClampMax Threshold "
    "LogSigmoid Softsign Erf Sin Cos Reciprocal Minimum Maximum ToCopy Copy NativeDropout Where Expand Lerp MaskedFill "
    "Addcmul Addcdiv Clone CopyBackwards Alias BackwardHookFunction",
    _view: "View UnsafeView ReshapeAlias Squeeze Unsqueeze",
    _permuted: "Permute Transpose T",
    _along: "Cat Split SplitWithSizes Glu",
    _within: "Softmax LogSoftmax Cumsum Roll Flip",
    _without: "Mean Sum Amax Amin Max Min Std Var Logsumexp Select Unbind LinalgVectorNorm Prod",
    _stacked: "Stack",
    _sliced: "Slice",
    _padded: "ConstantPadNd ReflectionPad2D ReplicationPad2D",
    _normed: "NativeLayerNorm",
    _all_seen: "NativeGroupNorm",
    _batch_normed: "NativeBatchNorm CudnnBatchNorm",
    _product(0): "Mm Bmm Linear MkldnnLinear Mv",
    _product(1): "Addmm Baddbmm Addbmm",
    _attended: "ScaledDotProductFlashAttentionForCpu ScaledDotProductEfficientAttention ScaledDotProductFlashAttention",
    _convolved: "Convolution MkldnnConvolution ConvolutionOverrideable",
    _pooled: "MaxPool2DWithIndices AvgPool2D",
    _unshuffled: "PixelUnshuffle",
    _regridded: "UpsampleNearest2D UpsampleBilinear2D UpsampleBicubic2D PixelShuffle AdaptiveAvgPool2D "
    "AdaptiveMaxPool2D",
}
RULES = {name: rule for rule, names in _BY_RULE.items() for name in names.split()}
