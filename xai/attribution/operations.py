"""Names of operations: as torch calls its functions, and as the nodes of its graph are called."""

from __future__ import annotations

__all__ = [
    "ELEMENTWISE", "FACTORS", "LINEAR", "MAXIMA", "PRODUCTS", "RELUS", "RELU_NODES", "SELECTING",
]  # fmt: skip

RELUS = frozenset((
    "relu", "relu6", "leaky_relu", "prelu", "rrelu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus",
    "hardswish", "threshold",
))  # fmt: skip
# One number in, one number out.
ELEMENTWISE = RELUS | frozenset((
    "hardtanh", "clamp", "clip", "clamp_min", "clamp_max", "sigmoid", "tanh", "hardsigmoid", "log_sigmoid",
    "logsigmoid",
    "softsign", "tanhshrink", "hardshrink", "softshrink", "exp", "expm1", "exp2", "log", "log1p", "log2", "log10",
    "sqrt", "rsqrt", "square", "pow", "abs", "absolute", "reciprocal", "sin", "cos", "erf", "special_erf", "atan",
    "sinh", "cosh", "asinh",
))  # fmt: skip
# Two factors or more, and for some of them a summand.
FACTORS = (
    "mul", "multiply", "matmul", "mm", "bmm", "mv", "dot", "inner", "outer", "einsum", "addmm", "addbmm", "baddbmm",
    "addmv", "addr", "addcmul",
)  # fmt: skip
MAXIMA = frozenset(f"{way}max_pool{sides}d" for way in ("", "adaptive_") for sides in (1, 2, 3)) | {"amax"}

# Nodes of the graph that are linear in what comes in, or only move it: their gradient is their rule.
LINEAR = frozenset((
    "AccumulateGrad", "AdaptiveAvgPool2D", "AdaptiveAvgPool3D", "Add", "Addbmm", "Addcmul", "Addmm", "Addmv", "Addr",
    "Alias", "AsStrided", "AvgPool2D", "AvgPool3D", "BackwardHookFunction", "Baddbmm", "Bmm", "BroadcastTensors", "Cat",
    "Clone", "Col2Im", "ConstantPadNd", "Convolution", "ConvolutionOverrideable", "Copy", "CopyBackwards",
    "CopySlices", "CudnnBatchNorm", "Cumsum", "Detach", "Diagonal", "Div", "Dot", "Embedding", "Expand", "Flip",
    "Fold", "Gather", "Im2Col", "Index", "IndexSelect", "Lerp", "Linear", "MaskedFill", "MaskedSelect", "Mean",
    "MiopenBatchNorm", "MkldnnAdaptiveAvgPool2D", "Mm", "Movedim", "Mul", "Mv", "Narrow", "NativeBatchNorm", "Neg",
    "PackPaddedSequence", "Permute", "PixelShuffle", "PixelUnshuffle", "Put", "ReflectionPad1D", "ReflectionPad2D",
    "ReflectionPad3D",
    "Repeat", "RepeatInterleave", "ReplicationPad1D", "ReplicationPad2D", "ReplicationPad3D", "Reshape",
    "ReshapeAlias", "Roll", "Rsub", "Scatter", "Select", "Slice", "Split", "SplitWithSizes", "Squeeze", "Stack",
    "Sub", "Sum", "T", "Take", "TakeAlongDim", "ToCopy", "Trace", "Transpose", "Tril", "Triu", "Unbind", "Unfold",
    "UnsafeSplit", "UnsafeView", "Unsqueeze", "UpsampleBicubic2D", "UpsampleBilinear2D", "UpsampleLinear1D",
    "UpsampleNearest1D", "UpsampleNearest2D", "UpsampleNearest3D", "UpsampleTrilinear3D", "View", "Where",
))  # fmt: skip
# Of these, what is linear in each factor but not in two at once.
PRODUCTS = frozenset((
    "Mul", "Div", "Mm", "Bmm", "Addcmul", "Addmm", "Addbmm", "Baddbmm", "Dot", "Mv", "Convolution", "Lerp", "Linear",
))  # fmt: skip
# A maximum hands all to its winner; that is a rule too, where a method says so.
SELECTING = frozenset((
    "MaxPool2DWithIndices", "MaxPool3DWithIndices", "AdaptiveMaxPool2D", "AdaptiveMaxPool3D", "Amax",
))  # fmt: skip
RELU_NODES = frozenset((
    "Relu", "LeakyRelu", "Elu", "Gelu", "Silu", "Mish", "Softplus", "Hardswish", "Threshold", "PreluKernel",
))  # fmt: skip
