"""Activation maximization: change an image step by step until it excites a unit as much as it can."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from xai.core.arguments import real_number, whole_number
from xai.core.differentiate import gradient_of
from xai.core.errors import InputError, NetworkError, describe, expected
from xai.core.explanation import Visualization
from xai.core.finding import Finding
from xai.core.guard import untouched
from xai.core.hooks import find_layer, recording, run_recorded
from xai.core.model import Model
from xai.core.plan import batch_size_for
from xai.core.progress import track
from xai.visualization.evidence import compare_with_real
from xai.visualization.objectives import Objective, Reading
from xai.visualization.parameters import PARAMETERS
from xai.visualization.transforms import Transform, default, resample

__all__ = ["visualize"]

SNAPSHOTS = (0, 4, 48, 2048)
FRESH_TRANSFORMS = 16


def visualize(
    model: Model,
    objective: Objective | Sequence[Objective],
    *,
    steps: int = 256,
    size: int | tuple[int, int] | None = None,
    parameters: str = "fourier",
    transforms: Sequence[Transform] | None = None,
    learning_rate: float = 0.05,
    snapshots: Sequence[int] = SNAPSHOTS,
    reference: object = None,
    seed: int = 0,
    batch_size: int | None = None,
) -> Visualization:
    """Return one image per objective that makes it as large as Adam can in so many steps, from noise.

    size: height and width of the image, the model's by default. transforms: see `xai.visualization.transforms`; an
    empty list switches them off. parameters: "fourier" or "pixels". reference: real images, (n, C, H, W) in the model's
    size; with them each image carries a finding that says how it compares. Every image is drawn from its own seed, so
    that it does not depend on what else is in the batch.
    Raises InputError, LayerError, TargetError or NetworkError. Source: Olah, Mordvintsev, Schubert 2017,
    doi:10.23915/distill.00007; Erhan et al. 2009.

    >>> from xai.core.inputs import ImageInput
    >>> from xai.visualization.objectives import channel
    >>> model = Model(torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(), torch.nn.Linear(72, 2)),
    ...               input=ImageInput((1, 8, 8)))
    >>> visualize(model, channel("0", 1), steps=4).image.shape
    torch.Size([1, 1, 8, 8])
    """
    objectives = [objective] if isinstance(objective, Objective) else list(objective)
    _check(model, objectives, steps, parameters, learning_rate, seed, batch_size)
    channels, *sides = model.input.shape
    sides = (size, size) if isinstance(size, int) else tuple(size) if size is not None else tuple(sides)
    if len(sides) != 2 or min(sides) < 2:
        raise InputError(expected("visualize", "size", "a height and a width from 2 pixels", size))
    if parameters == "fourier" and min(sides) < 4:
        raise InputError(expected("visualize", "size", "at least 4 pixels for parameters='fourier'", sides))
    moves = default(sides) if transforms is None else list(transforms)
    with untouched(model.network):
        blank = torch.zeros(1, channels, *sides, device=model.device)
        found = model.trace_of(blank, "visualize")
        batch = batch_size or batch_size_for(found, blank.numel(), model.device.type)
        for name in {name for item in objectives for name in item.layers}:
            find_layer(model.network, name, "visualize")
        repeated = frozenset(layer.name for layer in found.layers if layer.calls > 1)
        low, high = model.input.limits or (-1.0, 1.0)
        climb = _Climb(model, repeated, int(steps), PARAMETERS[parameters], moves, learning_rate, low, high, int(seed))
        wanted = {step for step in snapshots if step < steps}
        starts = range(0, len(objectives), batch)
        parts = [climb.run(objectives[start : start + batch], start, (channels, *sides), wanted) for start in starts]
        reached, transformed = (torch.cat([part[key] for part in parts]) for key in ("reached", "transformed"))
        evidence: list[tuple[Finding, ...]] = [() for _ in objectives]
        if reference is not None:
            real = model.prepare(reference, "visualize", "reference")
            still, moved = climb.measure_real(objectives, real, batch)
            for row, item in enumerate(objectives):
                values = (float(reached[row]), float(transformed[row]), still[row], moved[row])
                evidence[row] = (compare_with_real(item.name, *values),)
    return Visualization(
        objective=tuple(item.name for item in objectives),
        image=torch.cat([part["image"] for part in parts]),
        activations=torch.cat([part["activations"] for part in parts]),
        reached=reached,
        transformed=transformed,
        snapshots={step: torch.cat([part["snapshots"][step] for part in parts]) for step in parts[0]["snapshots"]},
        options={
            "steps": int(steps),
            "parameters": parameters,
            "transforms": len(moves),
            "learning_rate": learning_rate,
            "batch_size": batch,
        },
        model_digest=model.digest(),
        seed=int(seed),
        evidence=tuple(evidence),
    )


def _check(
    model: Model,
    objectives: list[Objective],
    steps: object,
    parameters: str,
    learning_rate: object,
    seed: object,
    batch_size: object,
) -> None:
    if not objectives or not all(isinstance(item, Objective) for item in objectives):
        raise InputError(expected("visualize", "objective", "an Objective or several", describe(objectives)))
    if model.input.kind != "image":
        raise InputError(expected("visualize", "model", "one with input=ImageInput(...)", f"input {model.input.kind}"))
    whole_number("visualize", "steps", steps, 1)
    whole_number("visualize", "seed", seed)
    real_number("visualize", "learning_rate", learning_rate, 0)
    if batch_size is not None:
        whole_number("visualize", "batch_size", batch_size, 1)
    if parameters not in PARAMETERS:
        raise InputError(expected("visualize", "parameters", f"one of {', '.join(PARAMETERS)}", repr(parameters)))


@dataclass(frozen=True)
class _Climb:
    """The settings of one call, and the ascent of one batch under them."""

    model: Model
    repeated: frozenset[str]
    steps: int
    parameters: Callable
    moves: list[Transform]
    learning_rate: float
    low: float
    high: float
    seed: int

    def run(
        self, objectives: list[Objective], first: int, shape: tuple[int, int, int], snapshots: set[int]
    ) -> dict[str, object]:
        """Optimize one image per objective; `first` is the number of the first one in the whole call."""
        numbers = range(first, first + len(objectives))
        generators = [torch.Generator().manual_seed((self.seed * 1_000_003 + number) % 2**63) for number in numbers]
        values, to_unit = self.parameters(shape, generators)
        values = values.to(self.model.device).requires_grad_()
        optimizer = torch.optim.Adam([values], lr=self.learning_rate)
        activations, kept = [], {}
        for step in track(range(self.steps), "visualize", self.steps) if self.steps > 32 else range(self.steps):
            image = self.low + to_unit(values) * (self.high - self.low)
            if step in snapshots:
                kept[step] = image.detach().clone()
            reached = self.measure(objectives, resample(image, self.moves, generators))
            gradient = gradient_of(-reached, values, "visualize")
            if not bool(torch.isfinite(gradient).all()):
                raise NetworkError(
                    expected("visualize", "gradient", "finite numbers", f"NaN or infinity at step {step}")
                )
            values.grad = gradient
            optimizer.step()
            activations.append(reached.detach())
        with torch.no_grad():
            image = self.low + to_unit(values) * (self.high - self.low)
            draws = [self.measure(objectives, resample(image, self.moves, generators)) for _ in range(FRESH_TRANSFORMS)]
            return {
                "image": image,
                "activations": torch.stack(activations, 1),
                "reached": self.measure(objectives, image),
                "transformed": torch.stack(draws).mean(0),
                "snapshots": {**kept, self.steps: image},
            }

    def measure(self, objectives: list[Objective], images: Tensor) -> Tensor:
        """Return objective i on image i, (n,), connected to the graph."""
        reading = self._read(objectives, images)
        return torch.cat([item.value(reading.row(row)) for row, item in enumerate(objectives)])

    def measure_real(self, objectives: list[Objective], images: Tensor, batch: int) -> tuple[Tensor, Tensor]:
        """Return every objective on every image, (objectives, n): as they are, and each moved once."""
        generators = [
            torch.Generator().manual_seed((self.seed * 1_000_003 + row) % 2**63) for row in range(len(images))
        ]
        columns = []
        with torch.no_grad():
            for rows in torch.arange(len(images)).split(batch):
                part = images[rows.to(images.device)]
                moved = resample(part, self.moves, [generators[row] for row in rows.tolist()])
                readings = (self._read(objectives, part), self._read(objectives, moved))
                columns.append([torch.stack([item.value(reading) for item in objectives]) for reading in readings])
        still, moved = (torch.cat(parts, 1) for parts in zip(*columns))
        return still, moved

    def _read(self, objectives: list[Objective], images: Tensor) -> Reading:
        model, network = self.model, self.model.network
        names = list(dict.fromkeys(name for item in objectives for name in item.layers))
        # A layer that is called more than once is read at its last call, so nothing can be stopped before.
        stop = not any(item.reads_output for item in objectives) and not self.repeated & set(names)
        with recording(network, names, "visualize", before=True, stop=stop) as recorded:
            raw = run_recorded(lambda: model.forward_on(network, images, "visualize"), recorded, names, "visualize")
        if raw is None:
            return Reading(recorded)
        return Reading(recorded, model.columns(raw), model.probabilities(raw))
