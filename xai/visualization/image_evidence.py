"""The evidence on images with real ones beside: predictive, path, held-out changes, stimuli, and the headline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from xai.base.errors import InputError
from xai.base.spacing import evenly
from xai.model.model import Model
from xai.model.shuffling import layers_with_weights, shuffled
from xai.model.tracing import numbers_on
from xai.network.guard import untouched
from xai.network.hooks import recording, run_recorded
from xai.network.trace import Trace
from xai.results.finding import Finding
from xai.visualization.edges import Edges
from xai.visualization.headline import compare_with_stimuli, headline
from xai.visualization.held_out import keeps_under_held_out, sheared
from xai.visualization.layer_reader import Reader
from xai.visualization.objectives import Objective
from xai.visualization.optimize import Optimized
from xai.visualization.path import flattened, path_similarity, same_path
from xai.visualization.predictive import (
    LEAST_CONTROLS,
    Features,
    partial_correlations,
    predictive,
    similarities,
)
from xai.visualization.problem import Problem
from xai.visualization.stimuli import stimuli

__all__ = ["EDGES", "ImageEvidence", "compared_with", "control_count"]

EDGES = "edges"  # the fixed bank of filters, in place of another network

MOST_REAL = 500  # real images that are looked at, evenly spread over the reference
LEAST_REAL = 50
TOP = 20  # real images that excite the unit most
MOST_LAYERS = 6  # of a path
REFIT = 64  # real images that the batch norms of a shuffled network are refitted on
SHUFFLES = 700_000  # seeds of the shuffled networks start here

# (reader, objectives, copies, numbers of the inputs among all, how many there are) -> what is made
Run = Callable[[Reader, Sequence[Objective], int, Sequence[int], int], Optimized]


@dataclass
class ImageEvidence:
    """What the evidence needs of a call of `visualize`; `run` optimizes further images with its settings."""

    reader: Reader
    objectives: list[Objective]
    copies: int
    problem: Problem
    features: Model | str | None
    run: Run
    found: Trace
    seed: int
    batch: int

    def findings(self, made: Tensor) -> list[tuple[Finding, ...]]:
        """Return the findings on each image (N, C, H, W); the headline comes first."""
        real = None if self.problem.real is None else compared_with(self.problem.real)
        if real is None or len(real) < LEAST_REAL:
            reason = f"a reference of {LEAST_REAL} real images or more is needed"
            return [(headline((), reason),)] * len(made)
        with untouched(self.reader.model.network):
            answers = self.reader.measure_all(self.objectives, real, self.batch)
            unit_findings = zip(
                self._paths(made, real, answers),
                self._held_out(made, real, answers),
                self._stimuli(made, real, answers),
                strict=True,
            )
        rows = []
        for first, others in zip(self._predictive(made, real, answers), unit_findings, strict=True):
            rows.append((headline((first, *others)), first, *others))
        return rows

    def _top(self, answers: Tensor) -> Tensor:
        return answers.topk(min(TOP, len(answers) // 10)).indices

    def _measured(self, images: Tensor) -> Tensor:
        """Return each objective on its own images, (N,)."""
        every = self.reader.measure_all(self.objectives, images, self.batch)
        index = torch.arange(len(images), device=every.device)
        return every[index // self.copies, index]

    def _held_out(self, made: Tensor, real: Tensor, answers: Tensor) -> list[Finding]:
        still, median = self._measured(made), answers.median(1).values
        transformed = torch.stack([self._measured(item) for item in sheared(made)]).mean(0)
        changed = [self.reader.measure_all(self.objectives, item, self.batch) for item in sheared(real)]
        real_transformed = torch.stack(changed).mean(0)
        found = []
        for row in range(len(made)):
            index = row // self.copies
            top = self._top(answers[index])
            of_real = float(answers[index][top].mean()), float(real_transformed[index][top].mean())
            of_made = float(still[row]), float(transformed[row])
            found.append(keeps_under_held_out(self.objectives[index].name, float(median[index]), of_made, of_real))
        return found

    def _stimuli(self, made: Tensor, real: Tensor, answers: Tensor) -> list[Finding]:
        coder = self.problem.parameterize([torch.Generator()], None)
        shape: Any = self.problem.shape
        names, images = stimuli(shape, coder.encode(real), self.seed)
        reached = self.reader.measure_all(self.objectives, coder.decode(images.to(made)), self.batch)
        still = self._measured(made)
        return [
            compare_with_stimuli(
                self.objectives[row // self.copies].name,
                float(answers[row // self.copies].median()),
                float(still[row]),
                names,
                reached[row // self.copies],
            )
            for row in range(len(made))
        ]

    def _paths(self, made: Tensor, real: Tensor, answers: Tensor) -> list[Finding]:
        layers = [self._before(item) for item in self.objectives]
        names = sorted({name for each in layers for name in each})
        of_real, of_made = self._activations(names, real), self._activations(names, made)
        found = []
        for row in range(len(made)):
            index = row // self.copies
            top = self._top(answers[index])
            values = [path_similarity(of_made[name][row], of_real[name], top) for name in layers[index]]
            found.append(same_path(self.objectives[index].name, layers[index], values))
        return found

    def _before(self, objective: Objective) -> list[str]:
        """Return the layers with units in front of what an objective reads, evenly spread, the last one included."""
        order = {layer.name: number for number, layer in enumerate(self.found.layers)}
        read = [name.partition(":")[0] for name in objective.layers]
        units = [layer.name for layer in self.found.units()]
        if read:
            first = min(read, key=lambda name: order.get(name, 0))
            units = [name for name in units if order[name] <= order.get(first, 0)]
            plain = next((item.parameters == 0 for item in self.found.layers if item.name == first), False)
            # An activation function is read before it: the layer in front of it is the unit itself.
            units = units[:-1] if plain else [name for name in units if name != first]
        elif units:
            units = units[:-1]
        return [units[-1 - place] for place in reversed(evenly(len(units), MOST_LAYERS))]

    def _activations(self, names: Sequence[str], images: Tensor) -> dict[str, Tensor]:
        if not names:
            return {}
        model, parts = self.reader.model, []
        stop = not self.reader.repeated & set(names)  # the rest may not take images of this size
        with torch.no_grad():
            for part in images.split(self.batch):
                with recording(model.network, names, before=True, stop=stop) as recorded:
                    run_recorded(lambda: numbers_on(model, model.network, part), recorded, names)  # noqa: B023
                parts.append({name: flattened(recorded[name]) for name in names})
        return {name: torch.cat([part[name] for part in parts]) for name in names}

    def _predictive(self, made: Tensor, real: Tensor, answers: Tensor) -> list[Finding]:
        reason, controls = None, [torch.zeros(0)] * len(self.objectives)
        matrix = torch.zeros(len(made), len(self.objectives))
        if self.features is None:
            reason = f'no features= were given to see similarity with, another network of images or "{EDGES}"'
        elif any(item.compares for item in self.objectives):
            reason = "an objective that compares copies has no answer to one real image"
        else:
            features = Edges() if isinstance(self.features, str) else Features(self.features, self.problem.shape)
            seen = features.of(real, self.batch)
            with untouched(self.reader.model.network):
                matrix = self._correlations(features, seen, real, answers, made, self.reader, self.objectives)
            try:
                controls = self._controls(features, seen, real)
            except InputError as error:
                reason = f"no control with shuffled weights could be made ({error})"
        found = []
        for row in range(len(made)):
            index = row // self.copies
            item = self.objectives[index]
            same_group = [number for number, other in enumerate(self.objectives) if _group(other) == _group(item)]
            others = [
                copy
                for number in same_group
                if number != index
                for copy in range(number * self.copies, (number + 1) * self.copies)
            ]
            value = float(matrix[row, index])
            found.append(predictive(item.name, value, matrix[others, index], controls[index], answers[index], reason))
        return found

    def _correlations(
        self,
        features: Features | Edges,
        seen: list[Tensor],
        real: Tensor,
        answers: Tensor,
        made: Tensor,
        reader: Reader,
        objectives: Sequence[Objective],
        numbers: Sequence[int] | None = None,
        copies: int | None = None,
    ) -> Tensor:
        """Return how well each image, with a minimized one, predicts each objective, (images, objectives)."""
        copies = self.copies if copies is None else copies
        total = len(self.objectives) * self.copies
        numbers = range(total) if numbers is None else numbers
        minimized = self.run(reader, [-item for item in objectives], copies, numbers, total).inputs
        up, down = (similarities(features.of(item, self.batch), seen) for item in (made, minimized))
        return partial_correlations(up - down, answers, real).float()

    def _controls(self, features: Features | Edges, seen: list[Tensor], real: Tensor) -> list[Tensor]:
        """Return for each objective what its group reaches in networks with shuffled weights, (c,)."""
        model = self.reader.model
        layers = layers_with_weights(model, real[:1])
        networks: list[Model] = []
        by_group: dict[object, Tensor] = {}
        for group in dict.fromkeys(map(_group, self.objectives)):
            members = [number for number, item in enumerate(self.objectives) if _group(item) == group]
            rounds = -(-LEAST_CONTROLS // len(members))  # as many units of each network, no more than are asked for
            count = -(-LEAST_CONTROLS // rounds)
            chosen = [members[place] for place in evenly(len(members), count)]
            values: list[Tensor] = []
            for number in range(rounds):
                if number == len(networks):
                    networks.append(shuffled(model, real[:REFIT], layers, SHUFFLES + self.seed * 1_000 + number))
                values.append(self._control(features, seen, real, networks[number], chosen))
            by_group[group] = torch.cat(values)
        return [by_group[_group(item)] for item in self.objectives]

    def _control(
        self, features: Features | Edges, seen: list[Tensor], real: Tensor, model: Model, chosen: Sequence[int]
    ) -> Tensor:
        objectives = [self.objectives[number] for number in chosen]
        numbers = [number * self.copies for number in chosen]
        reader = Reader(model, model.network, self.reader.repeated)
        with untouched(model.network):
            made = self.run(reader, objectives, 1, numbers, len(self.objectives) * self.copies).inputs
            answers = reader.measure_all(objectives, real, self.batch)
            return self._correlations(features, seen, real, answers, made, reader, objectives, numbers, 1).diagonal()


def compared_with(real: Tensor) -> Tensor:
    """Return the real images that are looked at, evenly spread over all."""
    return real[torch.linspace(0, len(real) - 1, min(len(real), MOST_REAL)).round().long()]


def control_count(objectives: Sequence[Objective], copies: int = 1) -> int:
    """Return how many inputs are made beside those asked for: minimized ones, and two of each control."""
    sizes = Counter(map(_group, objectives))
    rounds = {group: -(-LEAST_CONTROLS // size) for group, size in sizes.items()}
    return len(objectives) * copies + 2 * sum(item * -(-LEAST_CONTROLS // item) for item in rounds.values())


def _group(item: Objective) -> object:
    return item.layers, item.reads_output
