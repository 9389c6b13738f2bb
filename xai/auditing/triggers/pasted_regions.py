"""One region of a row, pasted from a row with another answer: how many answers follow it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from xai.auditing.checks.leakage import skill_of
from xai.auditing.finding_figures import table
from xai.auditing.kinds import class_names
from xai.auditing.limits import LIMITS
from xai.auditing.sentences import sentence
from xai.auditing.split import Split
from xai.auditing.triggers.honest import Answer
from xai.auditing.triggers.regions import Region, regions_of
from xai.auditing.verdicts import Measured, Untestable
from xai.base.statistics import ALPHA, wilson
from xai.model.model import Model

__all__ = ["pasted_regions"]

LEAST = 20  # rows of a class, below which nothing is said about it
SHOWN = 10


class Followed(NamedTuple):
    """The share of answers that follow a region, pasted from rows of one answer, and what may rightly follow it."""

    region: str
    source: str
    follow: float
    interval: tuple[float, float]
    expected: float | None

    @property
    def more(self) -> float:
        """Return the share beyond what may rightly follow."""
        return self.follow - (self.expected or 0.0)

    @property
    def low(self) -> float:
        """Return the lower end of that."""
        return self.interval[0] - (self.expected or 0.0)

    @property
    def high(self) -> float:
        """Return the upper end of that."""
        return self.interval[1] - (self.expected or 0.0)

    def line(self) -> dict[str, object]:
        """Return the line of a table."""
        about = {"region": self.region, "from": self.source, "follow": self.follow, "low": self.low, "high": self.high}
        return about if self.expected is None else {**about, "expected": self.expected, "more": self.more}


def pasted_regions(model: Model, split: Split, donors: Split, seed: int, honest: Sequence[Answer] = ()) -> Measured:
    """Return the share of answers that become those of the row that a region was pasted from, of the worst region.

    honest: models of the labels that say what may rightly follow a region: the share in which their own answers do is
    taken off, but where the region is as good as the label, which nothing excuses.
    """
    known = split
    if split.task == "multilabel":
        raise Untestable("pasting_several_labels")
    chosen = _partners(split, donors, seed)
    split, donors = split.take(chosen[0]), donors.take(chosen[1])
    regions = regions_of(model, split.inputs)
    if len(split) < LEAST or len(regions) < 2:
        raise Untestable("few_partners")
    anything = sentence("triggers", "another_answer", {})
    sources = {anything: torch.ones(len(split), dtype=torch.bool)}
    if split.task != "regression" and split.outputs > 2:
        names = class_names(model, split.outputs)
        sources |= {names[number]: donors.predicted == number for number in donors.predicted.unique().tolist()}
    sources = {source: rows for source, rows in sources.items() if int(rows.sum()) >= LEAST}
    found = []
    for region in regions:
        prediction = model.predict(region.paste(split.inputs, donors.inputs)).double().cpu()
        followed = _followed(split, donors, prediction)
        excused = bool(honest) and not _tells_all(region, known, seed)
        rightly = _rightly(split, donors, region, honest) if excused else [torch.empty(len(split)) * torch.nan]
        for source, rows in sources.items():
            right, count = int(followed[rows].sum()), int(rows.sum())
            low, high = wilson(right, count, 1 - ALPHA / (len(regions) * len(sources)))
            expected = max(_share(each[rows]) for each in rightly) if honest else None
            found.append(Followed(region.name, source, right / count, (low, high), expected))
    median = float(np.median([one.follow for one in found if one.source == anything]))
    found.sort(key=lambda one: (-one.low, -one.follow))
    worst = found[0]
    source = worst.source if worst.source == anything else f'"{worst.source}"'
    facts = {
        "region": worst.region, "source": source, "share": worst.follow, "regions": len(regions),
        "median": median, "expected": worst.expected,
    }  # fmt: skip
    lines = [one.line() for one in found[:SHOWN]]
    details = {"region": worst.region, "tables": [table("Answers that follow a pasted region", lines)]}
    control = sentence("triggers", "control_honest", facts) if honest else ""
    return Measured(worst.more, (worst.low, worst.high), facts, details, "pasted", "triggers", control)


def _rightly(split: Split, donors: Split, region: Region, honest: Sequence[Answer]) -> list[Tensor]:
    """Return for each honest model where its answer follows the region (N,), NaN where it tells row and donor alike."""
    found = []
    for answer in honest:
        rows, other = (replace(part, prediction=answer(part.inputs)) for part in (split, donors))
        followed = _followed(rows, other, answer(region.paste(split.inputs, donors.inputs))).double()
        differing = rows.prediction[:, 0] != other.prediction[:, 0]
        if split.task != "regression":
            differing = rows.predicted != other.predicted
        found.append(torch.where(differing, followed, torch.nan))
    return found


def _tells_all(region: Region, known: Split, seed: int) -> bool:
    """Say whether a region alone gives the label away, by the limit of `shortcuts.leakage`."""
    if region.values is None:
        return False
    try:
        learned = skill_of(region.values(known.inputs).double().numpy(), known, seed)
    except Untestable:
        return False
    return learned.interval[0] > LIMITS["shortcuts.leakage"].fail


def _share(followed: Tensor) -> float:
    known = followed[~followed.isnan()]
    return float(known.mean()) if len(known) else 0.0


def _partners(split: Split, donors: Split, seed: int) -> tuple[Tensor, Tensor]:
    """Return row numbers and donor numbers such that each donor is answered, rightly, by another class than its row."""
    order = torch.randperm(len(donors), generator=torch.Generator().manual_seed(seed))
    if split.task == "regression":
        return _opposite_ends(split, donors, order)
    order = order[donors.quality[order] > 0]
    pairs, start = [], 0
    for row in torch.where(split.quality > 0)[0].tolist():
        answer = int(split.predicted[row])
        for step in range(len(order)):
            other = int(order[(start + step) % len(order)])
            if int(donors.predicted[other]) != answer:
                pairs.append((row, other))
                start += step + 1
                break
    found = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _opposite_ends(split: Split, donors: Split, order: Tensor) -> tuple[Tensor, Tensor]:
    """Return for each row of a regression a donor among the quarter of answers at the other end."""
    low, high = (float(donors.prediction[:, 0].quantile(share)) for share in (0.25, 0.75))
    upper = (split.prediction[:, 0] > (low + high) / 2).cpu()
    ends = [order[donors.prediction[order, 0] <= low], order[donors.prediction[order, 0] >= high]]
    picked = torch.empty(len(split), dtype=torch.long)
    # Each side counts for itself, so that donors come equally often.
    for side, end in zip((upper, ~upper), ends, strict=True):
        picked[side] = end[torch.arange(int(side.sum())) % len(end)]
    return torch.arange(len(split)), picked


def _followed(split: Split, donors: Split, prediction: Tensor) -> Tensor:
    """Return where the answer became the donor's: its class, or a value nearer to its value than to the row's."""
    if split.task == "regression":
        return (prediction - donors.prediction).abs()[:, 0] < (prediction - split.prediction).abs()[:, 0]
    return split.called(prediction) == donors.predicted
