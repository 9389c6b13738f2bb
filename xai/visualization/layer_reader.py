"""From inputs to what objectives are about: one forward pass, stopped at the last layer that is read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from xai.inputs.text import FIRST_WORD
from xai.model.model import Model
from xai.model.tracing import numbers_on
from xai.network.hooks import looking_up, recording, run_recorded
from xai.visualization.objectives import Objective, Reading

__all__ = ["Reader"]


@dataclass(frozen=True)
class Reader:
    """Reads objectives off a network (the model's, or a faster form of it).

    `repeated` are layers that are called more than once: they are read at their last call, so that nothing can be
    stopped before. Inputs (n, ...) are in the caller's units; of texts, numbers of words (n, L) or shares of words
    (n, L, V), which the embedding answers with mixtures.
    """

    model: Model
    network: nn.Module
    repeated: frozenset[str] = frozenset()

    def read(self, objectives: Sequence[Objective], inputs: Tensor, together: bool = False) -> Reading:
        """Return what the objectives need of the inputs, connected to the graph."""
        model, network = self.model, self.network
        names = list(dict.fromkeys(name for item in objectives for name in item.layers))
        scored = any(item.reads_output for item in objectives)
        stop = not scored and not self.repeated & set(names)
        with ExitStack() as around:
            if getattr(model.input, "vocabulary", None) and inputs.is_floating_point():
                around.enter_context(looking_up(network, inputs, FIRST_WORD))
                inputs = inputs.argmax(2) + FIRST_WORD
            recorded = around.enter_context(recording(network, names, before=True, stop=stop))
            run = model.forward_on if scored else partial(numbers_on, model)
            raw = run_recorded(lambda: run(network, inputs), recorded, names)
        # Means over a map are taken in at least float32.
        recorded = {name: maps.to(torch.promote_types(maps.dtype, torch.float32)) for name, maps in recorded.items()}
        if raw is None or not scored:
            return Reading(recorded, together=together)
        return Reading(recorded, model.columns(raw), model.probabilities(raw), together)

    def measure(self, objectives: Sequence[Objective], inputs: Tensor, copies: int, together: bool = False) -> Tensor:
        """Return objective i on its own inputs i * copies to (i + 1) * copies, (n,), connected to the graph."""
        reading = self.read(objectives, inputs, together)
        starts = range(0, len(inputs), copies)
        parts = [
            item.value(reading.rows(start, start + copies)) for item, start in zip(objectives, starts, strict=True)
        ]
        return torch.cat(parts)

    def measure_all(self, objectives: Sequence[Objective], inputs: Tensor, batch: int) -> Tensor:
        """Return every objective on every input, (objectives, n), without a graph."""
        columns = []
        with torch.no_grad():
            for part in inputs.split(batch):
                reading = self.read(objectives, part)
                columns.append(torch.stack([item.value(reading) for item in objectives]))
        return torch.cat(columns, 1)

    def profiles(self, objective: Objective, inputs: Tensor) -> Tensor:
        """Return what the whole layers say of inputs, (n, channels): the mean of each channel, or the scores."""
        with torch.no_grad():
            reading = self.read([objective], inputs)
        parts = [
            maps.nanmean(1) if maps.ndim == 3 and maps.isnan().any() else maps for maps in reading.activations.values()
        ]
        parts = [part.flatten(2).mean(2) if part.ndim > 2 else part for part in parts]
        if objective.reads_output and reading.scores is not None:
            parts.append(reading.scores)
        return torch.cat(parts, 1).float()
