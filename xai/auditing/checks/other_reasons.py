"""Is a small group of rows right for another reason than the rest of its class, and does that reason alone decide?"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from xai.auditing.finding_figures import table
from xai.auditing.kinds import class_names
from xai.auditing.split import Split
from xai.auditing.triggers.reason_groups import AREAS, ReasonGroup, pasting, reason_groups
from xai.auditing.verdicts import Measured, Untestable
from xai.base.statistics import ALPHA, newcombe
from xai.model.model import Model

__all__ = ["OTHER_REASON", "other_reason"]

OTHER_REASON = "shortcuts.other_reason"
FEWEST = 20  # rows of other answers that a region is put on
SHOWN_ROWS, SHOWN_SIDE = 12, 32  # rows of a group that a report shows; cells a side of its mean map
MOST_POINTS = 60  # points of a picture


class Intervention(NamedTuple):
    """What a region of a group does, as shares of rows; count: of the rows of other answers it was put on.

    flipped: of those rows, that are then called the class; usual: the same with the region of the rest of the class.
    hidden, hidden_rest: of the group and of the rest, whose answer changes when the region is another class's.
    """

    region: Tensor
    flipped: float
    usual: float
    count: int
    hidden: float
    hidden_rest: float


def other_reason(model: Model, split: Split, known: Split, part: str) -> Measured:
    """Return how many rows of other classes the region of a small group of rows moves to the class, beyond the rest's.

    Attributions of the rows of each class are clustered. A group that is small and unlike the rest points at a region.
    Where the rest has reasons in it too, the object of the class varies, and nothing is tested. Else the region is put
    on rows of other answers, once from rows of the group and once from the rest of the class. Beside it stands how many
    answers change when the region is hidden, which is to say taken from rows of other classes. part: which rows of the
    data these are, "train" or "held_out".
    """
    groups = reason_groups(model, known)
    tried = [(group, made) for group in groups if (made := _intervened(model, split, known, group)) is not None]
    if not tried:
        return Measured(0.0, (0.0, 0.0), {"groups": len(groups)}, {}, "same_place" if groups else "none")
    names = class_names(model, known.outputs)
    ends = [
        newcombe(round(made.flipped * made.count), made.count, round(made.usual * made.count), made.count,
                 1 - ALPHA / (len(tried) * len(AREAS)))
        for _, made in tried
    ]  # fmt: skip
    order = sorted(range(len(tried)), key=lambda index: (-ends[index][0], -tried[index][1].flipped))
    lines = [_line(*tried[index], names, ends[index]) for index in order]
    group, made = tried[order[0]]
    facts = {
        "rows": len(group.rows), "of": len(group.rows) + len(group.rest), "label": names[group.label],
        "where": _where(made.region), "flipped": made.flipped, "usual": made.usual, "hidden": made.hidden,
        "hidden_rest": made.hidden_rest, "groups": len(tried),
    }  # fmt: skip
    details = {
        "tables": [table("Groups of rows with reasons of their own, and what their region does", lines)],
        "raw": {"groups": [_shown(*tried[index], known, part, names) for index in order]},
    }
    return Measured(made.flipped - made.usual, ends[order[0]], facts, details)


def _intervened(model: Model, split: Split, known: Split, group: ReasonGroup) -> Intervention | None:
    """Return the effect of the group's region that flips most answers; None where the rest has relevance there too."""
    others = split.inputs[split.predicted != group.label]
    strange = torch.where(known.labels != group.label)[0]
    if len(others) < FEWEST or not len(strange):
        raise Untestable("no_other_rows", least=FEWEST)

    def called(images: Tensor) -> Tensor:
        return known.called(model.predict(images).double().cpu()) == group.label

    def share(answers: Tensor) -> float:
        return float(answers.double().mean())

    found = []
    for region in filter(group.elsewhere, group.regions):
        flipped, usual = (share(called(pasting(known, rows, region)(others))) for rows in (group.rows, group.rest))
        hide = pasting(known, strange, region)
        hidden = [share(~called(hide(known.inputs[rows]))) for rows in (group.rows, group.rest)]
        found.append(Intervention(region, flipped, usual, len(others), *hidden))
    return max(found, key=lambda made: made.flipped - made.usual, default=None)


def _line(group: ReasonGroup, made: Intervention, names: list[str], ends: tuple[float, float]) -> dict[str, object]:
    return {
        "class": names[group.label], "rows": len(group.rows), "rest": len(group.rest), "where": _where(made.region),
        "apart": group.separation, "moved by it": made.flipped, "moved by the rest's": made.usual,
        "more": made.flipped - made.usual, "low": ends[0], "high": ends[1],
        "changed when hidden": made.hidden, "changed in the rest": made.hidden_rest,
    }  # fmt: skip


def _where(region: Tensor) -> str:
    """Return in words where a region lies."""
    down, right = (torch.where(region.any(axis))[0] for axis in (1, 0))
    return f"rows {int(down[0]) + 1} to {int(down[-1]) + 1}, columns {int(right[0]) + 1} to {int(right[-1]) + 1}"


def _shown(group: ReasonGroup, made: Intervention, known: Split, part: str, names: list[str]) -> dict[str, object]:
    """Return as plain numbers what a report draws of a group: rows, mean maps, and points in a plane."""
    height, width = (min(SHOWN_SIDE, length) for length in group.maps.shape[1:])
    maps = adaptive_avg_pool2d(group.maps[None], (height, width))[0]
    largest = max(float(maps.abs().max()), 1e-12)
    inside = min(len(group.rows), MOST_POINTS)
    return {
        "class": names[group.label], "label": group.label, "part": part,
        "size": len(group.rows), "rest_size": len(group.rest), "where": _where(made.region),
        "rows": known.index[group.rows[:SHOWN_ROWS]].tolist(), "rest": known.index[group.rest[:SHOWN_ROWS]].tolist(),
        "maps": [[[round(float(cell), 3) for cell in row] for row in one / largest] for one in maps],
        "group_points": group.plane[:inside].round(3).tolist(),
        "rest_points": group.plane[len(group.rows) :][:MOST_POINTS].round(3).tolist(),
    }  # fmt: skip
