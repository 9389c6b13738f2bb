"""Faults of the data and of groups to plant, each beside a matched control."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.planted_matches import MatchedPair, called, fitted_model, parts_of
from benchmarks.planted_worlds import World, world
from xai.auditing.audit_data import AuditData
from xai.model.model import Model

__all__ = ["crossed", "drifted", "entities", "in_data", "later", "near", "one_way", "other_task", "overconfident",
           "slice_noise", "small"]  # fmt: skip


def _data_fault(change: Callable, kinds: tuple[str, ...], seed: int, draw: np.random.Generator) -> MatchedPair:
    """Change the rows, and train on them. change: (world, both parts, draw) -> more data, and the effect."""
    made = world(kinds[seed % len(kinds)], seed)
    plain, (train, tested) = parts_of(made), parts_of(made)
    extra, effect = change(made, train, tested, draw)
    faulty = fitted_model(made, *train, seed), AuditData(*tested, train=train, **extra.get("faulty", {}))
    clean = fitted_model(made, *plain[0], seed), AuditData(*plain[1], train=plain[0], **extra.get("clean", {}))
    return MatchedPair(made.kind, faulty, clean, effect(faulty[0]) if callable(effect) else effect)


def near(made: World, train: tuple, tested: tuple, draw: np.random.Generator) -> tuple[dict, float]:
    share = float(draw.uniform(0.08, 0.3))
    count = round(share * len(tested[1]))
    noise = torch.from_numpy(draw.normal(size=(count, *train[0].shape[1:]))).float() * 0.05 * train[0].std(0)
    if made.kind == "table":
        noise[:, [made.input.names.index(name) for name in made.input.categorical]] = 0
    copies = train[0][:count] + noise
    tested[0][:count] = copies.clamp(0, 1) if made.inputs.ndim == 4 else copies
    tested[1][:count] = train[1][:count]
    return {}, share


def slice_noise(made: World, train: tuple, tested: tuple, draw: np.random.Generator) -> tuple[dict, float]:
    """40 % of the labels are wrong where one number is among its largest 8 to 15 %, in both parts."""
    column = int(draw.integers(3, len(made.input.names) - 3))
    limit = train[0][:, column].quantile(1 - float(draw.uniform(0.08, 0.15)))
    for inputs, labels in (train, tested):
        wrong = (inputs[:, column] > limit) & torch.from_numpy(draw.random(len(labels)) < 0.4)
        labels[wrong] = 1 - labels[wrong]
    return {}, 0.4


def one_way(made: World, train: tuple, tested: tuple, draw: np.random.Generator) -> tuple[dict, float]:
    share, (label, like) = float(draw.uniform(0.2, 0.4)), draw.permutation(len(made.classes))[:2].tolist()
    train[1][(train[1] == label) & torch.from_numpy(draw.random(len(train[1])) < share)] = like
    return {}, share


def drifted(made: World, train: tuple, tested: tuple, draw: np.random.Generator) -> tuple[dict, float]:
    size = float(draw.uniform(0.7, 1.5))
    tested[0][:, int(draw.integers(0, len(made.input.names) - 3))] += size * float(draw.choice([-1, 1]))
    return {}, size


def small(made: World, train: tuple, tested: tuple, draw: np.random.Generator) -> tuple[dict, Callable]:
    """Ten to nineteen held-out rows of a group of their own, of which every answer is wrong."""
    count = int(draw.integers(10, 20))
    groups = {"groups": {"who": ["few"] * count + ["most"] * (len(tested[1]) - count)}}

    def effect(model: Model) -> float:
        tested[1][:count] = (called(model, tested[0][:count]) + 1) % len(made.classes)
        return 1.0

    return {"faulty": groups, "clean": groups}, effect


def crossed(made: World, train: tuple, tested: tuple, draw: np.random.Generator) -> tuple[dict, Callable]:
    """Labels of the rows in which two groups agree are replaced with one class in training, in most cases."""
    table, sizes = made.kind == "table", (len(train[1]), len(tested[1]))
    codes = [torch.from_numpy(draw.integers(0, 2, sum(sizes))) for _ in range(2)]
    agree = codes[0] == codes[1]
    wrong = agree[: sizes[0]] & torch.from_numpy(draw.random(sizes[0]) < 0.8)
    for inputs, rows in ((train[0], agree[: sizes[0]]), (tested[0], agree[sizes[0] :])):
        inputs[:, 0] = torch.where(rows, inputs[:, 0].abs() + 3, inputs[:, 0]) if table else inputs[:, 0]
    train[1][wrong] = 0
    words = {name: ["ab"[c] for c in code[sizes[0] :]] for name, code in zip(("first", "second"), codes, strict=True)}
    known = {name: ["ab"[c] for c in code[: sizes[0]]] for name, code in zip(("first", "second"), codes, strict=True)}
    groups = {"groups": words, "train_groups": known}

    def effect(model: Model) -> float:
        mistakes, there = (called(model, tested[0]) != tested[1]).double(), agree[sizes[0] :]
        return float(mistakes[there].mean() - mistakes[~there].mean())

    return {"faulty": groups, "clean": groups}, effect


def entities(made: World, train: tuple, tested: tuple, draw: np.random.Generator) -> tuple[dict, float]:
    share = float(draw.uniform(0.2, 1.0))
    new = [f"p{number}" for number in draw.integers(0, len(tested[1]) // 4, len(tested[1]))]
    known = [f"q{number}" for number in draw.integers(0, len(train[1]) // 4, len(train[1]))]
    shared = [str(draw.choice(known)) if draw.random() < share else name for name in new]
    return {"faulty": {"entity": shared, "train_entity": known}, "clean": {"entity": new, "train_entity": known}}, share


def later(made: World, train: tuple, tested: tuple, draw: np.random.Generator) -> tuple[dict, Callable]:
    """Of the latest quarter of the held-out rows, 45 to 80 % have another label than the same rows had before."""
    count, share = len(tested[1]), float(draw.uniform(0.45, 0.8))
    late = torch.arange(count) >= round(0.75 * count)
    wrong = late & torch.from_numpy(draw.random(count) < share)
    tested[1][wrong] = (tested[1][wrong] + 1) % len(made.classes)
    times = {"time": list(range(1000, 1000 + count)), "train_time": list(range(len(train[1])))}

    def effect(model: Model) -> float:
        right = (called(model, tested[0]) == tested[1]).double()
        return float(right[~late].mean() - right[late].mean())

    return {"faulty": times, "clean": times}, effect


def overconfident(seed: int, draw: np.random.Generator) -> MatchedPair:
    """Multiply the scores of a model by 3 to 5; the effect is by how much it is too sure on fresh rows."""
    made = world(("table", "series")[seed % 2], seed, hard=True)
    train, tested = parts_of(made)
    model, factor = fitted_model(made, *train, seed), float(draw.uniform(3, 5))
    sharp = Model(nn.Sequential(model.network, Scaled(factor)), classes=made.classes, input=made.input)
    data = AuditData(*tested, train=train)
    answers = sharp.predict(made.inputs[made.fresh])
    right = answers.argmax(1) == made.labels[made.fresh]
    too_sure = float(answers.amax(1).double().mean() - right.double().mean())
    return MatchedPair(made.kind, (sharp, data), (model, data), too_sure)


class Scaled(nn.Module):
    """Scores times a number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, scores: Tensor) -> Tensor:
        return scores * self.factor


def other_task(several: bool, leak: bool, seed: int, draw: np.random.Generator) -> MatchedPair:
    """A regression or several labels: most training labels of half the rows are off, or a column holds the label."""
    count = 1600
    rows = torch.from_numpy(draw.normal(size=(count, 6))).float()
    group = torch.from_numpy(draw.integers(0, 2, count))
    rows[:, 5] = group.float()
    score = rows[:, :3] @ torch.from_numpy(draw.normal(size=(3, 2 if several else 1))).float()
    noise = torch.from_numpy(draw.normal(size=score.shape)).float()
    labels = (score + 0.3 * noise > 0).float() if several else score + 0.3 * noise
    size, small = float(draw.uniform(0.6, 1.2)), torch.from_numpy(draw.normal(size=count)).float()
    audited = []
    for planted in (True, False):
        known, seen = labels[800:].clone(), rows.clone()
        if planted and leak:
            seen[:, 4] = (2 * labels[:, 0] - 1 if several else labels[:, 0]) + 0.05 * small
        elif planted:
            off = (group[800:] == 1) & torch.from_numpy(draw.random(800) < 0.85)
            known[off, 0] = 0.0 if several else known[off, 0] + size * float(labels.std())
        network = _small_network(seen[800:], known, several, seed)
        names = {"classes": ["a", "b"]} if several else {}
        model = Model(network, task="multilabel" if several else "regression", **names)
        words = ["ab"[code] for code in group]
        groups = {"groups": {"group": words[:800]}, "train_groups": {"group": words[800:]}}
        audited.append((model, AuditData(seen[:800], labels[:800], train=(seen[800:], known), **groups)))
    return MatchedPair("several labels" if several else "regression", *audited, size)


def _small_network(rows: Tensor, labels: Tensor, several: bool, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(nn.Linear(6, 48), nn.ReLU(), nn.Linear(48, labels.shape[1]))
    optimizer = torch.optim.AdamW(network.parameters(), 5e-3)
    loss = nn.functional.binary_cross_entropy_with_logits if several else nn.functional.mse_loss
    for _ in range(250):
        optimizer.zero_grad()
        loss(network(rows), labels).backward()
        optimizer.step()
    return network.eval()


def in_data(change: Callable, *kinds: str) -> Callable[[int, np.random.Generator], MatchedPair]:
    return lambda seed, draw: _data_fault(change, kinds, seed, draw)
