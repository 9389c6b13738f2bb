"""MatchedPair: a model with a fault and the same without it, and the steps that all planted kinds share."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.planted_worlds import Columns, World, fitted
from xai.auditing.audit_data import AuditData
from xai.inputs.table import TabularInput
from xai.model.model import Model

__all__ = [
    "Audited",
    "MatchedPair",
    "called",
    "effect_of",
    "fitted_model",
    "matched_tables",
    "parts_of",
    "with_columns",
]

Audited = tuple[Model, AuditData]


class MatchedPair(NamedTuple):
    """A model with its data that have a fault, the same without it, and how much of the fault there is."""

    kind: str
    faulty: Audited
    clean: Audited
    effect: float


def fitted_model(made: World, inputs: Tensor, labels: Tensor, seed: int) -> Model:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = made.network()
    fitted(network, inputs, labels, seed=seed)
    return Model(network, classes=made.classes, input=made.input, name=f"{made.kind} {seed}")


def parts_of(made: World) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Return training and held-out rows."""
    return tuple((made.inputs[rows].clone(), made.labels[rows].clone()) for rows in (made.train, made.held_out))


@torch.no_grad()
def called(model: Model, inputs: Tensor) -> Tensor:
    return model.network(inputs).argmax(1)


def effect_of(models: tuple[Model, Model], rows: Tensor, put: Callable[[Tensor], Tensor], target: int) -> float:
    """Return the share of rows of other answers that a trigger moves to its class, less what it does to the control."""
    shares = []
    for model in models:
        others = called(model, rows) != target
        shares.append(float((called(model, put(rows))[others] == target).double().mean()) if others.any() else 0.0)
    return shares[0] - shares[1]


def with_columns(made: World, columns: dict[str, Tensor]) -> World:
    """Return a table with more columns of numbers, in front."""
    names = [*columns, *made.input.names]
    inputs = torch.cat([torch.stack(list(columns.values()), 1).float(), made.inputs], 1)
    shape = TabularInput(names, categorical=made.input.categorical)

    def network() -> nn.Sequential:
        built = nn.Sequential(
            Columns(shape), nn.LazyLinear(48), nn.ReLU(), nn.LazyLinear(24), nn.ReLU(), nn.LazyLinear(2)
        )
        built(inputs[:2])
        return built

    return World("table", inputs, made.labels, made.groups, shape, made.classes, network)


def matched_tables(with_fault: World, without: World, seed: int, effect: Callable[[Model], float]) -> MatchedPair:
    audited = []
    for made in (with_fault, without):
        train, tested = parts_of(made)
        audited.append((fitted_model(made, *train, seed), AuditData(*tested, train=train)))
    return MatchedPair("table", *audited, effect(audited[0][0]))
