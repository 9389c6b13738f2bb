"""Inside: units that do nothing, the size of weights, how far gradients reach, and what could be left out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from xai.auditing.audit_data import Prepared, Rows
from xai.auditing.checks.compression import pruning, quantization
from xai.auditing.finding_figures import curves, table
from xai.auditing.limits import judge, untestable
from xai.auditing.unit_statistics import UnitLayer, measure_units, unit_layers
from xai.base.errors import XaiError
from xai.model.model import Model
from xai.model.shuffling import layers_with_weights, shuffled
from xai.network.gradients import differentiable_pass
from xai.network.hooks import recording
from xai.network.trace import Trace
from xai.results.finding import Finding

__all__ = ["inside"]

MOST_ROWS, MOST_ELEMENTS = 400, 400 * 28 * 28
SCORED_ROWS = 1000  # for what pruning and quantization cost
GRADIENT_ROWS = 64
NAMES = ("dead", "saturated", "duplicates", "weights", "gradients", "time", "pruning", "quantization")


def inside(model: Model, data: Prepared, *, seed: int = 0) -> list[Finding]:
    """Return dead, saturated and duplicate units, norms of weights, the reach of gradients, and what can be left out.

    Untestable for a function without weights. Shares of units are of the worst layer.
    """
    if not any(parameter.ndim > 1 and parameter.is_floating_point() for parameter in model.network.parameters()):
        return [untestable(f"inside.{name}", "a function has no weights to look at.") for name in NAMES]
    size = data.held_out.inputs[0].numel()
    rows = data.held_out.sample(min(MOST_ROWS, max(40, MOST_ELEMENTS // max(1, size))), seed)
    found = model.trace(rows.inputs[:1])
    scored = data.held_out.sample(min(SCORED_ROWS, max(100, 2 * MOST_ELEMENTS // max(1, size))), seed)
    return [
        *_units(model, rows, found, seed),
        _weights(model),
        _gradients(model, rows, found, seed),
        _time(model, rows),
        pruning(model, scored, found, seed),
        quantization(model, scored, seed),
    ]


def _units(model: Model, rows: Rows, found: Trace, seed: int) -> list[Finding]:
    layers = unit_layers(model, found)
    if not layers:
        reason = "no convolution, linear or recurrent layer was met."
        return [untestable(f"inside.{name}", reason) for name in NAMES[:3]]
    try:
        measured = measure_units(model, rows.inputs, layers, seed)
    except XaiError as error:
        return [untestable(f"inside.{name}", str(error)) for name in NAMES[:3]]
    bounded = [layer for layer in measured if layer.saturated is not None]
    about = f"over {len(rows)} held-out rows"
    lines = [
        {
            "layer": layer.name, "kind": layer.kind, "units": len(layer.dead), "dead": int(layer.dead.sum()),
            "saturated": None if layer.saturated is None else int(layer.saturated.sum()),
            "duplicates": int(layer.duplicates.sum()),
        }
        for layer in measured
    ]  # fmt: skip
    # What the answer is read from is no hidden unit: an output that never varies is the task's, not a dead unit.
    return [
        _share("dead", measured, lambda layer: layer.dead, f"move no answer {about}", lines),
        _share("saturated", bounded, lambda layer: layer.saturated, f"stay at the end of their range {about}", None)
        if bounded
        else untestable("inside.saturated", "no layer has a bounded activation."),
        _share("duplicates", measured, lambda layer: layer.duplicates, f"say the same as another one {about}", None),
    ]


def _share(name: str, layers: list[UnitLayer], which: object, says: str, lines: list | None) -> Finding:
    counts = [(int(which(layer).sum()), len(layer.dead), layer.name) for layer in layers]
    count, total, worst = max(counts, key=lambda item: item[0] / item[1])
    share = count / total
    units = sum(item[1] for item in counts)
    details: dict[str, object] = {
        "by_layer": {label: found for found, _, label in counts},
        "layer": worst,
        "tables": [] if lines is None else [table("Units by layer", lines)],
    }
    text = f"In {worst}, {count} of {total} units {says}; {sum(item[0] for item in counts)} of {units} in all layers."
    # A count of units is no sample: there is nothing to draw anew.
    return judge(f"inside.{name}", share, (share, share), "units that vary and matter", text, details)


def _weights(model: Model) -> Finding:
    lines = []
    for name, weight in model.network.named_parameters():
        if weight.ndim < 2 or not weight.is_floating_point():
            continue
        values = weight.detach().double().cpu()
        size = float(values.pow(2).mean().sqrt())
        # A layer that keeps the size of what it is given has weights of about 1 / sqrt(inputs).
        gain = size * float(values[0].numel()) ** 0.5
        lines.append({"weight": name, "shape": " x ".join(map(str, weight.shape)), "root mean square": size,
                      "largest": float(values.abs().max()), "gain": gain})  # fmt: skip
    gains = [line["gain"] for line in lines]
    score = max(gains) / max(min(gains), 1e-12)
    biggest, smallest = (max(lines, key=lambda line: line["gain"]), min(lines, key=lambda line: line["gain"]))
    text = (
        f"Weights by layer, in the size that would keep a signal as large as it is: from {smallest['gain']:.2g} in "
        f"{smallest['weight']} to {biggest['gain']:.2g} in {biggest['weight']}."
    )
    details = {"tables": [table("Weights", lines)]}
    return judge("inside.weights", score, (score, score), "layers of equal gain", text, details, at_most="warn")


def _gradients(model: Model, rows: Rows, found: Trace, seed: int) -> Finding:
    """Compare how strongly the first and the last layer's weights move the answer; the control has them shuffled."""
    name = "inside.gradients"
    rows = rows.sample(GRADIENT_ROWS, seed)
    modules = dict(model.network.named_modules())
    order = [layer.name for layer in found.layers if layer.leaf and layer.parameters
             and any(weight.ndim > 1 for weight in modules[layer.name].parameters())]  # fmt: skip
    if len(order) < 2:
        return untestable(name, "the network has fewer than two layers with weights.")
    try:
        own = _flow(model, rows.inputs, order, seed)
        owners = layers_with_weights(model, rows.inputs)
        control = _flow(shuffled(model, rows.inputs, owners, seed), rows.inputs, order, seed)
    except XaiError as error:
        return untestable(name, str(error))
    if not all(np.isfinite([*own, *control])) or max(own) == 0:
        return untestable(name, "the answers have no gradient in the weights.")
    ratio = own[-1] / max(own[0], 1e-30)
    beside = control[-1] / max(control[0], 1e-30)
    score = abs(float(np.log10(ratio)))
    places = list(range(1, len(order) + 1))
    floor = min(value for value in [*own, *control] if value > 0)
    lines = {"model": (places, [max(value, floor) for value in own]),
             "control: weights shuffled": (places, [max(value, floor) for value in control])}  # fmt: skip
    details = {
        "layers": order, "flow": own, "control": control,
        "panels": [curves("Gradient by depth", "layer, from the input", "gradient per weight", lines, log_y=True)],
    }  # fmt: skip
    text = f"A weight of {order[-1]} moves the answer {ratio:.3g} times as strongly as one of {order[0]}."
    says = f"the same network with its weights shuffled, {beside:.3g} times"
    return judge(name, score, (score, score), says, text, details, at_most="warn")


def _flow(model: Model, inputs: Tensor, layers: list[str], seed: int) -> list[float]:
    """Return for each layer the root mean square, over weights and rows, of the gradient of a mixture of outputs."""
    with model.explaining("audit", inputs, 0, exact=True) as case:
        weights = [
            weight.requires_grad_() for layer in layers
            for weight in model.network.get_submodule(layer).parameters(recurse=False) if weight.ndim > 1
        ]  # fmt: skip
        owner = [
            layer for layer in layers
            for weight in model.network.get_submodule(layer).parameters(recurse=False) if weight.ndim > 1
        ]  # fmt: skip
        mixture = torch.randn(case.prediction.shape[1] + 1, generator=torch.Generator().manual_seed(seed))
        squares = dict.fromkeys(layers, 0.0)
        for row in range(len(case)):
            output = model.forward_on(model.network, case.inputs[row : row + 1])
            mixed = (output * mixture[: output.shape[1]].to(output)).sum()
            gradients = torch.autograd.grad(mixed, weights, allow_unused=True)
            for layer, gradient in zip(owner, gradients):
                squares[layer] += 0.0 if gradient is None else float(gradient.double().pow(2).mean())
    return [(squares[layer] / len(inputs)) ** 0.5 for layer in layers]


def _time(model: Model, rows: Rows) -> Finding:
    """Compare how strongly the first and the last third of a row's steps move the answer."""
    name = "inside.time"
    embedding = next(
        (layer for layer, module in model.network.named_modules() if isinstance(module, nn.Embedding)), None
    )
    series = rows.inputs.is_floating_point() and rows.inputs.ndim == 3
    words = rows.inputs.dtype == torch.int64 and embedding is not None
    if not series and not words:
        return untestable(name, "the inputs have no order in time that a gradient could be followed through.")
    try:
        sizes = _gradient_sizes(model, rows.inputs, embedding if words else None)
    except XaiError as error:
        return untestable(name, str(error))
    there = (rows.inputs != 0).any(2) if series else rows.inputs != 0
    lengths = there.sum(1)
    kept = lengths >= 3
    if int(kept.sum()) < 5:
        return untestable(name, "fewer than 5 rows have three steps.")
    thirds = []
    for size, length in zip(sizes[kept], lengths[kept].tolist()):
        cut = [round(length * place / 3) for place in range(4)]
        thirds.append([float(size[start:stop].mean()) for start, stop in pairwise(cut)])
    means = np.array(thirds).mean(0)
    if means.max() == 0:
        return untestable(name, "no step moves any answer.")
    score = float(means[0] / means.max())
    panel = curves("Gradient through time", "third of the row", "gradient per step", {"model": ([1, 2, 3], means)})
    text = (
        f"A step in the first third of a row moves the answer {score:.2g} times as much as one in the strongest third."
    )
    details = {"thirds": means.tolist(), "panels": [panel]}
    return judge(name, score, (score, score), "steps that all count the same", text, details, at_most="warn")


def _gradient_sizes(model: Model, inputs: Tensor, embedding: str | None) -> Tensor:
    """Return the norm (N, T) of the gradient of each row's highest score by each of its steps, or embedded words."""
    names = [] if embedding is None else [embedding]
    sizes = []
    with model.explaining("audit", inputs, 0, exact=True) as case:
        for part in case.chunks(len(case)):
            batch = case.inputs[part]
            batch = batch.clone().requires_grad_() if embedding is None else batch
            model.network.requires_grad_(True)
            with recording(model.network, names) as recorded, differentiable_pass(model.network):
                score = model.forward_on(model.network, batch).amax(1).sum()
                (gradient,) = torch.autograd.grad(score, batch if embedding is None else recorded[embedding])
            sizes.append(gradient.double().norm(dim=2).cpu())
    return torch.cat(sizes)
