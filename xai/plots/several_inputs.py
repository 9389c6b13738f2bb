"""An explanation of several inputs, apart: a map over each picture, and what is left as bars with names."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import torch
from torch import Tensor

from xai.inputs.several_parts import shapes_in
from xai.results.explanation import Explanation

__all__ = ["pictures_apart"]


def pictures_apart(explanation: Explanation) -> tuple[dict[str, Explanation], Explanation | None]:
    """Return an explanation of each picture among several inputs, by its name, and one of all other parts.

    The evidence stays with each, and is of all parts together. The latter is None where nothing is left, and with no
    pictures the explanation itself.
    """
    layout = explanation.options["run"].get("inputs", {})
    if explanation.over not in ("input", "features"):
        return {}, explanation
    columns = _columns(layout, explanation.inputs.shape[-1])
    pictures = {name: at for name, at in columns.items() if layout[name][0] == "map" and at.stop > at.start}
    if not pictures:
        return {}, explanation
    values = _of_columns(explanation)
    made = {
        name: replace(
            explanation, inputs=explanation.inputs[:, at].unflatten(1, layout[name][1]),
            values=values[:, at].unflatten(1, layout[name][1]), over="input", names=(), row_names=None, segments=None,
            standard_error=None,
        )
        for name, at in pictures.items()
    }  # fmt: skip
    return made, _rest(explanation, pictures, columns, layout)


def _columns(layout: dict[str, list], width: int) -> dict[str, slice]:
    """Return which numbers of a row belong to each input."""
    texts = [name for name, (drawn, *_) in layout.items() if drawn == "text"]
    found, start = {}, 0
    for name, shape in shapes_in(width, {name: shape for name, (_, shape, _) in layout.items()}, texts).items():
        found[name] = slice(start, start + prod(shape))
        start = found[name].stop
    return found


def _explained(layout: dict[str, list]) -> list[str]:
    return [name for name, (drawn, *_) in layout.items() if drawn]


def _of_columns(explanation: Explanation) -> Tensor:
    """Return a value for each number of each row, (N, D): that of its part, divided among the part's numbers."""
    if explanation.segments is None or isinstance(explanation.values, Tensor):
        return torch.stack([row.flatten() for row in explanation.values])
    rows = []
    for labels, values in zip(explanation.segments, explanation.values, strict=True):
        count = torch.bincount(labels[labels >= 0], minlength=len(values)).clamp_min(1)
        shared = (values / count.to(values))[labels.clamp_min(0)]
        rows.append(torch.where(labels < 0, torch.zeros_like(shared), shared))
    return torch.stack(rows)


def _rest(
    explanation: Explanation, pictures: dict[str, slice], columns: dict[str, slice], layout: dict[str, list]
) -> Explanation | None:
    """Return the explanation of what is in no picture: of parts those that lie elsewhere, else the other columns."""
    others = [name for name in _explained(layout) if name not in pictures]
    if not others:
        return None
    of_parts = explanation.segments is not None and not isinstance(explanation.values, Tensor)
    kept, names = [], []
    for row in range(len(explanation)):
        if of_parts:
            labels = torch.cat([explanation.segments[row][columns[name]] for name in others])
            numbers = labels[labels >= 0].unique().tolist()
            called = explanation.value_names(row)
        else:
            numbers = [number for name in others for number in range(columns[name].start, columns[name].stop)]
            called = _names_of(columns, layout)
        kept.append(numbers)
        names.append(tuple(called[number] for number in numbers))
    error = explanation.standard_error
    return replace(
        explanation,
        values=[row.flatten()[numbers] for row, numbers in zip(explanation.values, kept, strict=True)],
        standard_error=None if error is None else [row[numbers] for row, numbers in zip(error, kept, strict=True)],
        over="features", names=(), row_names=tuple(names), segments=None,
    )  # fmt: skip


def _names_of(columns: dict[str, slice], layout: dict[str, list]) -> list[str]:
    """Return a name for each number of a row: the input's, and the column's or a number."""
    found = []
    for name, at in columns.items():
        known, count = layout[name][2], at.stop - at.start
        found += [f"{name} {part}" for part in (known if len(known) == count else range(count))]
    return found
