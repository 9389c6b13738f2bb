"""Which rule of LRP a layer has by its name, and the rules of a layer that reads the network's input."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from xai.attribution.backward_rules import Operation
from xai.attribution.lrp_rules import ALPHA_BETA, EPSILON, GAMMA, Split, back_through, bias_of, run_with, stable
from xai.base.errors import InputError, describe
from xai.model.session import Session

__all__ = ["AT_INPUT", "InputRelevance", "LayerRules", "as_shares", "at_input"]

ZPLUS = "zplus"
AT_INPUT = ("zbox", "flat", "wsquare")
BY_LAYER = (EPSILON, GAMMA, ZPLUS, ALPHA_BETA, *AT_INPUT)


class LayerRules:
    """The rules that a caller chose by the name of a layer, or of a module around several; the innermost counts."""

    def __init__(self, network: nn.Module, rules: object) -> None:
        if rules is not None and not isinstance(rules, Mapping):
            raise InputError("rules", expected="a dictionary from names of layers to rules", got=describe(rules))
        self.chosen: dict[str, str] = dict(rules or {})
        self.used: set[str] = set()
        known = dict(network.named_modules())
        for name, rule in self.chosen.items():
            if not isinstance(name, str) or not name or name not in known:
                some = ", ".join(list(known)[1:6])
                raise InputError("rules", expected=f"names of layers, such as {some}", got=repr(name))
            if rule not in BY_LAYER:
                raise InputError("rules", expected=f"one of {', '.join(BY_LAYER)} for {name!r}", got=repr(rule))

    def of(self, layer: str, otherwise: str) -> str:
        """Return the rule of a layer at work."""
        parts = layer.split(".")
        for count in range(len(parts), 0, -1):
            name = ".".join(parts[:count])
            if name in self.chosen:
                self.used.add(name)
                return self.chosen[name]
        return otherwise

    def check_used(self) -> None:
        """Raise InputError where a name stands for no layer with weights that ran."""
        unused = next((name for name in self.chosen if name not in self.used), None)
        if unused is not None:
            wanted = "linear layers or convolutions that the forward pass reaches"
            raise InputError("rules", expected=wanted, got=repr(unused))


class InputRelevance:
    """The relevance of the input by rules that need no activation: a value of 0 may have some."""

    def __init__(self, session: Session, batch: Tensor) -> None:
        self.batch, self.kind = batch.detach(), session.kind
        self.total: Tensor | None = None

    def ends(self, rule: str, name: str, source: Tensor) -> tuple[Tensor, Tensor]:
        """Return the least and largest input as a layer reads it; raise InputError where it reads no input."""
        seen = self.kind.feed(self.batch)
        fits = isinstance(seen, Tensor) and seen.numel() == source.numel()
        if not fits or not torch.equal(seen.reshape(source.shape).to(source.dtype), source.detach()):
            raise InputError("rules", expected=f"{rule!r} at a layer that reads the network's input", got=repr(name))
        if rule != "zbox":
            return source, source
        limits = self.kind.limits
        if limits is None:
            raise InputError("rules", expected="inputs with a range, for 'zbox'", got=f"any {self.kind.kind}")
        low, high = (self.kind.feed(torch.full_like(self.batch, end)) for end in limits)
        if not isinstance(low, Tensor) or not isinstance(high, Tensor):
            raise InputError("rules", expected="inputs of numbers, for 'zbox'", got=describe(low))
        return low.reshape(source.shape).to(source.dtype), high.reshape(source.shape).to(source.dtype)

    def add(self, relevance: Tensor) -> None:
        """Count what a layer hands to the input."""
        part = relevance.reshape(self.batch.shape).to(self.batch.dtype)
        self.total = part if self.total is None else self.total + part


def as_shares(rule: str, split: Split) -> tuple[str, Split]:
    """Return a rule of a layer inside the network in the terms of `shares`."""
    return (ALPHA_BETA, split._replace(alpha=1.0)) if rule == ZPLUS else (rule, split)


def at_input(
    rule: str, epsilon: float, layer: Operation, source: Tensor, ends: tuple[Tensor, Tensor], relevance: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the relevance of each value that a layer reads, like `source`, and what its biases keep.

    zbox: contributions are measured from the least input through positive weights and the largest through negative
    ones, the `ends`. flat: every value that a unit reads gets the same. wsquare: in proportion to its squared weight.
    """
    weight = layer.argument(1, "weight")
    if rule == "zbox":
        low, high = ends
        above, below = weight.clamp_min(0), weight.clamp_max(0)
        least = run_with(layer, low, above) + run_with(layer, high, below)
        signal = relevance / stable(run_with(layer, source, weight) - least, epsilon)
        handed = source * back_through(layer, source, weight, signal) - low * back_through(layer, source, above, signal)
        return handed - high * back_through(layer, source, below, signal), torch.zeros_like(relevance)
    ones = torch.ones_like(source)
    share = torch.ones_like(weight) if rule == "flat" else weight.square()
    bias = bias_of(layer, relevance).square() * (rule == "wsquare")
    signal = relevance / stable(run_with(layer, ones, share) + bias, epsilon)
    return back_through(layer, source, share, signal), signal * bias
