"""Wrong labels that go in one direction, from a class to another."""

from __future__ import annotations

from typing import NamedTuple

from xai.auditing.checks.label_errors import Suspects
from xai.auditing.finding_figures import table
from xai.auditing.kinds import class_names
from xai.auditing.rates import LEAST
from xai.auditing.verdicts import Measured, Untestable
from xai.base.statistics import ALPHA, newcombe
from xai.model.model import Model

__all__ = ["label_direction"]

SHOWN = 10


class Direction(NamedTuple):
    """The share of rows of one label that look like another class, in both parts; the interval is of the difference."""

    label: str
    like: str
    train: float
    held_out: float
    low: float
    high: float

    @property
    def more(self) -> float:
        """Return by how much the share is larger where the model learned."""
        return self.train - self.held_out


def label_direction(model: Model, suspects: Suspects) -> Measured:
    """Return how many rows that have one label look like another class, more in the training than the held-out part."""
    if suspects.control is None:
        raise Untestable("no_second_part")
    names = class_names(model, suspects.outputs)
    pairs = [(i, j) for i in range(len(names)) for j in range(len(names)) if i != j]
    found = []
    for label, like in pairs:
        counts = []
        for part in (suspects.tested, suspects.control):
            having = part.labels == label
            counts += [int((part.suspect & having & (part.predicted == like)).sum()), int(having.sum())]
        if min(counts[1], counts[3]) < LEAST:
            continue
        low, high = newcombe(*counts, 1 - ALPHA / len(pairs))
        found.append(Direction(names[label], names[like], counts[0] / counts[1], counts[2] / counts[3], low, high))
    if not found:
        raise Untestable("small_groups", least=LEAST, unit="rows of a label")
    found.sort(key=lambda one: (-one.low, -one.more))
    worst = found[0]
    facts = {"label": worst.label, "like": worst.like, "train": worst.train, "held_out": worst.held_out}
    lines = [
        {
            "labelled": one.label, "looks like": one.like, "learned from": one.train, "held out": one.held_out,
            "more": one.more, "low": one.low, "high": one.high,
        }
        for one in found[:SHOWN]
    ]  # fmt: skip
    details = {"tables": [table("Labels that look like another class, by direction", lines)]}
    return Measured(worst.more, (worst.low, worst.high), facts, details)
