"""A model whose outputs are the targets of a call: what explains a class explains any number of the output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from xai.base.errors import TargetError, describe
from xai.model.target_function import Answer, Layer, TargetFunction
from xai.model.target_functions import class_, function
from xai.model.written_targets import is_written, read_target
from xai.network.hooks import StopForward, check_reached, recording
from xai.results.named_target import NamedTarget

if TYPE_CHECKING:
    from xai.model.model import Model

__all__ = ["Aim", "aimed", "aimed_at", "is_function"]

KEPT = 8  # aimed models of a model, so that a trace and a steadiness test are not made again with every check


@dataclass(frozen=True)
class Aim:
    """What a model with targets for outputs is made of: the model whose network runs, and what is read off."""

    base: Model
    targets: tuple[TargetFunction, ...]

    def read(self, network: nn.Module, run: Callable[[], object]) -> Tensor:
        """Return the numbers (n, K) of a forward pass that `run` makes of a network."""
        layers = tuple(dict.fromkeys(layer for target in self.targets for layer in target.layers))
        asked = {before: [name for name, way in layers if way == before] for before in {way for _, way in layers}}
        stop = len(asked) == 1 and all(target.inner for target in self.targets)  # the pass may end before the output
        recorded: dict[Layer, Tensor] = {}
        with ExitStack() as around:
            kinds = {
                before: around.enter_context(recording(network, names, before=before, stop=stop))
                for before, names in asked.items()
            }
            try:
                output = run()
            except StopForward:
                if not stop or any(name not in kinds[way] for name, way in layers):
                    raise  # another recorder has what it wants; there is no output to read
                output = None
        for before, names in asked.items():
            check_reached(kinds[before], names)
            recorded |= {(name, before): kinds[before][name] for name in names}
        return torch.stack([target.values(output, recorded) for target in self.targets], 1)


def is_function(target: object, classes: Sequence[str] | None) -> bool:
    """Say whether one target (not a list of them) is a function of the output rather than a class."""
    if isinstance(target, str):
        return target not in (classes or ()) and is_written(target)
    if isinstance(target, tuple):
        return any(is_function(part, classes) for part in target)
    return isinstance(target, NamedTarget) or (callable(target) and not isinstance(target, np.generic | Tensor | type))


def aimed(model: Model, batch: Tensor, target: object) -> tuple[Model, Any]:
    """Return a model with an output for each target function, and which of them each row has; other targets stay.

    A pair (a, b) becomes one function. To be called inside `untouched`: what depends on the row, the network is asked.
    """
    if not any(is_function(item, model.classes) for item in (target if isinstance(target, list) else [target])):
        return model, target
    targets = target if isinstance(target, list) else [target] * len(batch)
    model = model.aim.base if model.aim else model
    if len(targets) != len(batch):
        raise TargetError("target", expected=f"one per row ({len(batch)})", got=f"{len(targets)}")
    made = {id(item): _as_function(item) for item in targets}  # one for all rows that have the same
    functions = [made[id(item)] for item in targets]
    known: dict[object, Any] = {}
    fixed = [item.fixed(_answer(model, batch, row, known)) for row, item in enumerate(functions)]
    distinct = list(dict.fromkeys(fixed))
    return aimed_at(model, tuple(distinct)), [distinct.index(item) for item in fixed]


def aimed_at(model: Model, targets: tuple[TargetFunction, ...]) -> Model:
    """Return the model whose outputs (N, K) are K target functions that depend on no row."""
    kept = model.memory.aimed
    known = next((made for others, made in kept if others == targets), None)
    if known is not None:
        return known
    made = _with_outputs(model, targets)
    kept[:] = [*kept[-KEPT + 1 :], (targets, made)]
    return made


def _as_function(target: Any) -> TargetFunction:
    if isinstance(target, TargetFunction):
        return target
    if isinstance(target, NamedTarget):
        if target.written is None:
            raise TargetError("target", expected="the function itself, which no file holds", got=f"its name, {target}")
        return read_target(target.written)
    if isinstance(target, str) and is_written(target):
        return read_target(target)
    if isinstance(target, tuple):
        if len(target) != 2:
            raise TargetError("target", expected="a pair (a, b)", got=describe(target))
        return _as_function(target[0]) - _as_function(target[1])
    return function(target) if callable(target) else class_(target)


def _answer(model: Model, batch: Tensor, row: int, known: dict[object, Any]) -> Answer:
    def answer(one: Tensor) -> Any:
        with torch.no_grad():
            return model.answer(model.network, one)

    def run(inputs: object) -> Any:
        return answer(model.prepare(inputs, "reference")[:1])

    @cache  # both sides of a pair may ask
    def ask() -> Any:
        return answer(batch[row : row + 1])

    return Answer(row, model.classes or [], ask, run, known)


def _with_outputs(model: Model, targets: tuple[TargetFunction, ...]) -> Model:
    counts = Counter[str]()
    names = []
    for target in targets:
        counts[target.name] += 1
        names.append(target.name + f" ({counts[target.name]})" * (counts[target.name] > 1))
    other = type(model)(
        model.network, task="regression", classes=names, input=model.input, forward=model.forward, name=model.name
    )
    other.memory.rows, other.source, other.aim = model.memory.rows, model.source, Aim(model, targets)
    other.memory.time_known = model.memory.time_known
    return other
