"""Shortcuts: does something decide that should not, such as a mark, a border, or one column that gives it all away?"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xai.auditing.audit_data import Prepared, Rows
from xai.auditing.checks.leakage import leakage
from xai.auditing.explainers import explain, targets_of
from xai.auditing.finding_figures import table
from xai.auditing.limits import ALPHA, judge, untestable
from xai.auditing.triggers.candidates import Mark, borrowed_marks, control_marks, marks_for, shared_marks
from xai.auditing.triggers.planted_values import OTHERS, linear_model, planted_value
from xai.auditing.triggers.regions import parts_of
from xai.base.statistics import bootstrap_mean, wilson
from xai.model.model import Model
from xai.results.finding import Finding

__all__ = ["shortcuts"]

MOST_ROWS, MOST_ELEMENTS = 500, 500 * 28 * 28
MARKED = 200
LEAST = 20  # rows of a class, below which nothing is said about it
EXPLAINED = 24
SHOWN = 10
WHAT = {3: "what a linear model makes of it", 4: "the median mark"}
NAMES = {"tabular": "one_column", "text": "one_word", "sequence": "one_stretch"}  # of the finding on a pasted part


def shortcuts(model: Model, data: Prepared, *, seed: int = 0) -> list[Finding]:
    """Return whether one part of the input decides, a planted mark does, or the area outside the object does.

    One part: it is pasted from a row of another class, and the share of answers that follow it is counted. Marks:
    patches, spikes or words are planted on all rows, and the share that moves to one class is counted. Source of the
    idea: Lapuschkin et al. 2019, "Unmasking Clever Hans predictors", Nature Communications 10.
    """
    most = min(MOST_ROWS, max(60, MOST_ELEMENTS // max(1, data.held_out.inputs[0].numel())))
    rows = data.held_out.sample(most, seed)
    donors = (data.train or data.held_out).sample(4 * most, seed + 1)
    return [
        _one_part(model, rows, donors, seed),
        *_marks(model, data, rows, donors, seed),
        _outside(model, data.held_out, seed),
        leakage(model, data.train or data.held_out, seed),
    ]


def _marks(model: Model, data: Prepared, rows: Rows, donors: Rows, seed: int) -> list[Finding]:
    """Return the findings on what is planted: values of a table, pieces of other images, and marks of every kind."""
    # Marks on images are learned and many; a spike costs one prediction per row.
    marked = rows if rows.inputs.ndim == 3 else rows.sample(MARKED, seed)
    if model.input.kind == "tabular":
        return [planted_value(model, marked, data.held_out, data.train or data.held_out)]
    name = "shortcuts.planted_mark"
    if rows.task not in ("classification", "binary"):
        return [untestable(name, "it counts rows that move to one class.")]
    marks = marks_for(model, marked, donors, seed)
    if not marks:
        return [untestable(name, "no marks are known for such inputs.")]
    # A word may rightly say much of what a text means; what a patch says, no image means.
    found = [_planted("shortcuts.planted_word" if marks[0].raw else name, model, rows, marked, marks, seed)]
    if rows.inputs.ndim == 4:
        pieces = borrowed_marks(model, marked, donors, seed)
        found.append(_planted("shortcuts.borrowed_piece", model, rows, marked, pieces, seed))
        found.append(_shared(model, rows, donors, seed))
    return found


def _shared(model: Model, rows: Rows, known: Rows, seed: int) -> Finding:
    name = "shortcuts.shared_mark"
    marks = shared_marks(model, rows, known)
    if not marks:
        return untestable(name, "no class has 20 known images and 20 others.")
    return _planted(name, model, rows, rows, marks, seed)


def _one_part(model: Model, rows: Rows, donors: Rows, seed: int) -> Finding:
    name = f"shortcuts.{NAMES.get(model.input.kind, 'one_part')}"
    if rows.task == "multilabel":
        return untestable(name, "it needs rows that belong to one class and donors of another.")
    chosen = _partners(rows, donors, seed)
    rows, donors = rows.take(chosen[0]), donors.take(chosen[1])
    parts = parts_of(model, rows.inputs)
    if len(rows) < 20 or len(parts) < 2:
        return untestable(name, "fewer than 20 rows have a partner with another answer, or inputs have a single part.")
    lines = []
    classes = model.classes or [str(number) for number in range(rows.outputs)]
    toward = [("another answer", torch.ones(len(rows), dtype=torch.bool))]
    if rows.task != "regression" and rows.outputs > 2:
        toward += [(classes[number], donors.predicted == number) for number in donors.predicted.unique().tolist()]
    toward = [(label, chosen) for label, chosen in toward if int(chosen.sum()) >= LEAST]
    for part in parts:
        followed = _followed(rows, donors, model.predict(part.paste(rows.inputs, donors.inputs)).double().cpu())
        for label, chosen in toward:
            right, count = int(followed[chosen].sum()), int(chosen.sum())
            low, high = wilson(right, count, 1 - ALPHA / (len(parts) * len(toward)))
            lines.append({"part": part.name, "from": label, "follow": right / count, "low": low, "high": high})
    median = float(np.median([line["follow"] for line in lines if line["from"] == "another answer"]))
    lines.sort(key=lambda line: (-line["low"], -line["follow"]))
    worst = lines[0]
    details = {"part": worst["part"], "tables": [table("Answers that follow a pasted part", lines[:SHOWN])]}
    control = f"the median over all {len(parts)} parts, {100 * median:.0f} %; intervals hold for all of them together"
    text = (
        f"When {worst['part']} alone is pasted from a row of {worst['from']}, {100 * worst['follow']:.0f} % of the "
        "answers become that one."
    )
    return judge(name, worst["follow"], (worst["low"], worst["high"]), control, text, details)


def _partners(rows: Rows, donors: Rows, seed: int) -> tuple[Tensor, Tensor]:
    """Return row numbers and donor numbers such that each donor is answered, rightly, by another class than its row."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(donors), generator=generator)
    if rows.task == "regression":
        low, high = (float(donors.prediction[:, 0].quantile(share)) for share in (0.25, 0.75))
        upper = rows.prediction[:, 0] > (low + high) / 2
        ends = [order[donors.prediction[order, 0] <= low], order[donors.prediction[order, 0] >= high]]
        picked = [
            int(ends[0 if up else 1][place % len(ends[0 if up else 1])]) for place, up in enumerate(upper.tolist())
        ]
        return torch.arange(len(rows)), torch.tensor(picked)
    order = order[donors.quality[order] > 0]
    pairs, start = [], 0
    for row in torch.where(rows.quality > 0)[0].tolist():
        own = int(rows.predicted[row])
        for step in range(len(order)):
            other = int(order[(start + step) % len(order)])
            if int(donors.predicted[other]) != own:
                pairs.append((row, other))
                start += step + 1
                break
    found = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _followed(rows: Rows, donors: Rows, said: Tensor) -> Tensor:
    """Return where the answer became the donor's: its class, or a value nearer to its value than to the row's."""
    if rows.task == "regression":
        return (said - donors.prediction).abs()[:, 0] < (said - rows.prediction).abs()[:, 0]
    return said.argmax(1) == donors.predicted


def _planted(name: str, model: Model, held_out: Rows, rows: Rows, marks: list[Mark], seed: int) -> Finding:
    control = max((_moved(model, rows, mark) for mark in control_marks(model, rows, seed)), key=lambda item: item[0])
    moved = [(*_moved(model, rows, mark), mark) for mark in marks]
    moved = [item for item in moved if item[2]]
    if not moved:
        return untestable(name, f"no class has {OTHERS} rows of other answers.")
    classes = model.classes or [str(number) for number in range(rows.outputs)]
    quoted = marks[0].raw
    rightly = _rightly(model, held_out, rows, moved) if name == "shortcuts.planted_mark" else [0.0] * len(moved)
    lines = []
    # Of a mark that aims at no class, the class is taken to which it moves most: each is a comparison of its own.
    comparisons = sum(1 if mark.meant is not None else rows.outputs for *_, mark in moved)
    for (share, target, count, mark), usual in zip(moved, rightly):
        low, high = wilson(round(share * count), count, 1 - ALPHA / comparisons)
        lines.append({"mark": mark.name, "to": classes[target], "moved": share, "rightly": usual,
                      "more": share - usual, "low": low - usual, "high": high - usual})  # fmt: skip
    order = sorted(range(len(lines)), key=lambda place: (-lines[place]["low"], -lines[place]["more"]))
    worst = lines[order[0]]
    listed = table("Rows that a mark moves to one class", [lines[place] for place in order[:SHOWN]])
    details = (
        {"raw": {"tables": [listed], "mark": worst["mark"]}} if quoted else {"tables": [listed], "mark": worst["mark"]}
    )
    what = "A single word" if quoted else worst["mark"][0].upper() + worst["mark"][1:]
    text = f"{what} moves {100 * worst['moved']:.0f} % of the rows of all other classes to {worst['to']}."
    says = f"marks that mean nothing (noise, words at random) move at most {100 * control[0]:.0f} %"
    if name == "shortcuts.planted_mark":
        says += f"; {WHAT[rows.inputs.ndim]}, which is taken off, {100 * worst['rightly']:.0f} %"
    return judge(name, worst["more"], (worst["low"], worst["high"]), says, text, details)


def _rightly(model: Model, held_out: Rows, rows: Rows, moved: list[tuple[float, int, int, Mark]]) -> list[float]:
    """Return the share that each mark may move: of images what the median mark does, of series what a spike may say.

    Where rows are easily moved, any patch moves some. A spike is part of the series, and a linear model of the held-out
    labels tells what it means.
    """
    if rows.inputs.ndim != 3 or len(held_out.labels.unique()) < 2:
        return [float(np.median([share for share, _, _, _ in moved]))] * len(moved)
    says = linear_model(model, held_out)
    found = []
    for _, target, _, mark in moved:
        others = rows.predicted != target
        found.append(float((says(mark.planted)[others] == target).double().mean()))
    return found


def _moved(model: Model, rows: Rows, mark: Mark) -> tuple[float, int, int]:
    """Return the largest share of rows of other answers that a mark moves to one class, that class, and their count.

    The count is 0 where no class that the mark may aim at has ten rows of other answers.
    """
    said = model.predict(mark.planted).double().cpu().argmax(1)
    best = (0.0, 0, 0)
    for target in [mark.meant] if mark.meant is not None else range(rows.outputs):
        others = rows.predicted != target
        count = int(others.sum())
        if count >= OTHERS:
            best = max(best, (float((said[others] == target).double().mean()), int(target), count))
    return best


def _outside(model: Model, held_out: Rows, seed: int) -> Finding:
    name = "shortcuts.outside"
    if held_out.inputs.ndim != 4:
        return untestable(name, "only an image has an outside.")
    rows = held_out.sample(EXPLAINED, seed)
    outside = ~rows.masks if rows.masks is not None else _border(rows.inputs)
    inside = outside.flatten(1).any(1) & ~outside.flatten(1).all(1)
    if int(inside.sum()) < 5:
        return untestable(name, "fewer than 5 images have an inside and an outside.")
    rows, outside = rows.take(torch.where(inside)[0]), outside[inside]
    maps = explain(model, rows.inputs, targets_of(rows.prediction, rows.task), seed=seed).heatmap().abs().double().cpu()
    total = maps.sum((1, 2))
    if not bool((total > 0).all()):
        return untestable(name, "an explanation is empty.")
    mass = (maps * outside).sum((1, 2)) / total
    area = outside.double().mean((1, 2))
    ratio = (mass / area).numpy()
    where = "outside the object" if rows.masks is not None else "in the outer eighth of the image"
    text = (
        f"{100 * float(mass.mean()):.0f} % of what the explanations mark lies {where}, which is "
        f"{100 * float(area.mean()):.0f} % of the area."
    )
    details = {
        "mass": mass.tolist(),
        "area": area.tolist(),
        "rows": rows.places.tolist(),
        "masks": rows.masks is not None,
    }
    control = "marks spread evenly, whose ratio of mass to area is 1"
    return judge(name, float(ratio.mean()), bootstrap_mean(ratio, seed), control, text, details)


def _border(images: Tensor) -> Tensor:
    height, width = images.shape[2:]
    down, right = max(1, round(height / 8)), max(1, round(width / 8))
    ring = torch.ones(height, width, dtype=torch.bool)
    ring[down : height - down, right : width - right] = False
    return ring.expand(len(images), -1, -1)
