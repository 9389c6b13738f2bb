"""A trained network with everything that an explanation must know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xai.base.arrays import single
from xai.base.errors import InputError, XaiError, describe, names_errors
from xai.inputs.base import Input
from xai.inputs.tensor import TensorInput
from xai.model.activations import activations_of
from xai.model.card import ModelCard, read_card
from xai.model.class_names import class_names
from xai.model.declared import check_declared
from xai.model.memory import Memory
from xai.model.opening import ENOUGH, open_session
from xai.model.outputs import columns, log_probabilities, probabilities
from xai.model.read_output import read_scores
from xai.model.session import Session
from xai.model.settle_time import settle_time
from xai.model.target_functions import unit
from xai.model.target_model import Aim, aimed_at
from xai.model.text_padding import run_rows
from xai.model.tracing import traced
from xai.network.digest import network_digest
from xai.network.function_module import FunctionModule
from xai.network.gradients import differentiable_pass, failed_pass
from xai.network.guard import untouched
from xai.network.hooks import StopForward, find_layer
from xai.network.modules import first_parameter
from xai.network.trace import Trace

__all__ = ["Model"]


class Model:
    """Wraps a network for explanation.

    Args:
        network: Any module that maps a batch to scores (N, K), (N,), or a tuple, dict or dataclass with them.
        task: "classification", "binary" (one logit or two), "multilabel" or "regression".
        output: What the network puts out: "logits", "probabilities" or "log_probabilities"; said by the caller, never
            guessed, and contradicted with a warning.
        classes: Names of the outputs, in their order or by their number ({0: "cat", 1: "dog"}).
        input: ImageInput, TabularInput, SequenceInput, TextInput or TensorInput (anything, handed over as it is).
        forward: How to call the network, (network, batch) -> output, where calling it with the batch will not do.
        output_key: Which tensor the scores are where several can be: a key, field or place, those inside others joined
            by dots ("head.scores"). What is called logits needs none.
        name: What reports call it; by default the network's class.
        card: What whoever signs off must know, shown in audits: a dict of the texts `intended_use`, `out_of_scope` and
            `data` and of a list of them, `limits`, each of them optional.

    >>> model = Model(nn.Linear(3, 2), classes=["no", "yes"])
    >>> model.predict(torch.zeros(4, 3)).shape
    torch.Size([4, 2])
    """

    @names_errors("Model")
    def __init__(
        self,
        network: nn.Module,
        *,
        task: str = "classification",
        output: str = "logits",
        classes: Sequence[str] | Mapping[int, str] | None = None,
        input: Input | None = None,
        forward: Callable[[nn.Module, Any], object] | None = None,
        output_key: str | int | None = None,
        name: str | None = None,
        card: ModelCard | Mapping[str, object] | None = None,
    ) -> None:
        check_declared(network, task, output, input, output_key)
        self.network, self.task, self.output = network, task, output
        self.classes = None if classes is None else class_names(classes)
        self.input: Input = input if input is not None else TensorInput()
        self.forward = forward
        self.output_key = output_key
        self.name = name or type(network).__name__
        self.card = read_card(card)
        self.source: Path | None = None
        self.aim: Aim | None = None  # of a model whose outputs are targets
        self.memory = Memory(time_known=input is not None)  # else it is found from the first series
        self.shared: dict[tuple, Tensor] | None = None  # scores by batch, while several explanations are made

    @classmethod
    @names_errors("Model.from_callable")
    def from_callable(
        cls,
        function: Callable[[np.ndarray], np.ndarray],
        *,
        classes: Sequence[str] | None = None,
        input: Input | None = None,
        task: str = "classification",
        name: str | None = None,
        card: ModelCard | Mapping[str, object] | None = None,
    ) -> Model:
        """Wrap any function from a batch to probabilities (N, K), for the perturbation methods.

        Args:
            function: Of a NumPy array, with a TextInput without vocabulary of a list of strings.
            classes: Names of the outputs.
            input: The kind of input, as for `Model`.
            task: As for `Model`; a regression's function gives values (N, K).
            name: What reports call it; by default the function's name.
            card: As for `Model`.
        """
        output = "logits" if task == "regression" else "probabilities"
        name = getattr(function, "__name__", "callable") if name is None else name
        declared: dict[str, Any] = {"task": task, "output": output, "classes": classes, "input": input}
        return cls(FunctionModule(function), **declared, name=name, card=card)

    def __repr__(self) -> str:
        return f"Model({self.name}, task={self.task}, output={self.output}, input={self.input.kind})"

    @property
    def device(self) -> torch.device:
        """Return the device of the network's first parameter."""
        return getattr(first_parameter(self.network), "device", torch.device("cpu"))

    @property
    def dtype(self) -> torch.dtype:
        """Return the floating type of the network's first parameter; float32 where it has none."""
        return self._own_dtype() or torch.float32

    def _own_dtype(self) -> torch.dtype | None:
        return getattr(first_parameter(self.network, floating=True), "dtype", None)

    def digest(self) -> str:
        """Return the SHA-256 of the weights, read anew each time."""
        return network_digest(self.network)

    def prepare(self, inputs: object, argument: str = "inputs") -> Tensor:
        """Return inputs as a batch in the caller's units on the network's device, at least float32; words as int64.

        Args:
            inputs: In any form that the kind of input takes.
            argument: What an error calls them.

        Raises:
            InputError: They are something else.
        """
        # A copy: what the caller does to their tensor later must not change what was explained. In one memory layout,
        # since among equal maxima another layout finds another one first.
        batch = settle_time(self, self.input.exact(inputs, argument).to(self.device))
        batch = batch.clone(memory_format=torch.contiguous_format)
        if not batch.is_floating_point():
            return batch
        dtype = self._own_dtype()
        if dtype is None:  # a function: in the precision of the batch
            return batch.to(torch.promote_types(batch.dtype, torch.float32))
        return batch.double() if dtype == torch.float64 else single(batch, argument, self.input.names)

    def _seen(self, batch: Tensor | list[str]) -> Tensor | list[str]:
        """Return what the network is called with."""
        seen = self.input.feed(batch)
        if not isinstance(seen, Tensor) or not seen.is_floating_point():
            return seen.to(self.device) if isinstance(seen, Tensor) else seen
        # The clone is what an in-place first layer may overwrite; it is no leaf, so autograd allows it.
        return seen.clone().to(self._own_dtype() or seen.dtype)

    def forward_on(self, network: nn.Module, batch: Tensor | list[str]) -> Tensor:
        """Run a network (this model's, or a form of it) on a batch; returns scores (n, K), at least float32.

        Args:
            network: What is run.
            batch: In the caller's units, (n, ...). Texts come as code points, as strings or as numbers of words (see
                TextInput).

        Raises:
            NetworkError: It fails, or puts out something else.
        """
        return run_rows(self, self._seen(batch), partial(self._pass, network))

    def _pass(self, network: nn.Module, seen: Tensor | list[str]) -> Tensor:
        if self.aim is not None:
            scores = self.aim.read(network, partial(self._answer, network, seen))
        else:
            scores, self.memory.read = read_scores(self._answer(network, seen), self.output_key, len(seen))
        return self.memory.widened(scores)

    def answer(self, network: nn.Module, batch: Tensor | list[str]) -> object:
        """Return what a network puts out for a batch in one pass, as it is: a tensor, or what holds several.

        Args:
            network: What is run.
            batch: In the caller's units, (n, ...).
        """
        return self._answer(network, self._seen(batch))

    def _answer(self, network: nn.Module, seen: Tensor | list[str]) -> object:
        try:
            with differentiable_pass(network):
                run, asked = self.forward, self.input
                return asked.call(network, seen) if run is None else run(network, asked.handed(seen))
        except (XaiError, StopForward):
            raise
        except Exception as error:
            raise failed_pass(f"a forward pass on a {describe(seen)}", error) from error

    def columns(self, raw: Tensor) -> Tensor:
        """Return one score per class, (n, K): of a single logit also that of the other class.

        Args:
            raw: What the network put out, (n, K).
        """
        return columns(raw, self.task, self.output)

    def probabilities(self, raw: Tensor) -> Tensor:
        """Return probabilities (n, K); of a regression, the values.

        Args:
            raw: What the network put out, (n, K).
        """
        return probabilities(raw, self.task, self.output)

    def log_probabilities(self, raw: Tensor) -> Tensor:
        """Return log-probabilities (n, K).

        Args:
            raw: What the network put out, (n, K).
        """
        return log_probabilities(raw, self.task, self.output)

    def with_network(self, network: nn.Module) -> Model:
        """Return a model of another network with the same task, output, classes and input.

        Args:
            network: The other one.
        """
        if self.aim is not None:
            return aimed_at(self.aim.base.with_network(network), self.aim.targets)
        settings: dict[str, Any] = {"task": self.task, "output": self.output, "classes": self.classes}
        settings |= {"input": self.input, "forward": self.forward, "output_key": self.output_key}
        other = Model(network, **settings, name=self.name, card=self.card)
        other.memory.rows, other.memory.time_known = self.memory.rows, self.memory.time_known
        other.memory.outputs_seen = ENOUGH  # what a changed network puts out says nothing about what was declared
        return other

    @names_errors("unit")
    def unit(self, layer: str, index: int | tuple[int, ...], *, before: bool = True) -> Model:
        """Return a model whose one output is a unit of a layer, for any method.

        Args:
            layer: The layer, by name.
            index: A channel, whose mean over positions it is, or a tuple (channel, row, column).
            before: Read a layer that is an activation function before it, so that a unit at 0 still has a gradient.

        Raises:
            LayerError: There is no such unit; said at once or in the first pass.
        """
        find_layer(self.network, layer)
        return aimed_at(self.aim.base if self.aim else self, (unit(layer, index, before=before),))

    activations = activations_of

    def predict(self, inputs: object) -> Tensor:
        """Return probabilities (N, K), or the values of a regression, for any number of inputs.

        Args:
            inputs: A batch that the model's input takes, (N, ...).
        """
        with self.explaining("predict", inputs, 0, exact=True) as session:  # a plan costs more than this one pass
            return session.prediction

    def trace(self, inputs: object = None) -> Trace:
        """Return the layers that a forward pass meets, in order.

        Args:
            inputs: Of which the first one is run; by default a blank one of the model's size.
        """
        with untouched(self.network):
            if inputs is None:
                shape = getattr(self.input, "shape", None) or (len(getattr(self.input, "names", ())),)
                if shape == (0,):
                    wanted = "a batch, since the model's input has no shape"
                    raise InputError("inputs", expected=wanted, got="none", operation="trace")
                batch = torch.zeros(1, *shape, device=self.device)
            else:
                batch = self.prepare(inputs)[:1]
            return self.trace_of(batch)

    def explaining(
        self, operation: str, inputs: object, target: object = None, **settings: Any
    ) -> AbstractContextManager[Session]:
        """Lend a session on some inputs, for methods and checks.

        Args:
            operation: What an error names.
            inputs: A batch that the model's input takes, (N, ...).
            target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
            settings: See `xai.model.opening.open_session`.
        """
        return open_session(self, operation, inputs, target, **settings)

    def trace_of(self, row: Tensor) -> Trace:
        """Return the trace of one prepared input, read once per shape; to be called inside `untouched`.

        Args:
            row: The input, (1, ...).
        """
        return traced(self, row)
