"""The values of an explanation as a table with one line for each."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from xai.base.json_values import visible_text

if TYPE_CHECKING:
    import pandas as pd

    from xai.results.explanation import Explanation

__all__ = ["long_table"]

AXES = {2: ("step", "channel"), 3: ("channel", "y", "x"), 4: ("channel", "z", "y", "x")}


def long_table(explanation: Explanation) -> pd.DataFrame:
    """Return row, target, name or number, value, where it stands, and the standard error where there is one.

    Where: channel, y and x of a pixel, step and channel of a series (its channels have names); see `AXES`.
    """
    import pandas as pd

    rows = [values.detach().float().cpu() for values in explanation.values]
    counts = np.array([values.numel() for values in rows])
    targets = np.array([visible_text(explanation.target_name(row)) for row in range(len(rows))], dtype=object)
    columns: dict[str, object] = {
        "row": np.repeat(np.arange(len(rows)), counts),
        "target": np.repeat(targets, counts),
        "name": _all_names(explanation, rows),
        "value": _joined(rows),
    }
    if rows[0].ndim > 1:
        columns |= _positions(explanation, rows)
    if explanation.standard_error is not None:
        columns["standard_error"] = _joined(explanation.standard_error)
        ends = explanation.interval()
        columns["low"], columns["high"] = _joined([low for low, _ in ends]), _joined([high for _, high in ends])
    return pd.DataFrame(columns)


def _joined(rows: list[Tensor]) -> np.ndarray:
    return torch.cat([values.detach().reshape(-1) for values in rows]).cpu().numpy()


def _all_names(explanation: Explanation, rows: list[Tensor]) -> list[str | int]:
    """Return the name of every value; those that all rows share are made once."""
    alike = explanation.row_names is None and len({values.shape for values in rows}) == 1
    if alike:
        return [*_names(explanation, 0)] * len(rows)
    return list(chain.from_iterable(_names(explanation, row) for row in range(len(rows))))


def _names(explanation: Explanation, row: int) -> list[str] | list[int]:
    values, names = explanation.values[row], explanation.names
    if values.ndim == 2 and len(names) == values.shape[1]:  # the channels of a series, at every step
        return [visible_text(name) for name in names] * len(values)
    if values.numel() == len(names) or explanation.row_names is not None:
        return [visible_text(name) for name in explanation.value_names(row)]
    return list(range(values.numel()))


def _positions(explanation: Explanation, rows: list[Tensor]) -> dict[str, np.ndarray]:
    """Return the index of every value along each axis of its row."""
    found: dict[tuple[int, ...], list[np.ndarray]] = {}
    for values in rows:
        shape = tuple(values.shape)
        if shape not in found:
            found[shape] = [index.reshape(-1) for index in np.indices(shape)]
    parts = [found[tuple(values.shape)] for values in rows]
    axes = _axes(explanation, rows[0])
    return {axis: np.concatenate([part[position] for part in parts]) for position, axis in enumerate(axes)}


def _axes(explanation: Explanation, values: Tensor) -> tuple[str, ...]:
    if values.ndim == 2 and values.shape == explanation.inputs.shape[2:]:  # a map over an image
        return ("y", "x")
    sides = explanation.options.get("run", {}).get("axes")
    if (
        sides is not None and values.ndim == 3 and explanation.over == "layer"
    ):  # maps of a layer whose channels are not its first axis
        return tuple({sides[0] - 1: "y", sides[1] - 1: "x"}.get(axis, "channel") for axis in range(3))
    return AXES.get(values.ndim) or tuple(f"axis_{number}" for number in range(values.ndim))
