"""Gradient ascent on many inputs at once, each with an objective and a generator of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from xai.base.errors import NetworkError
from xai.base.progress import track
from xai.network.gradients import gradient_of
from xai.visualization.constraints import Constraint
from xai.visualization.layer_reader import Reader
from xai.visualization.objectives import Objective
from xai.visualization.parameterization import Measure, Parameterization

__all__ = ["OPTIMIZERS", "Optimized", "OptimizerConfig", "optimize"]

OPTIMIZERS = ("adam", "gradient")
FRESH = 16  # draws of small changes that the finished input is measured under
SEARCHES = 4  # searches over what has no gradient
WATCHED = 1e-2  # a plateau: a window's mean rises by less than this share of all that was gained
FIRST, SECOND, TINY = 0.9, 0.999, 1e-8  # Adam's


@dataclass(frozen=True)
class OptimizerConfig:
    """The settings of an ascent. patience: steps in a window of the plateau rule, None for no early stop."""

    steps: int
    learning_rate: float
    optimizer: str = "adam"
    constraints: Sequence[Constraint] = ()
    snapshots: Sequence[int] = ()
    patience: int | None = None


@dataclass
class Optimized:
    """What an ascent ends with; everything has one row per input. `relaxed`: of texts, before words became real."""

    inputs: Tensor
    activations: Tensor
    reached: Tensor
    transformed: Tensor
    started: Tensor
    stopped: Tensor
    relaxed: Tensor
    snapshots: dict[int, Tensor] = field(default_factory=dict)


def optimize(
    reader: Reader,
    objectives: Sequence[Objective],
    parameterization: Parameterization,
    copies: int,
    config: OptimizerConfig,
    generators: Sequence[torch.Generator],
) -> Optimized:
    """Change each input so that it makes its objective as large as can be; input i belongs to objective i // copies.

    Raises NetworkError where a gradient is not finite.
    """
    values = parameterization.values.to(reader.model.device)
    memory = [torch.zeros_like(values), torch.zeros_like(values)]
    count, window = len(values), config.patience
    precise = torch.promote_types(reader.model.dtype, torch.float32)
    activations = torch.zeros(count, config.steps, dtype=precise, device=values.device)
    stopped = torch.full((count,), config.steps)
    groups = torch.arange(len(objectives))  # those that go on
    kept: dict[int, Tensor] = {}
    search, searches = parameterization.search, {config.steps * number // SEARCHES for number in range(SEARCHES)}
    measure = _measuring(reader, objectives, copies)
    steps = range(config.steps)
    for step in track(steps, "visualize", config.steps) if config.steps > 32 else steps:
        progress = step / max(1, config.steps - 1)
        if step in config.snapshots:
            with torch.no_grad():
                kept[step] = parameterization.decode(parameterization.draw(values, progress))
        if search is not None and step in searches:
            values = search(values, measure)
        live = (groups[:, None] * copies + torch.arange(copies)).flatten()
        chosen = [objectives[number] for number in groups.tolist()]
        draws = [generators[row] for row in live.tolist()]
        reached, gradient = _gradient(reader, chosen, parameterization, copies, config, values[live], progress, draws)
        if not bool(torch.isfinite(gradient).all()):
            raise NetworkError("gradient", expected="finite numbers", got=f"NaN or infinity at step {step}")
        values = values.index_copy(
            0, live.to(values.device), parameterization.project(_step(values, gradient, live, memory, step, config))
        )
        activations[live, step] = reached.to(precise)
        if window is not None and step + 1 >= 2 * window:
            flat = _flat(activations[live, : step + 1], window).view(-1, copies).all(1)
            ended = (groups[flat.cpu()][:, None] * copies + torch.arange(copies)).flatten()
            stopped[ended] = step + 1
            activations[ended, step + 1 :] = activations[ended, step, None]
            groups = groups[~flat.cpu()]
            if not len(groups):
                break
    return _finish(reader, objectives, parameterization, copies, config, generators, values, activations, stopped, kept)


def _measuring(reader: Reader, objectives: Sequence[Objective], copies: int) -> Measure:
    """Return how a parameterization that tries several inputs for each objective measures them, `each` at a time."""
    repeated = [item for item in objectives for _ in range(copies)]
    return lambda inputs, each: reader.measure(repeated, inputs, each)


def _gradient(
    reader: Reader,
    objectives: Sequence[Objective],
    parameterization: Parameterization,
    copies: int,
    config: OptimizerConfig,
    values: Tensor,
    progress: float,
    generators: Sequence[torch.Generator],
) -> tuple[Tensor, Tensor]:
    """Return the objectives (n,) under a small change, and the constrained gradient of the values."""
    values = values.detach().requires_grad_()
    inputs = parameterization.draw(values, progress)
    reached = reader.measure(
        objectives, parameterization.decode(parameterization.vary(inputs, generators)), copies, together=True
    )
    score = reached
    for constraint in config.constraints:
        if constraint.penalty is not None:
            score = score - constraint.penalty(inputs)
    gradient = gradient_of(score, inputs)
    for constraint in config.constraints:
        if constraint.gradient is not None:
            gradient = constraint.gradient(gradient)
    return reached.detach(), torch.autograd.grad(inputs, values, gradient)[0]


def _step(
    values: Tensor, gradient: Tensor, live: Tensor, memory: list[Tensor], step: int, config: OptimizerConfig
) -> Tensor:
    """Return the values of the inputs that go on after one step, by Adam or straight along the gradient."""
    if config.optimizer == "gradient":
        change = gradient
    else:
        mean = memory[0][live].lerp(gradient, 1 - FIRST)
        square = memory[1][live].lerp(gradient * gradient, 1 - SECOND)
        memory[0][live], memory[1][live] = mean, square
        change = (mean / (1 - FIRST ** (step + 1))) / ((square / (1 - SECOND ** (step + 1))).sqrt() + TINY)
    for constraint in config.constraints:
        if constraint.largest_step is not None:
            change = change.clamp(-constraint.largest_step, constraint.largest_step)
    return values[live] + config.learning_rate * change


def _flat(activations: Tensor, window: int) -> Tensor:
    """Return which rows (n,) of activations (n, steps) have stopped rising."""
    last, before = activations[:, -window:].mean(1), activations[:, -2 * window : -window].mean(1)
    gained = (last - activations[:, 0]).clamp_min(0)
    return last - before <= WATCHED * gained


def _finish(
    reader: Reader,
    objectives: Sequence[Objective],
    parameterization: Parameterization,
    copies: int,
    config: OptimizerConfig,
    generators: Sequence[torch.Generator],
    values: Tensor,
    activations: Tensor,
    stopped: Tensor,
    kept: dict[int, Tensor],
) -> Optimized:
    measure = _measuring(reader, objectives, copies)
    if parameterization.search is not None:
        values = parameterization.search(values, measure)
    scaled = parameterization.draw(values, 1.0).detach()
    relaxed = scaled if parameterization.finish is None else parameterization.finish(values, measure)
    with torch.no_grad():
        inputs = parameterization.decode(relaxed)
        reached = reader.measure(objectives, inputs, copies)
        draws = [
            reader.measure(objectives, parameterization.decode(parameterization.change(relaxed, generators)), copies)
            for _ in range(FRESH)
        ]
        return Optimized(
            inputs=inputs,
            activations=activations,
            reached=reached,
            transformed=torch.stack(draws).mean(0),
            started=reader.measure(
                objectives,
                parameterization.decode(parameterization.draw(parameterization.values.to(values), 0.0)),
                copies,
            ),
            stopped=stopped,
            relaxed=reached if parameterization.finish is None else reader.measure(objectives, scaled, copies),
            snapshots={**kept, config.steps: inputs},
        )
