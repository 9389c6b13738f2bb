"""What a network would lose with fewer connections, fewer units, or fewer bits per weight."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from xai.auditing.finding_figures import bars, curves
from xai.auditing.scores import SCORES
from xai.auditing.split import Split
from xai.auditing.verdicts import Measured, Untestable
from xai.base.errors import InputError, XaiError
from xai.base.statistics import bootstrap_mean
from xai.model.model import Model
from xai.network.compress import QUANTIZERS, keep_largest, unit_norms
from xai.network.trace import Trace

__all__ = ["pruning", "quantization"]

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
BEARABLE = 0.01  # points of the score
KINDS = {"int8": "8 bits", "powers_of_two": "powers of two", "ternary": "3 levels", "binary": "2 levels"}


def pruning(model: Model, split: Split, trace: Trace) -> Measured:
    """Return what share of the connections, smallest first, can be set to 0 at a loss of at most one point.

    Whole units are tried beside them: of each hidden layer the ones with the smallest weights.
    """
    quality, label = split.quality.numpy(), SCORES[split.task]
    hidden = _hidden(trace)
    sparse = [_scores(model, split, lambda network, share=share: _drop_connections(network, share)) for share in SHARES]
    narrow = [
        _scores(model, split, lambda network, share=share: _drop_units(network, hidden, trace, share))
        for share in (SHARES if hidden else ())
    ]
    kept = [share for share, scores in zip(SHARES, sparse, strict=True) if quality.mean() - scores.mean() <= BEARABLE]
    spare = max(kept, default=0.0)
    lines = {"connections": ([0.0, *SHARES], [quality.mean(), *(scores.mean() for scores in sparse)])}
    if narrow:
        lines["whole units"] = ([0.0, *SHARES], [quality.mean(), *(scores.mean() for scores in narrow)])
    details = {
        "curves": {kind: [float(value) for value in y] for kind, (_, y) in lines.items()},
        "panels": [curves(f"{label} after pruning", "share set to 0", label, lines)],
    }  # fmt: skip
    return Measured(spare, (spare, spare), {"share": spare, "score": label}, details, at_most="warn")


def quantization(model: Model, split: Split, seed: int) -> Measured:
    """Return what is lost with weights of 8 bits, and for comparison of fewer."""
    quality, label = split.quality.numpy(), SCORES[split.task]
    scores = {kind: _scores(model, split, lambda network, kind=kind: _quantize(network, kind)) for kind in KINDS}
    lost = quality - scores["int8"]
    means = {"as it is": quality.mean(), **{KINDS[kind]: values.mean() for kind, values in scores.items()}}
    details = {
        "scores": {kind: float(value) for kind, value in means.items()},
        "panels": [bars(f"{label} by weights", "", label, {"model": list(means.values())}, list(means))],
    }  # fmt: skip
    facts = {"score": label, "quality": quality.mean(), **{kind: scores[kind].mean() for kind in ("int8", "binary")}}
    return Measured(float(lost.mean()), bootstrap_mean(lost, seed), facts, details)


def _scores(model: Model, split: Split, change: Callable[[nn.Module], None]) -> np.ndarray:
    """Return what each row adds to the score under a changed copy of the network; raises Untestable where it cannot."""
    try:
        with torch.inference_mode(False):
            network = copy.deepcopy(model.network).eval()
    except Exception as error:
        got = InputError("network", expected="one that can be copied", got=type(error).__name__, operation="audit")
        raise Untestable("error", error=got) from error
    try:
        with torch.no_grad():
            change(network)
        predicted = model.with_network(network).predict(split.inputs).double().cpu()
    except XaiError as error:
        raise Untestable("error", error=error) from error
    return split.quality_of(predicted).numpy()


def _weights(network: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in network.parameters() if parameter.ndim > 1 and parameter.is_floating_point()]


def _drop_connections(network: nn.Module, share: float) -> None:
    """Set the share of smallest weights to 0, each measured in the spread of its own tensor."""
    weights = _weights(network)
    sizes = torch.cat([(weight.abs() / weight.std().clamp_min(1e-12)).flatten() for weight in weights])
    limit = sizes.kthvalue(max(1, round(share * len(sizes)))).values
    for weight in weights:
        weight[weight.abs() / weight.std().clamp_min(1e-12) <= limit] = 0


def _hidden(trace: Trace) -> list[str]:
    """Return the layers whose units can go: every convolution and linear layer but the last."""
    return [layer.name for layer in trace.layers if (layer.convolution or layer.linear) and layer.calls == 1][:-1]


def _drop_units(network: nn.Module, hidden: list[str], trace: Trace, share: float) -> None:
    """Set the units with the smallest incoming weights to 0, behind the batch norm where there is one."""
    norm_of = dict(trace.foldable)
    for name in hidden:
        layer = network.get_submodule(name)
        last = network.get_submodule(norm_of[name]) if name in norm_of else layer
        if not isinstance(layer.weight, torch.Tensor):
            continue
        kept = keep_largest(unit_norms(layer.weight), share)
        gone = torch.ones(len(layer.weight), dtype=torch.bool, device=layer.weight.device)
        gone[kept.to(gone.device)] = False
        for numbers in (last.weight, last.bias):
            if isinstance(numbers, torch.Tensor):
                numbers[gone] = 0


def _quantize(network: nn.Module, kind: str) -> None:
    for weight in _weights(network):
        weight.copy_(QUANTIZERS[kind](weight.float(), 0).values.to(weight.dtype))
