"""One call at work: what a method works with, and all it needs to know of the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor

from xai.base.arrays import all_finite
from xai.base.digest import tensor_digest
from xai.base.errors import InputError, NetworkError
from xai.base.frames import is_column, is_frame
from xai.base.json_values import as_plain
from xai.base.progress import track
from xai.inputs.base import Input
from xai.inputs.baselines import as_row, data_rows, make_background
from xai.methods import METHODS
from xai.model.plan import ExecutionPlan
from xai.model.shared_passes import evaluated_once
from xai.model.targets import Target
from xai.model.weights import LaterDigest
from xai.network.gradients import check_differentiable, gradient_of, variable_of
from xai.network.hooks import check_reached, recording
from xai.network.trace import Trace
from xai.results.explanation import Explanation

if TYPE_CHECKING:
    from xai.model.model import Model
    from xai.model.word_vectors import Words

__all__ = ["Session"]

SATURATED = 0.999


@dataclass
class Session:
    """Inputs (N, ...) in the caller's units, their targets, and the network in the form chosen to run.

    Opened by `Model.explaining`, inside which the network is in eval mode and everything is undone afterwards.
    `of` says what a score is: "output" (the network's own, logits where it puts out logits), "probability", or
    "log_probability". `background_values` (B, 1 or N, ...) are numbers that a caller gave as baseline or background.
    `LayerSession` explains what a layer puts out, and `TokenSession` the vectors of words, in place of the inputs:
    there `made_from` are the inputs that those were made from.
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
    layer: str | None = None
    made_from: Tensor | None = None
    background_values: Tensor | None = None
    diagnostics: list[dict[str, Any]] = field(default_factory=list)
    # The inputs as a variable and the outputs that the prediction was read off: the first gradient needs no other pass.
    first_pass: tuple[Tensor, Tensor] | None = None
    version: tuple = ()  # of the weights

    @classmethod
    def over(cls, session: Session, **changes: Any) -> Self:
        """Return a session of this class in place of another, over other inputs: `changes` say what is different."""
        kept: dict[str, Any] = {item.name: getattr(session, item.name) for item in fields(session)}
        settings: dict[str, Any] = {**kept, "first_pass": None, **changes}
        return cls(**settings)

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def rows(self) -> Tensor:
        """Return the numbers of all rows, shape (N,)."""
        return torch.arange(len(self), device=self.inputs.device)

    @property
    def raw_inputs(self) -> Tensor:
        """Return the inputs as the caller gave them, prepared, (N, ...)."""
        return self.inputs if self.made_from is None else self.made_from

    def score(self, batch: Tensor | list[str], rows: Tensor) -> Tensor:
        """Return the explained number for each item of a batch (n, ...), shape (n,), connected to the graph.

        `rows` (n,) names the row whose target applies to each item.
        """
        return self._select(self._forward(batch, rows), rows)

    def score_and_answer(self, batch: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return `score` and what the network answers, probabilities or values (n, K), from one pass."""
        raw = self._forward(batch, rows)
        return self._select(raw, rows), self.model.probabilities(raw)

    def scores(self, batch: Tensor | list[str], rows: Tensor) -> Tensor:
        """Return `score` without a graph, in float64."""
        with torch.no_grad():
            return self._select(self._once(batch, lambda: self._forward(batch, rows)), rows).double()

    def scores_of_all(self, batch: Tensor, rows: Tensor) -> Tensor:
        """Return the explained number of each row (r,) for every item of one batch, shape (r, n), from one pass.

        Connected to the graph where the batch requires a gradient.
        """
        with torch.set_grad_enabled(batch.requires_grad):
            raw = self._once(batch, lambda: self.model.forward_on(self.plan.network, batch))
            columns = self._columns(raw).T  # (K, n)
            chosen = columns[self.target.index[rows]].double()
            if self.target.against is None:
                return chosen
            return (chosen - columns[self.target.against[rows]].double()) / (2 if self._doubled(raw) else 1)

    def gradient(self, batch: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores (n,) and their gradient with respect to the batch (n, ...)."""
        check_differentiable(not self.trace.blocked)
        batch = variable_of(batch)
        score = self.score(batch, rows)
        return score.detach(), gradient_of(score, batch)

    def gradient_of_inputs(self) -> Tensor:
        """Return the gradient of every row's score with respect to the inputs, (N, ...)."""
        check_differentiable(not self.trace.blocked)
        if self.first_pass is not None:
            (variable, raw), self.first_pass = self.first_pass, None
            return gradient_of(self._select(raw, None), variable)
        parts = [self.gradient(self.inputs[rows], rows)[1] for rows in self.chunks(len(self))]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def gradient_at(self, batch: Tensor, rows: Tensor, layer: str) -> tuple[Tensor, Tensor]:
        """Return what a layer puts out (n, ...) and the gradient of the scores with respect to it."""
        check_differentiable(not self.trace.blocked)
        network = self.plan.network
        batch = variable_of(batch)
        with recording(network, [layer]) as recorded, self.model.memory.rows.padded(len(batch)) as ours:
            output = self._forward(batch, rows)
        check_reached(recorded, [layer])
        activation = recorded[layer]
        return activation.detach()[ours], gradient_of(self._select(output, rows), activation)[ours]

    def _once(self, batch: Tensor | list[str], run: Callable[[], Tensor]) -> Tensor:
        """Return what the network puts out, from an earlier pass where the model shares those."""
        alone = self.made_from is not None or (isinstance(batch, Tensor) and batch.requires_grad)
        form = (self.plan.folded, self.plan.channels_last, self.exact)
        return evaluated_once(None if alone else self.model.shared, form, batch, run)

    def _forward(self, batch: Tensor | list[str], rows: Tensor) -> Tensor:
        return self.model.forward_on(self.plan.network, batch)

    @property
    def kind(self) -> Input:
        """Return the kind of what is explained."""
        return self.model.input

    @property
    def present(self) -> Tensor | None:
        """Return which words or steps of the inputs are no padding, (N, L), where there can be padding."""
        # Positions of a text are characters, which are no steps of what the network reads.
        return self.kind.present(self.inputs) if self.inputs.is_floating_point() else None

    def baseline(self, name: object) -> tuple[Tensor, str | float]:
        """Return a baseline for each input, (N, ...), and its name: see `Input.baseline`. Padding keeps its values."""
        if is_frame(name) or is_column(name):
            name = self.model.prepare(name, "baseline")
        start, called = self._baseline(name)
        if called == "given":
            self.background_values = as_row(name, self.inputs)[None]
        return start, called

    def _baseline(self, name: object) -> tuple[Tensor, str | float]:
        return self.kind.baseline(name, self.inputs)

    def background(self, background: object) -> tuple[Tensor, str | float]:
        """Return several baselines for each input, (B, N, ...), and their name. Padding keeps its values.

        background: what `baseline` takes as a name or number, several of those, or a tensor of B rows of data, each of
        which stands behind every input; that is called "data".
        """
        if is_frame(background):
            background = self.model.prepare(background, "background")
        made, name = make_background(background, self.inputs, self.baseline)
        if name == "data":
            self.background_values = data_rows(background, self.inputs)[:, None].clone()
        return made, name

    def _columns(self, raw: Tensor) -> Tensor:
        if self.of == "log_probability":
            return self.model.log_probabilities(raw)
        return self.model.columns(raw) if self.of == "output" else self.model.probabilities(raw)

    def _doubled(self, raw: Tensor) -> bool:
        # A single logit z stands as (-z, z): why 1 rather than 0 is z, not 2 z.
        both = self.of == "output" and raw.shape[1] == 1 and self.target.against is not None
        return both and self.model.output == "logits"

    def _select(self, raw: Tensor, rows: Tensor | None) -> Tensor:
        chosen = self.target.select(self._columns(raw), rows)
        return chosen / 2 if self._doubled(raw) else chosen

    def chunks(self, total: int) -> Iterator[Tensor]:
        """Yield index tensors that cut `total` evaluations into batches, with a progress bar where there are many."""
        parts = torch.arange(total, device=self.inputs.device).split(self.plan.batch_size)
        yield from track(parts, self.operation, len(parts)) if len(parts) > 8 else parts

    def generator(self, row: int | None, stream: int = 0) -> torch.Generator:
        """Return a private random generator of this call's seed and a row's content; None is for all rows together.

        Of the content, not of the position: a row draws the same alone as in any batch, so that it can be made again.
        stream: another number where one row needs draws that have nothing to do with each other.
        """
        content = 0
        if row is not None:
            values = self.model.input.draws_from(self.raw_inputs[row])
            content = int(tensor_digest(values)[:12], 16)
        return torch.Generator().manual_seed(((self.seed or 0) * 1_000_003 + content + stream) % 2**63)

    def note(self, name: str, values: Tensor | list) -> None:
        """Write one number (or word) per row into the diagnostics."""
        plain = values.tolist() if isinstance(values, Tensor) else values
        for diagnosis, value in zip(self.diagnostics, plain, strict=True):
            diagnosis[name] = value

    def explanation(self, method: str, values: Tensor | list[Tensor], over: str, **fields: Any) -> Explanation:
        """Return the finished explanation; raises NetworkError where a value is not finite.

        `options` are the keyword arguments that make it again, `run` what else there is to know of how it was made.
        """
        values, over, fields = self._finish(values, over, fields)
        parts = [part.detach() for part in values]
        whole = [values.detach()] if isinstance(values, Tensor) else parts
        by_gradient = method in METHODS and METHODS[method].needs_gradient
        if over == "input" and isinstance(values, Tensor) and by_gradient:
            self._check_categories(values)
            self.kind.check_gradients()
        if not all(map(all_finite, whole)):
            raise NetworkError("values", expected="finite numbers", got="NaN or infinity")
        self.note("zero_map", _all_zero(values))
        if self.model.task in ("classification", "binary"):
            self.note("saturated", (self.prediction.max(1).values > SATURATED).tolist())
        exact: dict[str, object] = {"exact": True} if self.exact else {}
        run = {**fields.pop("run", {}), **self.plan.options()}
        if layout := self.kind.layout:
            run["inputs"] = layout
        if self.model.memory.read:
            run["output"] = self.model.memory.read
        if self.layer is not None:
            exact["layer"] = run["explains"] = self.layer
        # As a file has them, so that a loaded explanation is the same one.
        options = as_plain({**fields.pop("options", {}), **exact, "run": run})
        named: dict[str, Any] = {"names": self._names(), **fields}
        return Explanation(
            method=method,
            inputs=self.raw_inputs,
            target=self.target.labels(),
            values=values.detach() if isinstance(values, Tensor) else parts,
            over=over,
            prediction=self.prediction,
            options=options,
            model_digest=LaterDigest(self),
            classes=tuple(self.model.classes or ()),
            diagnostics=tuple(dict(row) for row in self.diagnostics),
            evidence=((),) * len(self),
            background=self.background_values,
            seed=self.seed,
            **named,
        )

    def _check_categories(self, values: Tensor) -> None:
        """Raise InputError where a category got 0 in every row, though another word there changes the scores.

        What looks its code up in a table has no gradient: 0 would say that it does not matter.
        """
        for name, words in self.kind.categorical.items():
            column = self._names().index(name)
            if len(words) < 2 or bool(values[:, column].any()):
                continue
            before, other = self.scores(self.inputs, self.rows), self.inputs.clone()
            other[:, column] = (other[:, column] + 1) % len(words)
            if not torch.allclose(self.scores(other, self.rows), before, rtol=1e-4, atol=1e-6):
                wanted = "columns that the network reads as numbers (lime_tabular, kernel_shap, occlusion take others)"
                raise InputError("inputs", expected=wanted, got=f"the category {name!r}, whose code is looked up")

    def _finish(self, values: Tensor | list[Tensor], over: str, fields: dict) -> tuple[Tensor | list, str, dict]:
        """Return values, what they are over, and further fields, as the caller's inputs have them; padding gets 0."""
        present = self.present
        if over == "input" and present is not None and isinstance(values, Tensor):
            values = torch.where(present[:, :, None], values, torch.zeros_like(values))
        return values, over, fields

    def _names(self) -> tuple[str, ...]:
        return tuple(getattr(self.model.input, "names", ()))


def _all_zero(values: Tensor | list[Tensor]) -> list[bool]:
    """Say of each row whether it is 0 everywhere."""
    if isinstance(values, Tensor) and values.numel():
        return (~values.detach().flatten(1).any(1)).tolist() if values.ndim > 1 else (values == 0).tolist()
    return [not bool(part.any()) for part in values]
