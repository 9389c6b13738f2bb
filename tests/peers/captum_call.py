"""A call of captum in this library's words: its forward function as a model, its inputs as a batch, its target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import xai
from xai import Model, TensorInput
from xai.model.target_functions import TargetFunction, function

__all__ = ["NotSaid", "Said", "layer_name"]


class NotSaid(Exception):
    """What captum is asked has no form here; the message is the reason."""


class _Function(nn.Module):
    """A function as a module, since a model wraps a module."""

    def __init__(self, run: Callable) -> None:
        super().__init__()
        self.run = run

    def forward(self, *parts: object) -> object:
        return self.run(*parts)


class Said:
    """One call: `model`, `batch` and `target` are this library's; `given_back` turns values into captum's form."""

    def __init__(self, run: Callable, inputs: Any, extra: Any, target: Any = None, *, packed: bool = False) -> None:
        self.single = not isinstance(inputs, tuple)
        self.inputs: tuple[Tensor, ...] = (inputs,) if self.single else inputs
        if not all(isinstance(part, Tensor) for part in self.inputs):
            raise NotSaid("inputs that are no tensors")
        if any(part.ndim == 0 or len(part) != len(self.inputs[0]) for part in self.inputs):
            raise NotSaid("inputs with other numbers of rows")
        self.extra = () if extra is None else extra if isinstance(extra, tuple) else (extra,)
        self.rows = len(self.inputs[0])
        # A tensor with a row for each input travels along; the others are the same in every call.
        along = {f"extra{place}": part for place, part in enumerate(self.extra) if self._travels(part)}
        self.several = packed or not self.single or bool(along)
        self.names = [f"input{place}" for place in range(len(self.inputs))]
        parts = dict(zip(self.names, map(self._rows, self.inputs), strict=True))
        if self.several:
            kinds: dict[str, Any] = {name: TensorInput(shape=tuple(part.shape[1:])) for name, part in parts.items()}
            kinds |= {name: part[0].detach() for name, part in along.items()}
            self.kind = xai.Inputs(**kinds)
            self.batch: Any = self.kind.prepare(parts | {name: part.detach() for name, part in along.items()})
        else:
            self.kind, self.batch = TensorInput(), parts[self.names[0]]
        network = run if isinstance(run, nn.Module) else _Function(run)
        # Read once, outside: whether an output is one number a row, and how many axes it has.
        self.output = self._asked(network)
        self.model = Model(network, task="regression", input=self.kind, forward=self._forward)
        self.target = self._target(target)

    def _travels(self, part: object) -> bool:
        return isinstance(part, Tensor) and part.ndim > 0 and len(part) == self.rows

    def _rows(self, part: Tensor) -> Tensor:
        part = part.detach() if part.is_floating_point() else part.detach().float()
        return part[:, None] if part.ndim == 1 else part  # a batch of single numbers

    def _forward(self, network: nn.Module, handed: Any) -> object:
        parts = handed if isinstance(handed, dict) else {self.names[0]: handed}
        first = [(parts[name][:, 0] if own.ndim == 1 else parts[name]).to(own.dtype)
                 for name, own in zip(self.names, self.inputs, strict=True)]  # fmt: skip
        rest = [parts.get(f"extra{place}", part) for place, part in enumerate(self.extra)]
        return network(*first, *rest)

    def _asked(self, network: nn.Module) -> Tensor:
        modes = {module: module.training for module in network.modules()}
        try:
            with torch.no_grad():
                answer = network(*(part.detach().clone() for part in self.inputs), *self.extra)
        finally:
            for module, mode in modes.items():
                module.training = mode
        if not isinstance(answer, Tensor):
            raise NotSaid("outputs that are no tensor")
        if answer.ndim == 0 or len(answer) != self.rows:
            raise NotSaid("one number for the whole batch")
        return answer

    def _target(self, target: Any) -> Any:
        if isinstance(target, Tensor):
            target = target.reshape(-1).tolist() if target.numel() > 1 else int(target)
        if isinstance(target, list) and len(target) == 1:
            (target,) = target
        if isinstance(target, TargetFunction):
            return target
        axes = self.output.ndim
        if target is None:
            if self.output[0].numel() != 1:
                raise NotSaid("no target, of several outputs")
            return 0 if axes <= 2 else function(lambda output: output.flatten(1)[:, 0], "the output")
        if isinstance(target, list):
            return [self._place(item) for item in target]
        return self._place(target)

    def _place(self, item: int | tuple[int, ...]) -> Any:
        place = item if isinstance(item, tuple) else (item,)
        if self.output.ndim == 2 and len(place) == 1 and place[0] >= 0:
            return place[0]
        if self.output.ndim > len(place) + 1:
            raise NotSaid("a target that leaves several numbers")
        return function(lambda output: output[(slice(None), *place)], f"output {place}")

    def start(self, baselines: Any) -> Any:
        """Return a baseline: one for all inputs, or one each, as a number or a tensor."""
        parts = self._parts(baselines, "baselines")
        if parts is None:
            return "zero"
        rows = []
        for own, part in zip(self.inputs, parts, strict=True):
            part = torch.as_tensor(part, dtype=own.dtype if own.is_floating_point() else torch.float32)
            if (part.ndim and part.shape[1:] != own.shape[1:]) or (part.ndim and len(part) not in (1, self.rows)):
                raise NotSaid("baselines of another shape")
            rows.append(self._rows(part.expand_as(own) if part.ndim != 0 or own.ndim else part))
        return self._packed(rows, self.batch) if self.several else rows[0]

    def rows_of_data(self, baselines: Any) -> Any:
        """Return baselines that stand behind every row, (B, ...)."""
        if callable(baselines):
            baselines = baselines()
        parts = self._parts(baselines, "baselines")
        if parts is None or not all(isinstance(part, Tensor) for part in parts):
            return self.start(baselines)[:1] if parts is not None else "zero"
        if len({len(part) for part in parts}) > 1:
            raise NotSaid("baselines with other numbers of rows")
        if any(own.shape[1:] != part.shape[1:] for own, part in zip(self.inputs, parts, strict=True)):
            raise NotSaid("baselines of another shape")
        rows = [self._rows(part.to(own.dtype)) for own, part in zip(self.inputs, parts, strict=True)]
        if not self.several:
            return rows[0]
        if self.kind.companions:
            raise NotSaid("several baselines beside tensors that travel along")
        return self._packed(rows, rows[0])

    def each_row(self, explain: Callable[[Any, Any, int], Any]) -> list[Any]:
        """Return what explains each row alone, from a batch of one, its target and its number."""
        chosen = self.target if isinstance(self.target, list) else [self.target] * self.rows
        return [explain(self.batch[[row]], chosen[row], row) for row in range(self.rows)]

    def _packed(self, rows: list[Tensor], batch: Tensor) -> Tensor:
        along = self.kind.unpack(batch) if self.kind.companions else {}
        return self.kind.pack(along | dict(zip(self.names, rows, strict=True)))

    def parts(self, feature_mask: Any) -> Any:
        """Return labels (N or 1, D) of a feature mask, by default a part for each number; companions are no part."""
        given, labels, most = self._parts(feature_mask, "feature_mask"), {}, 0
        for place, (name, own) in enumerate(zip(self.names, self.inputs, strict=True)):
            like = self._rows(own)
            if given is None:
                labels[name] = most + torch.arange(like[0].numel()).view(1, *like.shape[1:])
                most += like[0].numel()
                continue
            part = given[place]
            part = part[:, None] if own.ndim == 1 and part.ndim == 1 else part
            labels[name] = part.long().expand(len(part), *like.shape[1:]) if part.ndim == like.ndim else part.long()
        count = max(len(part) for part in labels.values())
        whole = {name: part.expand(count, *part.shape[1:]) for name, part in labels.items()}
        for name, companion in self.kind.companions.items():
            whole[name] = torch.zeros(count, *companion.shape, dtype=torch.long)
        found = self.kind.pack(whole)
        return found[0] if count == 1 else found

    def _parts(self, given: Any, called: str) -> tuple[Any, ...] | None:
        if given is None:
            return None
        parts = given if isinstance(given, tuple) else (given,)
        if len(parts) == 1 and not isinstance(given, tuple):
            parts = parts * len(self.inputs) if not isinstance(given, Tensor) else parts
        if len(parts) != len(self.inputs):
            raise NotSaid(f"{called} that do not fit the inputs")
        return parts

    def given_back(self, values: Tensor) -> Any:
        """Return values of the batch in captum's form: a tensor, or a tuple of them."""
        found = self.kind.unpack(values) if self.several else {self.names[0]: values}
        parts = tuple(found[name].reshape(own.shape)
                      for name, own in zip(self.names, self.inputs, strict=True))  # fmt: skip
        return parts[0] if self.single else parts

    def of_parts(self, explanations: list[Any]) -> Any:
        """Return the value of the part that each number belongs to, in captum's form."""
        rows = []
        for made in explanations:
            labels = made.segments
            for place, values in enumerate(made.values):
                row = torch.arange(len(values)) if labels is None else labels[place]
                rows.append(values[row.clamp_min(0)] * (row >= 0))
        return self.given_back(torch.stack(rows))


def layer_name(made: Any) -> str:
    """Return the name of the layer of an object of captum."""
    network = made.forward_func
    if not isinstance(network, nn.Module):
        raise NotSaid("a layer of a function")
    found = next((name for name, one in network.named_modules() if one is made.layer), "")
    if not found:
        raise NotSaid("a layer that is the network itself")
    return found
