"""Activation maximization: change an input step by step until it excites a unit as much as it can."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from xai.base.arguments import real_number, whole_number
from xai.base.errors import InputError, describe, names_errors
from xai.inputs.image_files import LabelledImages
from xai.inputs.text import FIRST_WORD
from xai.model.model import Model
from xai.model.plan import batch_size_for
from xai.network.guard import untouched
from xai.network.hooks import find_layer
from xai.results.explanation import Visualization
from xai.visualization import constraints as limits
from xai.visualization.constraints import Constraint
from xai.visualization.evaluate import judge, private
from xai.visualization.objectives import Objective
from xai.visualization.optimize import OPTIMIZERS, Climbed, Course, climb
from xai.visualization.plan import reader_for
from xai.visualization.problem import Easel
from xai.visualization.tokens import words_of
from xai.visualization.transforms import Transform

__all__ = ["visualize"]

SNAPSHOTS = (0, 4, 48, 2048)
LEARNING_RATES = {"text": 0.3, "maco": 0.2}  # by kind of input or parameters, which are phases for MaCo


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
    seed: int = 0,
    exact: bool = False,
    batch_size: int | None = None,
) -> Visualization:
    """Return one input per objective and copy that makes it as large as it gets in so many steps, from noise.

    Images, rows of a table, series, and texts of a model with a vocabulary, whose words become real ones at the end.

    size: height and width of an image, steps of a series or words of a text; the model's own by default.
    parameters (images): "fourier", "pixels" or "maco". transforms: the small changes of each step, see
    `xai.visualization.transforms`; an empty list switches them off (the input is judged under the default ones all the
    same). constraints: see `xai.visualization.constraints`;
    likewise. optimizer: "adam", or "gradient" for plain ascent. start: real inputs to start from, one for all or one
    for each. bounds (rows, series): lowest and highest values, numbers or one per column; by default the reference's.
    copies: inputs per objective, from different seeds. patience: stop where an input has not gained over so many steps.
    reference: real inputs; with them each input carries a finding that says how it compares, and colors and spectrum
    are theirs. source: what they are, in the plural. exact: run the network as it is, with nothing folded.
    Every input is drawn from its own seed, so that it does not depend on what else is in the batch.
    Raises InputError, LayerError, TargetError or NetworkError. Source: Olah, Mordvintsev, Schubert 2017,
    doi:10.23915/distill.00007; Erhan et al. 2009.

    >>> from xai.inputs.image import ImageInput
    >>> from xai.visualization.objectives import channel
    >>> model = Model(torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(), torch.nn.Linear(72, 2)),
    ...               input=ImageInput((1, 8, 8)))
    >>> visualize(model, channel("0", 1), steps=4).image.shape
    torch.Size([1, 1, 8, 8])
    """
    objectives = [objective] if isinstance(objective, Objective) else list(objective)
    _check(objectives, steps, optimizer, copies, patience, seed, batch_size)
    kind = model.input.kind
    rate = LEARNING_RATES.get(parameters or kind, 0.05) if learning_rate is None else learning_rate
    real_number("learning_rate", rate, 0)
    if kind != "image" and (transforms or parameters is not None):
        wanted = "parameters=None, and transforms=None or [], for inputs that are no images"
        raise InputError("parameters, transforms", expected=wanted, got=describe(parameters or transforms))
    chosen = limits.default() if constraints is None else list(constraints)
    if isinstance(reference, LabelledImages):
        reference, source = reference.images, source or f"real images ({reference.source})"
    wanted = tuple(step for step in snapshots if step < steps)
    course = Course(int(steps), float(rate), optimizer, chosen, wanted, patience)
    with untouched(model.network):
        easel = Easel(model, size, parameters or "fourier", transforms, bounds, chosen, start, reference, seed)
        blank = easel.blank()
        found = model.trace_of(blank)
        for name in {name for item in objectives for name in item.layers}:
            find_layer(model.network, str(name).partition(":")[0])
        batch = batch_size or batch_size_for(found, blank.numel(), model.device.type)
        together = max(1, batch // copies)
        reader = reader_for(model, objectives, found, blank, exact, steps * len(objectives) * copies)
        parts = []
        for first in range(0, len(objectives), together):
            group = objectives[first : first + together]
            numbers = range(first * copies, (first + len(group)) * copies)
            generators = [private(seed, number) for number in numbers]
            canvas = easel.canvas(numbers, generators, len(objectives) * copies)
            parts.append(climb(reader, group, canvas, copies, course, generators))
        made = _join(parts)
        evidence = judge(reader, objectives, copies, made, easel, source, int(seed), batch)
    texts = model.input.kind == "text"
    return Visualization(
        objective=tuple(item.name for item in objectives for _ in range(copies)),
        values=made.inputs,
        activations=made.activations,
        reached=made.reached,
        transformed=made.transformed,
        snapshots={step: _words(item) if texts else item for step, item in made.snapshots.items()},
        options={
            "steps": int(steps),
            **({"parameters": parameters or "fourier"} if kind == "image" else {}),
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
        kind=kind,
        names=tuple(getattr(model.input, "names", ())),
        words=tuple(words_of(model.input, row) for row in made.inputs) if texts else None,
        diagnostics=tuple(
            {"started": started, "stopped": stopped, **({"relaxed": relaxed} if texts else {})}
            for started, stopped, relaxed in zip(made.started.tolist(), made.stopped.tolist(), made.relaxed.tolist())
        ),
        evidence=evidence,
    )


def _check(
    objectives: list[Objective],
    steps: object,
    optimizer: str,
    copies: object,
    patience: object,
    seed: object,
    batch_size: object,
) -> None:
    if not objectives or not all(isinstance(item, Objective) for item in objectives):
        raise InputError("objective", expected="an Objective or several", got=describe(objectives))
    for name, value, least in (("steps", steps, 1), ("copies", copies, 1), ("seed", seed, 0)):
        whole_number(name, value, least)
    for name, value, least in (("patience", patience, 2), ("batch_size", batch_size, 1)):
        if value is not None:
            whole_number(name, value, least)
    if optimizer not in OPTIMIZERS:
        raise InputError("optimizer", expected=f"one of {', '.join(OPTIMIZERS)}", got=repr(optimizer))


def _join(parts: Sequence[Climbed]) -> Climbed:
    first = parts[0]
    names = ("inputs", "activations", "reached", "transformed", "started", "stopped", "relaxed")
    whole = {name: torch.cat([getattr(part, name) for part in parts]) for name in names}
    return Climbed(
        **whole, snapshots={step: torch.cat([part.snapshots[step] for part in parts]) for step in first.snapshots}
    )


def _words(texts: Tensor) -> Tensor:
    """Return the numbers of the most likely words, of shares (N, L, V) or of numbers themselves."""
    return texts.argmax(2) + FIRST_WORD if texts.is_floating_point() else texts
