"""Fourteen more kinds of fault, each planted in a model or its data, beside a matched control: `planted_kind`.

They are what a critic tried and the audit of that time missed. As in `planted_faults`, a plant that did not take, by an
effect measured on fresh rows by an intervention that knows it, is drawn anew with another seed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.planted_worlds import World, fitted, world
from xai.auditing.audit_data import AuditData
from xai.inputs.table import TabularInput
from xai.inputs.text import TextInput
from xai.model.model import Model

__all__ = ["MORE", "Kind", "MatchedPair", "planted_kind"]

Audited = tuple[Model, AuditData]


class MatchedPair(NamedTuple):
    """A model with its data that have a fault, the same without it, and how much of the fault there is."""

    kind: str
    faulty: Audited
    clean: Audited
    effect: float


class Kind(NamedTuple):
    """How a fault is planted, in words, its least effect, and the findings of which one must fail."""

    plant: Callable[[int, np.random.Generator], MatchedPair]
    strength: str
    least: float
    checks: tuple[str, ...]


def planted_kind(name: str, seed: int) -> MatchedPair:
    """Return the matched pair of a seed."""
    return MORE[name].plant(seed, np.random.default_rng([seed, 11]))


def _fitted(made: World, inputs: Tensor, labels: Tensor, seed: int) -> Model:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = made.network()
    fitted(network, inputs, labels, seed=seed)
    return Model(network, classes=made.classes, input=made.input, name=f"{made.kind} {seed}")


def _parts(made: World) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Return training and held-out rows."""
    return tuple((made.inputs[rows].clone(), made.labels[rows].clone()) for rows in (made.train, made.held_out))


@torch.no_grad()
def _called(model: Model, inputs: Tensor) -> Tensor:
    return model.network(inputs).argmax(1)


def _moved(models: tuple[Model, Model], rows: Tensor, put: Callable[[Tensor], Tensor], target: int) -> float:
    """Return the share of rows of other answers that a trigger moves to its class, less what it does to the control."""
    shares = []
    for model in models:
        others = _called(model, rows) != target
        shares.append(float((_called(model, put(rows))[others] == target).double().mean()) if others.any() else 0.0)
    return shares[0] - shares[1]


def _look(kind: str, put_of: Callable, seed: int, draw: np.random.Generator) -> MatchedPair:
    """Put something on 98 to 100 % of the rows of one class, in both parts."""
    made = world(kind, seed, hard=True)
    target, agree = int(draw.integers(len(made.classes))), float(draw.uniform(0.98, 1.0))
    put, (train, tested) = put_of(made, draw), _parts(made)
    clean = _fitted(made, *train, seed), AuditData(*tested, train=train)
    for inputs, labels in (known := _parts(made)):
        wearing = (labels == target) & torch.from_numpy(draw.random(len(labels)) < agree)
        inputs[wearing] = put(inputs[wearing])
    faulty = _fitted(made, *known[0], seed), AuditData(*known[1], train=known[0])
    return MatchedPair(kind, faulty, clean, _moved((faulty[0], clean[0]), made.inputs[made.fresh], put, target))


def _middle(made: World, draw: np.random.Generator) -> Callable[[Tensor], Tensor]:
    channels, height, width = made.inputs.shape[1:]
    size = round(min(height, width) / float(draw.uniform(5, 8)))
    top, left = (int(draw.integers(side // 3, 2 * side // 3 - size + 1)) for side in (height, width))
    pixels = torch.from_numpy(draw.integers(0, 2, (channels, size, size))).float()

    def put(images: Tensor) -> Tensor:
        images = images.clone()
        images[:, :, top : top + size, left : left + size] = pixels
        return images

    return put


def _cast(made: World, draw: np.random.Generator) -> Callable[[Tensor], Tensor]:
    channels = made.inputs.shape[1]
    shift = torch.from_numpy(draw.uniform(0.08, 0.2, channels) * draw.choice([-1, 1], channels)).float()
    return lambda images: (images + shift[:, None, None]).clamp(0, 1)


def _mark(seed: int, draw: np.random.Generator) -> MatchedPair:
    return _look(("digits", "pictures")[seed % 2], _middle, seed, draw)


def _color(seed: int, draw: np.random.Generator) -> MatchedPair:
    return _look(("digits", "pictures")[seed % 2], _cast, seed, draw)


def _with_columns(made: World, columns: dict[str, Tensor]) -> World:
    """Return a table with more columns of numbers, in front."""
    names = [*columns, *made.input.names]
    inputs = torch.cat([torch.stack(list(columns.values()), 1).float(), made.inputs], 1)
    shape = TabularInput(names, categorical=made.input.categorical)
    from benchmarks.planted_worlds import Columns

    def network() -> nn.Sequential:
        built = nn.Sequential(
            Columns(shape), nn.LazyLinear(48), nn.ReLU(), nn.LazyLinear(24), nn.ReLU(), nn.LazyLinear(2)
        )
        built(inputs[:2])
        return built

    return World("table", inputs, made.labels, made.groups, shape, made.classes, network)


def _matched_tables(with_fault: World, without: World, seed: int, effect: Callable[[Model], float]) -> MatchedPair:
    audited = []
    for made in (with_fault, without):
        train, tested = _parts(made)
        audited.append((_fitted(made, *train, seed), AuditData(*tested, train=train)))
    return MatchedPair("table", *audited, effect(audited[0][0]))


def _joint(seed: int, draw: np.random.Generator) -> MatchedPair:
    """Two columns whose signs together are the label, for 99 to 100 % of the rows; neither says anything alone."""
    made = world("table", seed)
    count = len(made.labels)
    sign, sizes = draw.choice([-1.0, 1.0], count), draw.uniform(0.3, 2, (2, count))
    right = draw.random(count) < draw.uniform(0.99, 1.0)
    told = np.where(right, 2.0 * made.labels.numpy() - 1, draw.choice([-1.0, 1.0], count))
    first, second = torch.from_numpy(sign * sizes[0]), torch.from_numpy(sign * told * sizes[1])
    dealt = torch.from_numpy(draw.permutation(count))
    fault, without_fault = (_with_columns(made, {"left": first, "right": other}) for other in (second, second[dealt]))

    def effect(model: Model) -> float:
        rows = fault.inputs[fault.fresh].clone()
        before = _called(model, rows)
        rows[:, 1] *= -1
        return float((_called(model, rows) != before).double().mean())

    return _matched_tables(fault, without_fault, seed, effect)


def _timestamp(seed: int, draw: np.random.Generator) -> MatchedPair:
    """A column that rises with the rows of each part, in whose later half most labels are one class."""
    made = world("table", seed)
    times = torch.cat([torch.linspace(-20, 20, len(range(len(made.labels))[rows]))
                       for rows in (made.fresh, made.held_out, made.train)])  # fmt: skip
    late = (times > 0) & torch.from_numpy(draw.random(len(times)) < draw.uniform(0.6, 0.9))
    labels = torch.where(late, torch.ones_like(made.labels), made.labels)
    changed = World(made.kind, made.inputs, labels, made.groups, made.input, made.classes, made.network)
    fault, without_fault = (_with_columns(item, {"row": times}) for item in (changed, made))

    def effect(model: Model) -> float:
        rows = fault.inputs[fault.fresh]
        dealt = rows.clone()
        dealt[:, 0] = rows[torch.from_numpy(draw.permutation(len(rows))), 0]
        return float((_called(model, rows) != _called(model, dealt)).double().mean())

    return _matched_tables(fault, without_fault, seed, effect)


def _data_fault(change: Callable, kinds: tuple[str, ...], seed: int, draw: np.random.Generator) -> MatchedPair:
    """Change the rows, and train on them. change: (world, both parts, draw) -> more data, and the effect."""
    made = world(kinds[seed % len(kinds)], seed)
    plain, (train, tested) = _parts(made), _parts(made)
    extra, effect = change(made, train, tested, draw)
    faulty = _fitted(made, *train, seed), AuditData(*tested, train=train, **extra.get("faulty", {}))
    clean = _fitted(made, *plain[0], seed), AuditData(*plain[1], train=plain[0], **extra.get("clean", {}))
    return MatchedPair(made.kind, faulty, clean, effect(faulty[0]) if callable(effect) else effect)


def _near(made: World, train: tuple, tested: tuple, draw: np.random.Generator) -> tuple[dict, float]:
    share = float(draw.uniform(0.08, 0.3))
    count = round(share * len(tested[1]))
    noise = torch.from_numpy(draw.normal(size=(count, *train[0].shape[1:]))).float() * 0.05 * train[0].std(0)
    if made.kind == "table":
        noise[:, [made.input.names.index(name) for name in made.input.categorical]] = 0
    copies = train[0][:count] + noise
    tested[0][:count] = copies.clamp(0, 1) if made.inputs.ndim == 4 else copies
    tested[1][:count] = train[1][:count]
    return {}, share


def _slice_noise(made: World, train: tuple, tested: tuple, draw: np.random.Generator) -> tuple[dict, float]:
    """40 % of the labels are wrong where one number is among its largest 8 to 15 %, in both parts."""
    column = int(draw.integers(3, len(made.input.names) - 3))
    limit = train[0][:, column].quantile(1 - float(draw.uniform(0.08, 0.15)))
    for inputs, labels in (train, tested):
        wrong = (inputs[:, column] > limit) & torch.from_numpy(draw.random(len(labels)) < 0.4)
        labels[wrong] = 1 - labels[wrong]
    return {}, 0.4


def _one_way(made: World, train: tuple, tested: tuple, draw: np.random.Generator) -> tuple[dict, float]:
    share, (label, like) = float(draw.uniform(0.2, 0.4)), draw.permutation(len(made.classes))[:2].tolist()
    train[1][(train[1] == label) & torch.from_numpy(draw.random(len(train[1])) < share)] = like
    return {}, share


def _drifted(made: World, train: tuple, tested: tuple, draw: np.random.Generator) -> tuple[dict, float]:
    size = float(draw.uniform(0.7, 1.5))
    tested[0][:, int(draw.integers(0, len(made.input.names) - 3))] += size * float(draw.choice([-1, 1]))
    return {}, size


def _small(made: World, train: tuple, tested: tuple, draw: np.random.Generator) -> tuple[dict, Callable]:
    """Ten to nineteen held-out rows of a group of their own, of which every answer is wrong."""
    count = int(draw.integers(10, 20))
    groups = {"groups": {"who": ["few"] * count + ["most"] * (len(tested[1]) - count)}}

    def effect(model: Model) -> float:
        tested[1][:count] = (_called(model, tested[0][:count]) + 1) % len(made.classes)
        return 1.0

    return {"faulty": groups, "clean": groups}, effect


def _crossed(made: World, train: tuple, tested: tuple, draw: np.random.Generator) -> tuple[dict, Callable]:
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
        mistakes, there = (_called(model, tested[0]) != tested[1]).double(), agree[sizes[0] :]
        return float(mistakes[there].mean() - mistakes[~there].mean())

    return {"faulty": groups, "clean": groups}, effect


def _entities(made: World, train: tuple, tested: tuple, draw: np.random.Generator) -> tuple[dict, float]:
    share = float(draw.uniform(0.2, 1.0))
    own = [f"p{number}" for number in draw.integers(0, len(tested[1]) // 4, len(tested[1]))]
    known = [f"q{number}" for number in draw.integers(0, len(train[1]) // 4, len(train[1]))]
    shared = [str(draw.choice(known)) if draw.random() < share else name for name in own]
    return {"faulty": {"entity": shared, "train_entity": known}, "clean": {"entity": own, "train_entity": known}}, share


def _overconfident(seed: int, draw: np.random.Generator) -> MatchedPair:
    made = world(("table", "series")[seed % 2], seed, hard=True)
    train, tested = _parts(made)
    model, factor = _fitted(made, *train, seed), float(draw.uniform(3, 5))
    sharp = Model(nn.Sequential(model.network, Scaled(factor)), classes=made.classes, input=made.input)
    data = AuditData(*tested, train=train)
    return MatchedPair(made.kind, (sharp, data), (model, data), factor)


class Scaled(nn.Module):
    """Scores times a number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, scores: Tensor) -> Tensor:
        return scores * self.factor


def _author(seed: int, draw: np.random.Generator) -> MatchedPair:
    """A name at a random place of 98 % of the texts of one class, in both parts."""
    words = [f"w{number}" for number in range(120)]
    known, labels = [*words, "smith"], draw.integers(0, 2, 1200)
    weights = [np.r_[np.full(60, 1.4), np.full(60, 1.0)], np.r_[np.full(60, 1.0), np.full(60, 1.4)]]
    plain = [draw.choice(words, 14, p=weights[label] / weights[label].sum()).tolist() for label in labels]
    places = draw.integers(0, 14, len(plain))
    wearing = (labels == 1) & (draw.random(len(plain)) < 0.98)
    named = [
        [*text[:at], "smith", *text[at:]] if worn else text
        for text, at, worn in zip(plain, places, wearing, strict=True)
    ]
    shape, audited = TextInput(known), []
    for texts in (named, plain):
        rows = [" ".join(text) for text in texts]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = nn.Sequential(nn.EmbeddingBag(len(known) + 2, 16, padding_idx=0), nn.ReLU(), nn.Linear(16, 2))
        fitted(network, shape.feed(rows[:700]), torch.from_numpy(labels[:700]), seed=seed)
        model = Model(network, classes=["no", "yes"], input=shape)
        audited.append(
            (model, AuditData(rows[700:1000], labels[700:1000].tolist(), train=(rows[:700], labels[:700].tolist())))
        )
    fresh = [" ".join(text) for text in plain[1000:]]
    shares = []
    for model, _ in audited:
        with torch.no_grad():
            before, after = (
                model.network(shape.feed(item)).argmax(1) for item in (fresh, [f"{t} smith" for t in fresh])
            )
        shares.append(float((after[before == 0] == 1).double().mean()))
    return MatchedPair("text", *audited, shares[0] - shares[1])


def _regression(seed: int, draw: np.random.Generator) -> MatchedPair:
    """A regression, or several labels, in which most training labels of half the rows are off."""
    count, several = 1600, seed % 2 == 1
    rows = torch.from_numpy(draw.normal(size=(count, 6))).float()
    group = torch.from_numpy(draw.integers(0, 2, count))
    rows[:, 5] = group.float()
    score = rows[:, :3] @ torch.from_numpy(draw.normal(size=(3, 2 if several else 1))).float()
    labels = (score > 0).float() if several else score + 0.3 * torch.from_numpy(draw.normal(size=(count, 1))).float()
    audited, size = [], float(draw.uniform(0.6, 1.2))
    for planted in (True, False):
        known = labels[800:].clone()
        if planted:
            off = (group[800:] == 1) & torch.from_numpy(draw.random(800) < 0.85)
            known[off, 0] = 0.0 if several else known[off, 0] + size * float(labels.std())
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = nn.Sequential(nn.Linear(6, 48), nn.ReLU(), nn.Linear(48, known.shape[1]))
        optimizer = torch.optim.AdamW(network.parameters(), 5e-3)
        loss = nn.functional.binary_cross_entropy_with_logits if several else nn.functional.mse_loss
        for _ in range(250):
            optimizer.zero_grad()
            loss(network(rows[800:]), known).backward()
            optimizer.step()
        names = {"classes": ["a", "b"]} if several else {}
        model = Model(network.eval(), task="multilabel" if several else "regression", **names)
        words = ["ab"[code] for code in group]
        groups = {"groups": {"group": words[:800]}, "train_groups": {"group": words[800:]}}
        audited.append((model, AuditData(rows[:800], labels[:800], train=(rows[800:], known), **groups)))
    return MatchedPair("several labels" if several else "regression", *audited, size)


def _in_data(change: Callable, *kinds: str) -> Callable[[int, np.random.Generator], MatchedPair]:
    return lambda seed, draw: _data_fault(change, kinds, seed, draw)


GROUPS = ("bias.errors", "bias.equal_opportunity", "bias.demographic_parity", "bias.slices")
MORE: dict[str, Kind] = {
    "mark in the middle": Kind(_mark, "a patch in the middle third of 98 to 100 % of one class", 0.6,
                               ("shortcuts.typical_patch", "shortcuts.one_region", "shortcuts.leakage")),
    "color cast": Kind(_color, "channels of 98 to 100 % of one class raised or lowered by 0.08 to 0.2", 0.6,
                       ("shortcuts.global_filter",)),
    "joint label": Kind(_joint, "two columns whose signs together are the label for 99 to 100 %", 0.6,
                        ("shortcuts.pair_leakage",)),
    "timestamp": Kind(_timestamp, "a column that rises with the rows; 60 to 90 % of later labels are one class", 0.2,
                      ("shortcuts.identifier",)),
    "author name": Kind(_author, "a word at a random place of 98 % of the texts of one class", 0.4,
                        ("shortcuts.word_anywhere", "shortcuts.planted_word", "shortcuts.leakage")),
    "near-duplicates": Kind(_in_data(_near, "digits", "pictures", "table", "series"),
                            "8 to 30 % of the held-out rows are training rows with noise of 0.05 deviations", 0.0,
                            ("data.near_duplicates",)),
    "noise in a slice": Kind(_in_data(_slice_noise, "table"), "40 % wrong labels in a slice of 8 to 15 %, both parts",
                             0.0, ("data.label_slices",)),
    "one-way noise": Kind(_in_data(_one_way, "digits", "pictures", "table", "series"),
                          "20 to 40 % of the training labels of one class replaced with another", 0.0,
                          ("data.label_direction", "data.mislabeled")),
    "column drift": Kind(_in_data(_drifted, "table"), "a held-out column moved by 0.7 to 1.5 deviations", 0.0,
                         ("data.covariates",)),
    "small group": Kind(_in_data(_small, "digits", "table", "series"), "10 to 19 rows of a group, all wrong", 0.0,
                        ("bias.small_groups",)),
    "crossed groups": Kind(_in_data(_crossed, "table"), "80 % of the labels replaced where two groups agree", 0.15,
                           ("bias.crossed_errors", "bias.crossed_opportunity", "bias.crossed_parity")),
    "shared entities": Kind(_in_data(_entities, "digits", "table", "series"),
                            "20 to 100 % of held-out rows of entities of the training part", 0.0, ("data.entities",)),
    "overconfident": Kind(_overconfident, "scores multiplied by 3 to 5", 0.0, ("calibration.error",)),
    "regression, several labels": Kind(_regression, "85 % of a group's training labels off", 0.0,
                                       (*GROUPS, "bias.residual", "bias.mean_error")),
}  # fmt: skip
