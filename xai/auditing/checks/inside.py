"""Inside: units that do nothing, the size of weights, how far gradients reach, and what could be left out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from xai.auditing.checks.compression import pruning, quantization
from xai.auditing.finding_figures import curves, table
from xai.auditing.kinds import kind_of, present_steps
from xai.auditing.split import Prepared, Split
from xai.auditing.unit_statistics import UnitLayer, measure_units, unit_layers
from xai.auditing.verdicts import Measured, Untestable, tested, tested_together
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
UNITS = ("inside.dead", "inside.saturated", "inside.duplicates")
OTHERS = ("inside.weights", "inside.gradients", "inside.time", "inside.pruning", "inside.quantization")


def inside(model: Model, data: Prepared, *, seed: int = 0) -> list[Finding]:
    """Return dead, saturated and duplicate units, norms of weights, the reach of gradients, and what can be left out.

    Untestable for a function without weights. Shares of units are of the worst layer.
    """
    if not any(parameter.ndim > 1 and parameter.is_floating_point() for parameter in model.network.parameters()):
        return tested_together((*UNITS, *OTHERS), _no_weights)
    size = max(1, data.held_out.inputs[0].numel())
    split = data.held_out.sample(min(MOST_ROWS, max(40, MOST_ELEMENTS // size)), seed)
    trace = model.trace(split.inputs[:1])
    scored = data.held_out.sample(min(SCORED_ROWS, max(100, 2 * MOST_ELEMENTS // size)), seed)
    return [
        *tested_together(UNITS, _units, model, split, trace, seed),
        tested("inside.weights", _weights, model),
        tested("inside.gradients", _gradients, model, split, trace, seed),
        tested("inside.time", _time, model, split),
        tested("inside.pruning", pruning, model, scored, trace),
        tested("inside.quantization", quantization, model, scored, seed),
    ]


def _no_weights() -> dict[str, Measured | Untestable]:
    raise Untestable("no_weights")


def _units(model: Model, split: Split, trace: Trace, seed: int) -> dict[str, Measured | Untestable]:
    layers = unit_layers(model, trace)
    if not layers:
        raise Untestable("no_layers")
    try:
        measured = measure_units(model, split.inputs, layers, seed)
    except XaiError as error:
        raise Untestable("error", error=error) from error
    bounded = [(layer, layer.saturated) for layer in measured if layer.saturated is not None]
    lines = [
        {
            "layer": layer.name, "kind": layer.kind, "units": len(layer.dead), "dead": int(layer.dead.sum()),
            "saturated": None if layer.saturated is None else int(layer.saturated.sum()),
            "duplicates": int(layer.duplicates.sum()),
        }
        for layer in measured
    ]  # fmt: skip
    rows = len(split)
    # What the answer is read from is no hidden unit: an output that never varies is the task's, not a dead unit.
    return {
        "inside.dead": _share([(layer, layer.dead) for layer in measured], rows, [table("Units by layer", lines)]),
        "inside.saturated": _share(bounded, rows, []) if bounded else Untestable("no_bounded_layer"),
        "inside.duplicates": _share([(layer, layer.duplicates) for layer in measured], rows, []),
    }


def _share(layers: list[tuple[UnitLayer, Tensor]], rows: int, tables: list[dict]) -> Measured:
    """Return the share of units of which something holds, in the layer where it is largest."""
    counts = [(int(holds.sum()), len(layer.dead), layer.name) for layer, holds in layers]
    found, units, worst = max(counts, key=lambda item: item[0] / item[1])
    facts = {
        "layer": worst, "found": found, "units": units, "rows": rows,
        "all_found": sum(item[0] for item in counts), "all_units": sum(item[1] for item in counts),
    }  # fmt: skip
    details = {"by_layer": {name: number for number, _, name in counts}, "layer": worst, "tables": tables}
    # The units are all there are, not a sample: there is no sampling error.
    return Measured(found / units, (found / units, found / units), facts, details)


def _weights(model: Model) -> Measured:
    lines, gains = [], {}
    for name, weight in model.network.named_parameters():
        if weight.ndim < 2 or not weight.is_floating_point():
            continue
        values = weight.detach().double().cpu()
        size = float(values.pow(2).mean().sqrt())
        # A layer that preserves the size of its input has weights of about 1 / sqrt(inputs).
        gains[name] = size * float(values[0].numel()) ** 0.5
        lines.append({"weight": name, "shape": " x ".join(map(str, weight.shape)), "root mean square": size,
                      "largest": float(values.abs().max()), "gain": gains[name]})  # fmt: skip
    largest, smallest = (pick(gains, key=lambda name: gains[name]) for pick in (max, min))
    score = gains[largest] / max(gains[smallest], 1e-12)
    facts = {
        "smallest": gains[smallest], "smallest_name": smallest,
        "largest": gains[largest], "largest_name": largest,
    }  # fmt: skip
    return Measured(score, (score, score), facts, {"tables": [table("Weights", lines)]}, at_most="warn")


def _gradients(model: Model, split: Split, trace: Trace, seed: int) -> Measured:
    """Compare how strongly the first and the last layer's weights move the answer; the control has them shuffled."""
    split = split.sample(GRADIENT_ROWS, seed)
    modules = dict(model.network.named_modules())
    order = [layer.name for layer in trace.layers if layer.leaf and layer.parameters
             and any(weight.ndim > 1 for weight in modules[layer.name].parameters())]  # fmt: skip
    if len(order) < 2:
        raise Untestable("few_layers")
    try:
        flow = _flow(model, split.inputs, order, seed)
        owners = layers_with_weights(model, split.inputs)
        control = _flow(shuffled(model, split.inputs, owners, seed), split.inputs, order, seed)
    except XaiError as error:
        raise Untestable("error", error=error) from error
    if not all(np.isfinite([*flow, *control])) or max(flow) == 0:
        raise Untestable("no_weight_gradient")
    ratio = flow[-1] / max(flow[0], 1e-30)
    score = abs(float(np.log10(ratio)))
    depth = list(range(1, len(order) + 1))
    floor = min(value for value in [*flow, *control] if value > 0)
    lines = {"model": (depth, [max(value, floor) for value in flow]),
             "control: weights shuffled": (depth, [max(value, floor) for value in control])}  # fmt: skip
    details = {
        "layers": order, "flow": flow, "control": control,
        "panels": [curves("Gradient by depth", "layer, from the input", "gradient per weight", lines, log_y=True)],
    }  # fmt: skip
    facts = {"first": order[0], "last": order[-1], "ratio": ratio, "shuffled": control[-1] / max(control[0], 1e-30)}
    return Measured(score, (score, score), facts, details, at_most="warn")


def _flow(model: Model, inputs: Tensor, layers: list[str], seed: int) -> list[float]:
    """Return for each layer the root mean square, over weights and rows, of the gradient of a mixture of outputs."""
    with model.explaining("audit", inputs, 0, exact=True) as session:
        owned = [
            (layer, weight.requires_grad_()) for layer in layers
            for weight in model.network.get_submodule(layer).parameters(recurse=False) if weight.ndim > 1
        ]  # fmt: skip
        mixture = torch.randn(session.prediction.shape[1] + 1, generator=torch.Generator().manual_seed(seed))
        squares = dict.fromkeys(layers, 0.0)
        for row in range(len(session)):
            output = model.forward_on(model.network, session.inputs[row : row + 1])
            mixed = (output * mixture[: output.shape[1]].to(output)).sum()
            gradients = torch.autograd.grad(mixed, [weight for _, weight in owned], allow_unused=True)
            for (layer, _), gradient in zip(owned, gradients, strict=True):
                squares[layer] += 0.0 if gradient is None else float(gradient.double().pow(2).mean())
    return [(squares[layer] / len(inputs)) ** 0.5 for layer in layers]


def _time(model: Model, split: Split) -> Measured:
    """Compare how strongly the first and the last third of a row's steps move the answer."""
    sizes, present = _step_gradients(model, split)
    lengths = present.sum(1)
    kept = lengths >= 3
    if int(kept.sum()) < 5:
        raise Untestable("few_steps")
    thirds = []
    for size, length in zip(sizes[kept], lengths[kept].tolist(), strict=True):
        edges = [round(length * third / 3) for third in range(4)]
        thirds.append([float(size[start:stop].mean()) for start, stop in pairwise(edges)])
    means = np.array(thirds).mean(0)
    if means.max() == 0:
        raise Untestable("no_step_moves")
    score = float(means[0] / means.max())
    panel = curves("Gradient through time", "third of the row", "gradient per step", {"model": ([1, 2, 3], means)})
    details = {"thirds": means.tolist(), "panels": [panel]}
    return Measured(score, (score, score), {"ratio": score}, details, at_most="warn")


def _step_gradients(model: Model, split: Split) -> tuple[Tensor, Tensor]:
    """Return how strongly each step (N, T) moves the answer, and which steps are no padding (N, T)."""
    kind = kind_of(model, split.inputs)
    if kind in ("series", "steps"):
        embedding, present = None, present_steps(split.inputs)
    elif kind == "text" and split.inputs.dtype == torch.int64:
        layers = model.network.named_modules()
        embedding = next((name for name, module in layers if isinstance(module, nn.Embedding)), None)
        if embedding is None:
            raise Untestable("no_time")
        present = split.inputs != 0
    else:
        raise Untestable("no_time")
    try:
        return _gradient_sizes(model, split.inputs, embedding), present
    except XaiError as error:
        raise Untestable("error", error=error) from error


def _gradient_sizes(model: Model, inputs: Tensor, embedding: str | None) -> Tensor:
    """Return the norm (N, T) of the gradient of each row's highest score by each of its steps, or embedded words."""
    names = [] if embedding is None else [embedding]
    sizes = []
    with model.explaining("audit", inputs, 0, exact=True) as session:
        for part in session.chunks(len(session)):
            batch = session.inputs[part]
            batch = batch.clone().requires_grad_() if embedding is None else batch
            model.network.requires_grad_(True)
            with recording(model.network, names) as recorded, differentiable_pass(model.network):
                score = model.forward_on(model.network, batch).amax(1).sum()
                (gradient,) = torch.autograd.grad(score, batch if embedding is None else recorded[embedding])
            sizes.append(gradient.double().norm(dim=2).cpu())
    return torch.cat(sizes)
