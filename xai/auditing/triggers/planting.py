"""The one test of triggers: plant a candidate on rows, ask the model, and count the rows that move to one class.

What a candidate moves is compared with meaningless controls of the same kind, and with what it may rightly move.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor

from xai.auditing.finding_figures import table
from xai.auditing.kinds import class_names
from xai.auditing.sentences import sentence
from xai.auditing.split import Split
from xai.auditing.verdicts import Measured, Untestable
from xai.base.statistics import ALPHA, wilson
from xai.model.model import Model

__all__ = ["Candidate", "Expected", "Move", "measure_triggers", "median_share", "nothing"]

OTHERS = 10  # rows of other answers, below which nothing is said about what moves to a class
SHOWN = 10


class Candidate(NamedTuple):
    """A possible trigger.

    name: what a sentence calls it. plant: from inputs to the same inputs with it. target: the class that it aims at, or
    None. raw: its name quotes inputs. columns: what a table says of it, by column; by default its name.
    """

    name: str
    plant: Callable[[Tensor], Tensor | list[str]]
    target: int | None = None
    raw: bool = False
    columns: Mapping[str, object] | None = None


class Move(NamedTuple):
    """The share of the rows of other answers (count of them) that a candidate moves to a class."""

    candidate: Candidate
    target: int
    share: float
    count: int


# From moves to the share that each may rightly have.
Expected = Callable[[Sequence[Move]], list[float]]


def nothing(moves: Sequence[Move]) -> list[float]:
    """Return 0 for each move: no trigger of this kind should change an answer."""
    return [0.0] * len(moves)


def median_share(moves: Sequence[Move]) -> list[float]:
    """Return the median share: where rows are easily moved, any trigger moves some."""
    return [float(np.median([move.share for move in moves]))] * len(moves)


def measure_triggers(
    model: Model,
    split: Split,
    candidates: Sequence[Candidate],
    controls: Sequence[Candidate],
    *,
    expected: Expected = nothing,
    outcome: str = "planted",
    control: str = "control_planted",
    every_class: bool = False,
) -> Measured:
    """Return how many rows of other answers the worst candidate moves to one class, beyond what is expected.

    controls: candidates that mean nothing. outcome, control: sentences of "triggers". every_class: each class is a line
    of its own; else of a candidate that aims at no class, the class is taken to which it moves most.
    """
    noise = max((_strongest(model, split, item).share for item in controls), default=0.0)
    if every_class:
        found = [move for item in candidates for move in _moves(model, split, item)]
    else:
        strongest = [_strongest(model, split, item) for item in candidates]
        found = [move for move in strongest if move.count]
    if not found:
        raise Untestable("no_other_rows", least=OTHERS)
    usual = expected(found)
    lines = _lines(found, usual, class_names(model, split.outputs), split.outputs)
    order = sorted(range(len(lines)), key=lambda number: (-lines[number]["low"], -lines[number]["more"]))
    worst, line = found[order[0]], lines[order[0]]
    facts = {
        **(worst.candidate.columns or {}), "trigger": worst.candidate.name, "share": worst.share,
        "target": line["to"], "noise": noise, "expected": line["expected"],
    }  # fmt: skip
    listed = table("Rows that a trigger moves to one class", [lines[number] for number in order[:SHOWN]])
    details: dict[str, object] = {"tables": [listed], "trigger": worst.candidate.name}
    details = {"raw": details} if worst.candidate.raw else details
    against = sentence("triggers", control, facts)
    return Measured(line["more"], (line["low"], line["high"]), facts, details, outcome, "triggers", against)


def _moves(model: Model, split: Split, candidate: Candidate) -> list[Move]:
    """Return what a candidate moves, to each class that has enough rows of other answers."""
    predicted = split.called(model.predict(candidate.plant(split.inputs)).double().cpu())
    found = []
    for target in range(split.outputs) if candidate.target is None else [candidate.target]:
        others = split.predicted != target
        count = int(others.sum())
        if count >= OTHERS:
            share = float((predicted[others] == target).double().mean())
            found.append(Move(candidate, int(target), share, count))
    return found


def _strongest(model: Model, split: Split, candidate: Candidate) -> Move:
    """Return the class to which a candidate moves most; a count of 0 where no class has enough other rows."""
    nowhere = Move(candidate, 0, 0.0, 0)
    return max(_moves(model, split, candidate), key=lambda move: (move.share, move.target, move.count), default=nowhere)


def _lines(moves: Sequence[Move], usual: Sequence[float], names: Sequence[str], outputs: int) -> list[dict]:
    """Return a line for each move; intervals hold for all candidates and classes together."""
    tried = {id(move.candidate): move.candidate for move in moves}
    comparisons = sum(outputs if item.target is None else 1 for item in tried.values())
    lines = []
    for move, rightly in zip(moves, usual, strict=True):
        low, high = wilson(round(move.share * move.count), move.count, 1 - ALPHA / comparisons)
        lines.append({
            **(move.candidate.columns or {"trigger": move.candidate.name}), "to": names[move.target],
            "moved": move.share, "expected": rightly, "more": move.share - rightly,
            "low": low - rightly, "high": high - rightly,
        })  # fmt: skip
    return lines
