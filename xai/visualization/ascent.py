"""Activation maximization: change an input step by step until it excites a unit as much as it can."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from xai.base.arguments import real_number, whole_number
from xai.base.errors import InputError, describe, names_errors
from xai.base.memory_limits import check_room
from xai.inputs.image_files import LabelledImages
from xai.model.model import Model
from xai.model.plan import batch_size_for
from xai.network.guard import untouched
from xai.network.hooks import find_layer
from xai.results.visualization import Visualization
from xai.visualization import constraints as limits
from xai.visualization.constraints import Constraint
from xai.visualization.evaluate import evaluate, private
from xai.visualization.image_evidence import EDGES, ImageEvidence
from xai.visualization.layer_reader import Reader
from xai.visualization.objectives import Objective
from xai.visualization.optimize import OPTIMIZERS, Optimized, OptimizerConfig, optimize
from xai.visualization.plan import reader_for
from xai.visualization.problem import Problem, ProblemConfig
from xai.visualization.problem_kinds import problem_type
from xai.visualization.transforms import Transform

__all__ = ["visualize"]

SNAPSHOTS = (0, 4, 48, 2048)
HELD = 6  # times the size of all inputs: these, their parameters, gradients, and what Adam keeps


@names_errors("visualize")
def visualize(
    model: Model,
    objective: Objective | Sequence[Objective],
    *,
    steps: int = 256,
    size: int | tuple[int, int] | None = None,
    parameters: str | None = None,
    transforms: Sequence[Transform] | None = None,
    constraints: Sequence[Constraint] | None = None,
    optimizer: str = "adam",
    learning_rate: float | None = None,
    start: object = None,
    bounds: object = None,
    copies: int = 1,
    patience: int | None = None,
    snapshots: Sequence[int] = SNAPSHOTS,
    reference: object = None,
    source: str | None = None,
    features: Model | str | None = None,
    seed: int = 0,
    exact: bool = False,
    batch_size: int | None = None,
) -> Visualization:
    """Return one input per objective and copy that makes it as large as it gets in so many steps, from noise.

    Images, rows of a table, series, and texts of a model with a vocabulary, whose words become real ones at the end.
    Every input is drawn from its own seed, so that it does not depend on what else is in the batch.

    Args:
        model: Whose units are looked at.
        objective: What is made large, one of `xai.objectives` or several.
        steps: Of the optimization.
        size: Height and width of an image, steps of a series or words of a text; the model's own by default.
        parameters: Of images, "fourier", "pixels" or "maco".
        transforms: The small changes of each step, see `xai.visualization.transforms`; an empty list switches them off
            (the input is evaluated under the default ones all the same).
        constraints: See `xai.visualization.constraints`; an empty list switches them off.
        optimizer: "adam", or "gradient" for plain ascent.
        learning_rate: By default what suits the kind of input.
        start: Real inputs to start from, one for all or one for each.
        bounds: Of rows and series, lowest and highest values, numbers or one per column; by default the reference's.
        copies: Inputs per objective, from different seeds.
        patience: Stop where an input has not gained over so many steps.
        snapshots: The steps at which the inputs are kept.
        reference: Real inputs; with them each input carries a finding that says how it compares, and colors and
            spectrum are theirs.
        source: What they are, in the plural.
        features: Of images, what sees how alike they are: another network, or "edges", a fixed bank of filters. With
            it and the reference each image is tested on whether it predicts the unit's answers, beside units with
            shuffled weights; for that as many images again are made, and about 80 for each layer.
        seed: Of the noise; the same gives the same numbers.
        exact: Run the network as it is, with nothing folded.
        batch_size: How many inputs at a time; None chooses it.

    Raises:
        InputError: An argument cannot be.
        LayerError: There is no such layer or unit.
        TargetError: There is no such class.
        NetworkError: The network fails, or a gradient is not finite.

    Source: Olah, Mordvintsev, Schubert 2017, doi:10.23915/distill.00007; Erhan et al. 2009.

    >>> from xai.inputs.image import ImageInput
    >>> from xai.visualization.objectives import channel
    >>> model = Model(torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(), torch.nn.Linear(72, 2)),
    ...               input=ImageInput((1, 8, 8)))
    >>> visualize(model, channel("0", 1), steps=4).image.shape
    torch.Size([1, 1, 8, 8])
    """
    objectives = _objectives(objective)
    _check(steps, optimizer, copies, patience, seed, batch_size)
    if isinstance(reference, LabelledImages):
        reference, source = reference.images, source or f"real images ({reference.source})"
    chosen = limits.default() if constraints is None else list(constraints)
    if not all(isinstance(item, Constraint) for item in chosen):
        raise InputError("constraints", expected="constraints of xai.visualization.constraints", got=describe(chosen))
    setting = ProblemConfig(size, parameters, transforms, bounds, chosen, start, reference)
    kind = problem_type(model.input)
    rate = kind.learning_rate(setting) if learning_rate is None else learning_rate
    real_number("learning_rate", rate, 0)
    kind.check(setting)
    if isinstance(features, str) and features != EDGES:
        raise InputError("features", expected=f'an xai.Model or "{EDGES}"', got=repr(features))
    wanted = tuple(step for step in snapshots if step < steps)
    config = OptimizerConfig(int(steps), float(rate), optimizer, chosen, wanted, patience)
    with untouched(model.network):
        problem = kind(model, setting)
        blank = problem.blank()
        found = model.trace_of(blank)
        for name in {name for item in objectives for name in item.layers}:
            find_layer(model.network, str(name).partition(":")[0])
        batch = batch_size or batch_size_for(found, blank.numel(), model.device.type)
        total = len(objectives) * copies
        needed = HELD * total * blank.numel() * blank.element_size()
        check_room("copies", needed, "all inputs that are made", "make fewer copies, or of fewer objectives")
        reader = reader_for(model, objectives, found, blank, exact, steps * total)

        def run(
            reader: Reader, objectives: Sequence[Objective], copies: int, numbers: Sequence[int], total: int
        ) -> Optimized:
            return _in_batches(reader, objectives, problem, config, copies, numbers, total, int(seed), batch)

        made = run(reader, objectives, copies, range(total), total)
        evidence = evaluate(reader, objectives, copies, made, problem, source, int(seed), batch)
    if problem.compares_images:
        tested = ImageEvidence(reader, objectives, copies, problem, features, run, found, int(seed), batch)
        evidence = tuple((*new, *old) for new, old in zip(tested.findings(made.inputs), evidence, strict=True))
    words = problem.words(made.inputs)
    return Visualization(
        objective=tuple(item.name for item in objectives for _ in range(copies)),
        values=made.inputs,
        activations=made.activations,
        reached=made.reached,
        transformed=made.transformed,
        snapshots={step: problem.as_inputs(item) for step, item in made.snapshots.items()},
        options={
            "steps": int(steps),
            **problem.options(),
            "transforms": "default" if transforms is None else len(transforms),
            "constraints": [item.name for item in chosen],
            "optimizer": optimizer,
            "learning_rate": rate,
            "copies": copies,
            "patience": patience,
            "batch_size": batch,
            "folded": reader.network is not model.network,
        },
        model_digest=model.digest(),
        seed=int(seed),
        kind=model.input.kind,
        names=tuple(getattr(model.input, "names", ())),
        words=words,
        diagnostics=tuple(
            {"started": started, "stopped": stopped, **({} if words is None else {"relaxed": relaxed})}
            for started, stopped, relaxed in zip(
                made.started.tolist(), made.stopped.tolist(), made.relaxed.tolist(), strict=True
            )
        ),
        evidence=evidence,
    )


def _objectives(value: object) -> list[Objective]:
    objectives = [value] if isinstance(value, Objective) else list(value) if isinstance(value, Iterable) else []
    if not objectives or not all(isinstance(item, Objective) for item in objectives):
        raise InputError("objective", expected="an Objective or several", got=describe(value))
    return objectives


def _check(steps: object, optimizer: str, copies: object, patience: object, seed: object, batch_size: object) -> None:
    for name, value, least in (("steps", steps, 1), ("copies", copies, 1), ("seed", seed, 0)):
        whole_number(name, value, least)
    for name, value, least in (("patience", patience, 2), ("batch_size", batch_size, 1)):
        if value is not None:
            whole_number(name, value, least)
    if optimizer not in OPTIMIZERS:
        raise InputError("optimizer", expected=f"one of {', '.join(OPTIMIZERS)}", got=repr(optimizer))


def _in_batches(
    reader: Reader,
    objectives: Sequence[Objective],
    problem: Problem,
    config: OptimizerConfig,
    copies: int,
    numbers: Sequence[int],
    total: int,
    seed: int,
    batch: int,
) -> Optimized:
    """Optimize the inputs with these numbers out of `total`, as many objectives at once as a batch holds."""
    together = max(1, batch // copies)
    parts = []
    for first in range(0, len(objectives), together):
        group = objectives[first : first + together]
        chosen = numbers[first * copies : (first + len(group)) * copies]
        generators = [private(seed, number) for number in chosen]
        parameterization = problem.parameterization(chosen, generators, total)
        parts.append(optimize(reader, group, parameterization, copies, config, generators))
    return _join(parts)


def _join(parts: Sequence[Optimized]) -> Optimized:
    first = parts[0]
    names = ("inputs", "activations", "reached", "transformed", "started", "stopped", "relaxed")
    whole = {name: torch.cat([getattr(part, name) for part in parts]) for name in names}
    return Optimized(
        **whole, snapshots={step: torch.cat([part.snapshots[step] for part in parts]) for step in first.snapshots}
    )
