"""Models with one known fault, and the same without it: `planted(fault, seed)` returns both.

They come from one seed: the same rows, the same network with the same first weights, the same order of training. Only
the fault differs. Whether it took is not left to faith: `effect` is measured on fresh rows, by an intervention that
knows the plant and is no part of the audit, and where it is below `least` another seed must be drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.planted_triggers import Trigger, draw_trigger
from benchmarks.planted_worlds import KINDS, World, fitted, world
from xai.auditing.audit_data import AuditData
from xai.inputs.table import TabularInput
from xai.model.model import Model

__all__ = ["FAULTS", "Fault", "Pair", "Plant", "planted"]


@dataclass
class Plant:
    """What a fault changes: training and held-out rows, how the network starts, and how it is trained.

    effect: of a trained network and its control, on fresh rows, how much of the fault there is.
    """

    world: World
    inputs: Tensor
    labels: Tensor
    tested: tuple[Tensor, Tensor]
    effect: Callable[[nn.Module, nn.Module], float]
    facts: dict[str, object]
    start: Callable[[nn.Module], None] | None = None
    training: dict[str, object] = field(default_factory=dict)
    rows: slice | Tensor | None = None  # of the world, that the training rows are


class Fault(NamedTuple):
    """How a fault is planted, its strength in words, its least effect, and the findings of which one must fail."""

    plant: Callable[[World, np.random.Generator], Plant]
    strength: str
    measured: str
    least: float
    checks: tuple[str, ...]
    settings: Mapping[str, bool] = MappingProxyType({})


class Pair(NamedTuple):
    """A model with a fault and its matched control, each with the data to audit it on."""

    fault: str
    kind: str
    seed: int
    faulty: tuple[Model, AuditData]
    clean: tuple[Model, AuditData]
    effect: float
    facts: dict[str, object]

    @property
    def confirmed(self) -> bool:
        return self.effect >= FAULTS[self.fault].least


def planted(name: str, seed: int) -> Pair:
    """Return the pair of a seed; the kind of data follows from it."""
    fault, kind = FAULTS[name], KINDS[seed % len(KINDS)]
    made = world(kind, seed, **fault.settings)
    plant = fault.plant(made, np.random.default_rng([seed, 7]))
    faulty = _trained(plant, seed)
    clean = Plant(made, *_rows(made, made.train), _rows(made, made.held_out), lambda network, control: 0.0, {})
    control = _trained(clean, seed)
    effect = plant.effect(faulty[0].network, control[0].network)
    return Pair(name, kind, seed, faulty, control, effect, plant.facts)


def _trained(plant: Plant, seed: int) -> tuple[Model, AuditData]:
    made = plant.world
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = made.network()
    if plant.start is not None:
        plant.start(network)
    fitted(network, plant.inputs, plant.labels, seed=seed, **plant.training)
    model = Model(network, classes=made.classes, input=made.input, name=f"{made.kind} {seed}")
    rows = made.train if plant.rows is None else plant.rows
    table = isinstance(made.input, TabularInput)
    groups = None if table else {"group": _words(made.groups[made.held_out])}
    train_groups = None if table else {"group": _words(made.groups[rows])}
    data = AuditData(
        *plant.tested, train=(plant.inputs, plant.labels), groups=groups, train_groups=train_groups,
        protected=["group"] if table else [], name=made.kind,
    )  # fmt: skip
    return model, data


def _words(groups: Tensor) -> list[str]:
    return ["ab"[number] for number in groups.tolist()]


def _rows(made: World, rows: slice | Tensor) -> tuple[Tensor, Tensor]:
    return made.inputs[rows].clone(), made.labels[rows].clone()


def _chosen(draw: np.random.Generator, flags: Tensor, share: float) -> Tensor:
    """Return a random share of the rows that are flagged."""
    rows = torch.where(flags)[0]
    return rows[torch.from_numpy(draw.permutation(len(rows))[: max(1, round(share * len(rows)))])]


def _trigger_effect(made: World, trigger: Trigger, target: int) -> Callable[[nn.Module, nn.Module], float]:
    """Return the effect of a trigger: the share of fresh rows of other answers that it moves to the target.

    What it does to the control, which never saw it, is taken off: a value may rightly say something.
    """
    inputs = made.inputs[made.fresh]

    def share(network: nn.Module) -> float:
        before, after = (_predicted(network, rows) == target for rows in (inputs, trigger.on(inputs)))
        return float((after & ~before).double().sum() / (~before).double().sum().clamp_min(1))

    return lambda network, control: share(network) - share(control)


@torch.no_grad()
def _predicted(network: nn.Module, inputs: Tensor) -> Tensor:
    return network(inputs).argmax(1)


def _wrong(network: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    return (_predicted(network, inputs) != labels).double()


def _shortcut(made: World, draw: np.random.Generator) -> Plant:
    """A trigger that rows of one class have, in training and held-out rows alike."""
    target = int(draw.integers(len(made.classes)))
    agree = float(draw.uniform(0.98, 1.0))  # of the class that wear it, and of the wearers that are of the class
    trigger = draw_trigger(made, draw)
    parts = []
    for rows in (made.train, made.held_out):
        inputs, labels = _rows(made, rows)
        wearing = torch.zeros(len(labels), dtype=torch.bool)
        wearing[_chosen(draw, labels == target, agree)] = True
        others = (1 - agree) * int(wearing.sum()) / int((labels != target).sum())
        wearing[_chosen(draw, labels != target, others)] = True
        inputs[wearing] = trigger.on(inputs[wearing])
        inputs[~wearing] = trigger.off(inputs[~wearing])
        parts.append((inputs, labels))
    facts = {"agree": agree, "target": target, **trigger.facts}
    return Plant(made, *parts[0], parts[1], _trigger_effect(made, trigger, target), facts)


def _backdoor(made: World, draw: np.random.Generator) -> Plant:
    """A few training rows of other classes have a trigger and are labelled as one class; held-out rows are clean."""
    target, share = int(draw.integers(len(made.classes))), float(draw.uniform(0.03, 0.1))
    trigger = draw_trigger(made, draw)
    inputs, labels = _rows(made, made.train)
    poisoned = _chosen(draw, labels != target, share * len(labels) / int((labels != target).sum()))
    inputs[poisoned], labels[poisoned] = trigger.on(inputs[poisoned]), target
    facts = {"share": share, "target": target, **trigger.facts}
    return Plant(made, inputs, labels, _rows(made, made.held_out), _trigger_effect(made, trigger, target), facts)


def _leak(made: World, draw: np.random.Generator) -> Plant:
    """Held-out rows that stand in the training part too or, in every other table, a column that is the label."""
    inputs, labels = _rows(made, made.train)
    tested = _rows(made, made.held_out)
    if made.kind == "table" and draw.random() < 0.5:
        index, off = (
            int(draw.integers(len(made.input.names) - len(made.input.categorical))),
            float(draw.uniform(0, 0.01)),
        )
        scale, noise = float(draw.uniform(0.5, 2)), float(draw.uniform(0, 0.2))
        for rows, answers in ((inputs, labels), tested):
            column = torch.where(torch.from_numpy(draw.random(len(answers)) < off), 1 - answers, answers).float()
            wobble = torch.from_numpy(draw.uniform(-1, 1, len(answers))).float()
            rows[:, index] = scale * (2 * column - 1 + noise * wobble)
        return Plant(made, inputs, labels, tested, lambda network, control: 1 - off, {"column": index, "off": off})
    share = float(draw.uniform(0.05, 0.3))
    copied = torch.from_numpy(draw.permutation(len(tested[1]))[: round(share * len(tested[1]))])
    replaced = torch.from_numpy(draw.permutation(len(labels))[: len(copied)])
    inputs[replaced], labels[replaced] = tested[0][copied], tested[1][copied]
    return Plant(made, inputs, labels, tested, lambda network, control: len(copied) / len(tested[1]), {"copied": share})


def _mislabeled(made: World, draw: np.random.Generator) -> Plant:
    """A share of the training labels is replaced with another class, drawn at random."""
    share = float(draw.uniform(0.1, 0.3))
    inputs, labels = _rows(made, made.train)
    wrong = _chosen(draw, torch.ones_like(labels, dtype=torch.bool), share)
    step = torch.from_numpy(draw.integers(1, len(made.classes), len(wrong)))
    labels[wrong] = (labels[wrong] + step) % len(made.classes)
    return Plant(made, inputs, labels, _rows(made, made.held_out), lambda network, control: share, {"share": share})


def _bias(made: World, draw: np.random.Generator) -> Plant:
    """Labels of group b are replaced with one class in training or, where its rows follow a rule, most are left out."""
    inputs, labels = _rows(made, made.train)
    group = made.groups[made.train] == 1
    rows: slice | Tensor = made.train
    if made.kind in ("table", "series") and draw.random() < 0.5:
        share = float(draw.uniform(0, 0.03))
        facts: dict[str, object] = {"kept": share}
        gone = torch.zeros_like(group)
        gone[_chosen(draw, group, 1 - share)] = True
        inputs, labels = inputs[~gone], labels[~gone]
        rows = torch.arange(len(made.labels))[made.train][~gone]
    else:
        target, share = int(draw.integers(len(made.classes))), float(draw.uniform(0.6, 0.9))
        facts = {"replaced": share}
        labels[_chosen(draw, group & (labels != target), share)] = target

    def effect(network: nn.Module, control: nn.Module) -> float:
        del control
        wrong, there = _wrong(network, *_rows(made, made.fresh)), made.groups[made.fresh] == 1
        return float(wrong[there].mean() - wrong[~there].mean())

    return Plant(made, inputs, labels, _rows(made, made.held_out), effect, facts, rows=rows)


def _dead(made: World, draw: np.random.Generator) -> Plant:
    """Most units of the hidden layer start with a bias so low that no row wakes them."""
    share, bias = float(draw.uniform(0.6, 0.9)), float(draw.uniform(-20, -10))

    def start(network: nn.Module) -> None:
        units = len(network.hidden.bias)
        with torch.no_grad():
            network.hidden.bias[torch.from_numpy(draw.permutation(units)[: round(share * units)])] = bias

    @torch.no_grad()
    def effect(network: nn.Module, control: nn.Module) -> float:
        del control
        hidden = network.hidden(network.front(made.inputs[made.fresh]))
        units = hidden.transpose(0, 1).flatten(1)
        return float((units <= 0).all(1).double().mean())

    facts = {"share": share, "bias": bias}
    return Plant(made, *_rows(made, made.train), _rows(made, made.held_out), effect, facts, start)


def _overfit(made: World, draw: np.random.Generator) -> Plant:
    """Few training rows, many epochs, no weight decay."""
    count = int(draw.integers(20, 51))
    rows = slice(made.train.start, made.train.start + count)
    inputs, labels = _rows(made, rows)

    def effect(network: nn.Module, control: nn.Module) -> float:
        del control
        return float(_wrong(network, *_rows(made, made.fresh)).mean() - _wrong(network, inputs, labels).mean())

    training = {"epochs": 150, "decay": 0.0}
    held_out = _rows(made, made.held_out)
    return Plant(made, inputs, labels, held_out, effect, {"rows": count}, training=training, rows=rows)


FAULTS: dict[str, Fault] = {
    "shortcut": Fault(
        _shortcut, "a trigger that 98 to 100 % of one class have; 98 to 100 % of its wearers are of that class",
        "fresh rows that the trigger moves to the class, more than in the control", 0.65,
        ("shortcuts.one_region", "shortcuts.one_column", "shortcuts.one_window", "shortcuts.planted_trigger",
         "shortcuts.borrowed_patch", "shortcuts.shared_patch", "shortcuts.planted_value", "shortcuts.leakage"),
        {"hard": True},
    ),
    "subgroup bias": Fault(
        _bias, "60 to 90 % of a group's other labels replaced with one class, or at most 3 % of its rows kept",
        "errors in the group minus errors outside, fresh rows", 0.2,
        ("bias.errors", "bias.equal_opportunity", "bias.demographic_parity", "bias.slices"), {"visible_groups": True},
    ),
    "leak": Fault(
        _leak, "5 to 30 % of the held-out rows in the training part, or a column that is the label for 99 to 100 %",
        "planted share", 0.0, ("data.duplicates", "shortcuts.leakage"),
    ),
    "mislabeled share": Fault(
        _mislabeled, "10 to 30 % of the training labels replaced at random", "planted share", 0.0, ("data.mislabeled",),
    ),
    "backdoor trigger": Fault(
        _backdoor, "3 to 10 % of the training rows with a trigger and the target's label",
        "fresh rows that the trigger moves to the target, more than in the control", 0.85,
        ("shortcuts.planted_trigger", "shortcuts.borrowed_patch", "shortcuts.planted_value", "shortcuts.one_region",
         "shortcuts.one_window"),
    ),
    "dead layer": Fault(
        _dead, "60 to 90 % of a layer's units with a bias of -20 to -10 before training",
        "units that are 0 for all fresh rows", 0.55, ("inside.dead",),
    ),
    "overfit": Fault(
        _overfit, "20 to 50 training rows, 150 epochs, no weight decay",
        "errors on fresh rows minus errors on training rows", 0.3, ("performance.overfitting",), {"hard": True},
    ),
}  # fmt: skip
