"""What captum is handed, and what comes back: one batch, or several with what travels along."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from xai.base.errors import InputError, describe
from xai.inputs.base import Input
from xai.inputs.several import SeveralInputs
from xai.model.model import Model

__all__ = ["Handed", "Scores", "handed", "with_function"]


class Scores(nn.Module):
    """A model's scores (n, K) for a batch in the caller's units, as the module that captum is handed."""

    def __init__(self, model: Model, of_network: bool) -> None:
        super().__init__()
        self.network = model.network
        self.run = model.forward_on
        self.kind = model.input
        self.columns = (lambda raw: raw) if of_network else model.columns

    def forward(self, *arguments: Any) -> Tensor:
        batch = arguments[0]
        if isinstance(self.kind, SeveralInputs):
            names = [*self.kind.kinds, *self.kind.companions]
            batch = self.kind.pack({name: part.to(batch) for name, part in zip(names, arguments, strict=False)})
        return self.columns(self.run(self.network, batch))


@dataclass(frozen=True)
class Handed:
    """What captum is called with: `parts` are explained, `along` (its `additional_forward_args`) are not.

    Of several inputs `kind` says how their values become those of one batch again.
    """

    parts: tuple[Tensor, ...]
    along: tuple[object, ...]
    kind: SeveralInputs | None
    rest: Mapping[str, Tensor]  # the parts of several inputs that have no values

    @property
    def inputs(self) -> Tensor | tuple[Tensor, ...]:
        """Return the inputs as captum takes them."""
        return self.parts[0] if self.kind is None else self.parts

    @property
    def floating(self) -> bool:
        """Say whether all that is explained are real numbers."""
        return all(part.is_floating_point() for part in self.parts)

    def all(self) -> list[Any]:
        """Return the arguments of the forward function, which may change them."""
        return [*(part.clone() for part in self.parts), *self.along]

    def settings(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the keyword arguments of captum's `attribute` with what travels along."""
        return {**asked, "additional_forward_args": self.along} if self.along else asked

    def whole(self, values: Any) -> Any:
        """Return captum's values of several inputs as those of one batch (N, D)."""
        if self.kind is None or not isinstance(values, tuple | list) or len(values) != len(self.parts):
            return values
        if any(value.shape != part.shape for value, part in zip(values, self.parts, strict=True)):
            return values
        return self.kind.pack({**dict(zip(self.kind.kinds, values, strict=True)),
                               **{name: torch.zeros_like(part) for name, part in self.rest.items()}})  # fmt: skip

    def start(self, baselines: Any) -> Tensor | None:
        """Return baselines as captum takes them as one batch (N, ...), those of several rows as their middle."""
        count = 1 if isinstance(baselines, Tensor) else len(self.parts)
        starts = baselines if isinstance(baselines, tuple) else (baselines,) * count
        if len(starts) != len(self.parts):
            return None
        made = []
        for start, part in zip(starts, self.parts, strict=True):
            if isinstance(start, Tensor) and start.shape[1:] == part.shape[1:] and len(start) not in (1, len(part)):
                start = start.mean(0, keepdim=True)
            if start is None or isinstance(start, int | float):
                start = torch.full_like(part, float(start or 0))
            if not isinstance(start, Tensor):
                return None
            made.append(start.to(part).expand_as(part))
        if self.kind is None:
            return made[0]
        return self.kind.pack({**dict(zip(self.kind.kinds, made, strict=True)), **self.rest})


def handed(kind: Input, batch: Tensor, settings: Mapping[str, Any]) -> Handed:
    """Return what captum is handed for a batch (N, ...); the caller's own `additional_forward_args` come first."""
    arguments = settings.get("additional_forward_args")
    further = None if arguments is None else arguments if isinstance(arguments, tuple) else (arguments,)
    if not isinstance(kind, SeveralInputs):
        return Handed((batch.detach().clone(),), further or (), None, {})
    kind.check_gradients()
    parts = kind.unpack(batch.detach())
    rest = {name: parts[name] for name in kind.companions}
    along = further if further is not None else tuple(kind.handed(batch.detach())[name] for name in kind.companions)
    return Handed(tuple(parts[name].clone() for name in kind.kinds), along, kind, rest)


def with_function(method: Any, scores: nn.Module) -> Any:
    """Return a copy of an object of captum with another forward function; the caller's own stays as it is."""
    made = copy.copy(method)
    inner = getattr(made, "attribution_method", None)
    if inner is not None:
        made.attribution_method = with_function(inner, scores)
    names = [name for name in ("forward_func", "model", "grad_cam", "guided_backprop") if hasattr(made, name)]
    if not names and inner is None:
        raise InputError("methods", expected="an object of captum with a forward function", got=describe(method))
    for name in names:
        part = getattr(made, name)
        setattr(made, name, with_function(part, scores) if hasattr(part, "forward_func") else scores)
    return made
