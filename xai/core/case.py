"""One batch under explanation: what a method works with, and all it needs to know of the network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from xai.core.baselines import make_baseline
from xai.core.differentiate import gradient_of, variable_of
from xai.core.digest import tensor_digest
from xai.core.embedding import Words
from xai.core.errors import NetworkError, expected
from xai.core.explanation import Explanation
from xai.core.hooks import recording, run_recorded
from xai.core.plan import ExecutionPlan
from xai.core.progress import track
from xai.core.sequence_inputs import SequenceInput
from xai.core.targets import Target
from xai.core.trace import Trace

if TYPE_CHECKING:
    from xai.core.model import Model

__all__ = ["Case"]

SATURATED = 0.999
ALMOST_NOTHING = 1e-20


@dataclass
class Case:
    """Inputs (N, ...) in the caller's units, their targets, and the network in the form chosen to run.

    Made by `Model.explaining`, inside which the network is in eval mode and everything is undone afterwards.
    `of` says what a score is: "output" (the network's own, logits where it puts out logits), "probability", or
    "log_probability". Where `words` is set, the inputs are the vectors (N, L, D) of texts, and so is every batch.
    """

    operation: str
    model: Model
    inputs: Tensor
    target: Target
    prediction: Tensor
    plan: ExecutionPlan
    trace: Trace
    of: str = "output"
    seed: int | None = None
    exact: bool = False
    words: Words | None = None
    diagnostics: list[dict[str, object]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def rows(self) -> Tensor:
        """Return the numbers of all rows, shape (N,)."""
        return torch.arange(len(self), device=self.inputs.device)

    def output(self, batch: Tensor | list[str], rows: Tensor) -> Tensor:
        """Return what the network puts out for each item of a batch (n, ...), shape (n, K), connected to the graph."""
        network = self.plan.network

        def run(seen: Tensor | list[str]) -> Tensor:
            return self.model.forward_on(network, seen, self.operation)

        return run(batch) if self.words is None else self.words.run(network, batch, rows, run, self.operation)

    def score(self, batch: Tensor | list[str], rows: Tensor) -> Tensor:
        """Return the explained number for each item of a batch (n, ...), shape (n,), connected to the graph.

        `rows` (n,) names the row whose target applies to each item.
        """
        return self._select(self.output(batch, rows), rows)

    def scores(self, batch: Tensor | list[str], rows: Tensor) -> Tensor:
        """Return `score` without a graph, in float64."""
        with torch.no_grad():
            return self.score(batch, rows).double()

    def scores_of_all(self, batch: Tensor, rows: Tensor) -> Tensor:
        """Return the explained number of each row (r,) for every item of one batch, shape (r, n), from one pass."""
        with torch.no_grad():
            raw = self.model.forward_on(self.plan.network, batch, self.operation)
            columns = self._columns(raw).double().T  # (K, n)
            chosen = columns[self.target.index[rows]]
            if self.target.against is None:
                return chosen
            return (chosen - columns[self.target.against[rows]]) / (2 if self._doubled(raw) else 1)

    def gradient(self, batch: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores (n,) and their gradient with respect to the batch (n, ...)."""
        batch = variable_of(batch, self.operation)
        score = self.score(batch, rows)
        return score.detach(), gradient_of(score, batch, self.operation)

    def gradient_at(self, batch: Tensor, rows: Tensor, layer: str) -> tuple[Tensor, Tensor]:
        """Return what a layer puts out (n, ...) and the gradient of the scores with respect to it."""
        network = self.plan.network
        batch = variable_of(batch, self.operation)
        with recording(network, [layer], self.operation) as recorded:
            output = run_recorded(lambda: self.output(batch, rows), recorded, [layer], self.operation)
        activation = recorded[layer]
        return activation.detach(), gradient_of(self._select(output, rows), activation, self.operation)

    @property
    def present(self) -> Tensor | None:
        """Return which words or steps of the inputs are no padding, (N, L), where there can be padding."""
        if self.words is not None:
            return self.words.present
        return self.model.input.present(self.inputs) if isinstance(self.model.input, SequenceInput) else None

    def baseline(self, name: object) -> tuple[Tensor, str | float]:
        """Return a baseline for each input, (N, ...), and its name: see `make_baseline`. Padding keeps its values.

        Of words, "zero" is the vector 0 and "padding" that of padding. Of series, "mean" is taken over the steps that
        are there, and what is there stays there: a 0 is so small a number that no step is taken for padding.
        """
        if self.words is not None and isinstance(name, str) and name == "padding":
            start = self.words.padding.expand_as(self.inputs).clone()
        elif self.present is not None and self.words is None and isinstance(name, str) and name == "mean":
            count = self.present.sum(1).clamp_min(1)[:, None, None]
            start = (self.inputs.sum(1, keepdim=True) / count).expand_as(self.inputs).clone()
        else:
            start, name = make_baseline(name, self.inputs, self.operation)
        if self.present is None:
            return start, name
        if self.words is None:
            start = torch.where(start == 0, torch.full_like(start, ALMOST_NOTHING), start)
        return torch.where(self.present[:, :, None], start, self.inputs), name

    def _columns(self, raw: Tensor) -> Tensor:
        if self.of == "log_probability":
            return self.model.log_probabilities(raw)
        return self.model.columns(raw) if self.of == "output" else self.model.probabilities(raw)

    def _doubled(self, raw: Tensor) -> bool:
        # A single logit z stands as (-z, z): why 1 rather than 0 is z, not 2 z.
        both = self.of == "output" and raw.shape[1] == 1 and self.target.against is not None
        return both and self.model.output == "logits"

    def _select(self, raw: Tensor, rows: Tensor) -> Tensor:
        chosen = self.target.select(self._columns(raw), rows)
        return chosen / 2 if self._doubled(raw) else chosen

    def chunks(self, total: int) -> Iterator[Tensor]:
        """Yield index tensors that cut `total` evaluations into batches, with a progress bar where there are many."""
        parts = torch.arange(total, device=self.inputs.device).split(self.plan.batch_size)
        yield from track(parts, self.operation, len(parts)) if len(parts) > 8 else parts

    def generator(self, row: int | None, stream: int = 0) -> torch.Generator:
        """Return a private random generator of this call's seed and a row's content; None is for all rows together.

        Of the content, not of the place: a row draws the same alone as in any batch, so that it can be made again.
        stream: another number where one row needs draws that have nothing to do with each other.
        """
        content = 0
        if row is not None:
            values = (self.inputs if self.words is None else self.words.given)[row]
            # Padding behind a text depends on what else is in the batch.
            values = values if values.is_floating_point() else values[values >= 0]
            content = int(tensor_digest(values)[:12], 16)
        return torch.Generator().manual_seed(((self.seed or 0) * 1_000_003 + content + stream) % 2**63)

    def note(self, name: str, values: Tensor | list) -> None:
        """Write one number (or word) per row into the diagnostics."""
        plain = values.tolist() if isinstance(values, Tensor) else values
        for diagnosis, value in zip(self.diagnostics, plain):
            diagnosis[name] = value

    def explanation(self, method: str, values: Tensor | list[Tensor], over: str, **fields: object) -> Explanation:
        """Return the finished explanation; raises NetworkError where a value is not finite.

        `options` are the keyword arguments that make it again, `run` what else there is to know of how it was made.
        """
        if over == "input" and self.present is not None:
            values = torch.where(self.present[:, :, None], values, torch.zeros_like(values))
        if over == "input" and self.words is not None:
            values, over = [part.sum(1)[:count] for part, count in zip(values, self.words.lengths)], "tokens"
            fields = {"segments": self.words.owners(), "row_names": self.words.names(), **fields}
        parts = [part.detach() for part in values]
        if not all(bool(torch.isfinite(part).all()) for part in parts):
            raise NetworkError(expected(self.operation, "values", "finite numbers", "NaN or infinity"))
        self.note("zero_map", [bool((part == 0).all()) for part in parts])
        if self.model.task in ("classification", "binary"):
            self.note("saturated", (self.prediction.max(1).values > SATURATED).tolist())
        exact = {"exact": True} if self.exact else {}
        options = {**fields.pop("options", {}), **exact, "run": {**fields.pop("run", {}), **self.plan.options()}}
        return Explanation(
            method=method,
            inputs=self.inputs if self.words is None else self.words.given,
            target=self.target.labels(),
            values=values.detach() if isinstance(values, Tensor) else parts,
            over=over,
            prediction=self.prediction,
            options=options,
            model_digest=self.model.digest(),
            classes=tuple(self.model.classes or ()),
            diagnostics=tuple(dict(row) for row in self.diagnostics),
            evidence=tuple(() for _ in range(len(self))),
            seed=self.seed,
            **{"names": tuple(getattr(self.model.input, "names", ())), **fields},
        )
