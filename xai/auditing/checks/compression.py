"""What a network would lose with fewer connections, fewer units, or fewer bits per weight."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from xai.auditing.audit_data import Rows
from xai.auditing.correctness import SCORES, quality
from xai.auditing.finding_figures import bars, curves
from xai.auditing.limits import judge, untestable
from xai.base.errors import InputError, XaiError
from xai.base.statistics import bootstrap_mean
from xai.model.model import Model
from xai.network.compress import QUANTIZERS, keep_largest, unit_norms
from xai.network.trace import Trace
from xai.results.finding import Finding

__all__ = ["pruning", "quantization"]

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
BEARABLE = 0.01  # points of the score
KINDS = {"int8": "8 bits", "powers_of_two": "powers of two", "ternary": "3 levels", "binary": "2 levels"}


def pruning(model: Model, rows: Rows, found: Trace, seed: int) -> Finding:
    """Return what share of the connections, smallest first, can be set to 0 at a loss of at most one point.

    Whole units are tried beside them: of each hidden layer the ones with the smallest weights.
    """
    name = "inside.pruning"
    own, label = rows.quality.numpy(), SCORES[rows.task]
    try:
        sparse = [
            _answers(model, rows, lambda network, share=share: _drop_connections(network, share)) for share in SHARES
        ]
        hidden = _hidden(found)
        narrow = [
            _answers(model, rows, lambda network, share=share: _drop_units(network, hidden, found, share))
            for share in (SHARES if hidden else ())
        ]
    except XaiError as error:
        return untestable(name, str(error))
    kept = [share for share, scores in zip(SHARES, sparse) if own.mean() - scores.mean() <= BEARABLE]
    spare = max(kept, default=0.0)
    lines = {"connections": ([0.0, *SHARES], [own.mean(), *(scores.mean() for scores in sparse)])}
    if narrow:
        lines["whole units"] = ([0.0, *SHARES], [own.mean(), *(scores.mean() for scores in narrow)])
    details = {
        "curves": {kind: [float(value) for value in y] for kind, (_, y) in lines.items()},
        "panels": [curves(f"{label} after pruning", "share set to 0", label, lines)],
    }  # fmt: skip
    text = f"{100 * spare:.0f} % of its connections, the smallest, can be set to 0 for at most a point of {label}."
    return judge(name, spare, (spare, spare), "the network as it is", text, details, at_most="warn")


def quantization(model: Model, rows: Rows, seed: int) -> Finding:
    """Return what is lost with weights of 8 bits, and for comparison of fewer."""
    name = "inside.quantization"
    own, label = rows.quality.numpy(), SCORES[rows.task]
    try:
        scores = {kind: _answers(model, rows, lambda network, kind=kind: _quantize(network, kind)) for kind in KINDS}
    except XaiError as error:
        return untestable(name, str(error))
    lost = own - scores["int8"]
    means = {"as it is": own.mean(), **{KINDS[kind]: values.mean() for kind, values in scores.items()}}
    details = {
        "scores": {kind: float(value) for kind, value in means.items()},
        "panels": [bars(f"{label} by weights", "", label, {"model": list(means.values())}, list(means))],
    }  # fmt: skip
    text = (
        f"With weights of 8 bits the {label} goes from {own.mean():.3f} to {scores['int8'].mean():.3f}; with two "
        f"levels it would be {scores['binary'].mean():.3f}."
    )
    return judge(name, float(lost.mean()), bootstrap_mean(lost, seed), "the network as it is", text, details)


def _answers(model: Model, rows: Rows, change: Callable[[nn.Module], None]) -> np.ndarray:
    """Return what each row adds to the score under a changed copy of the network."""
    try:
        with torch.inference_mode(False):
            network = copy.deepcopy(model.network).eval()
    except Exception as error:
        got = type(error).__name__
        raise InputError("network", expected="one that can be copied", got=got, operation="audit") from error
    with torch.no_grad():
        change(network)
    said = model.with_network(network).predict(rows.inputs).double().cpu()
    return quality(said, rows.labels, rows.task).numpy()


def _weights(network: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in network.parameters() if parameter.ndim > 1 and parameter.is_floating_point()]


def _drop_connections(network: nn.Module, share: float) -> None:
    """Set the share of smallest weights to 0, each measured in the spread of its own tensor."""
    weights = _weights(network)
    sizes = torch.cat([(weight.abs() / weight.std().clamp_min(1e-12)).flatten() for weight in weights])
    limit = sizes.kthvalue(max(1, round(share * len(sizes)))).values
    for weight in weights:
        weight[weight.abs() / weight.std().clamp_min(1e-12) <= limit] = 0


def _hidden(found: Trace) -> list[str]:
    """Return the layers whose units can go: every convolution and linear layer but the last."""
    return [layer.name for layer in found.layers if (layer.convolution or layer.linear) and layer.calls == 1][:-1]


def _drop_units(network: nn.Module, hidden: list[str], found: Trace, share: float) -> None:
    """Set the units with the smallest incoming weights to 0, behind the batch norm where there is one."""
    norm_of = dict(found.foldable)
    for name in hidden:
        layer = network.get_submodule(name)
        kept = keep_largest(unit_norms(layer.weight), share)
        gone = torch.ones(len(layer.weight), dtype=torch.bool, device=layer.weight.device)
        gone[kept.to(gone.device)] = False
        last = network.get_submodule(norm_of[name]) if name in norm_of else layer
        last.weight[gone] = 0
        if last.bias is not None:
            last.bias[gone] = 0


def _quantize(network: nn.Module, kind: str) -> None:
    for weight in _weights(network):
        weight.copy_(QUANTIZERS[kind](weight.float(), 0).values.to(weight.dtype))
