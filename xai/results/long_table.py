"""The values of an explanation as a table with one line for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from xai.base.plain import visible_text

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

    parts = []
    for row in range(len(explanation)):
        values = explanation.values[row].detach().float().cpu()
        names = [visible_text(name) if isinstance(name, str) else name for name in _names(explanation, row)]
        named = {"row": row, "target": visible_text(explanation.target_name(row)), "name": names}
        part = pd.DataFrame({**named, "value": values.reshape(-1).numpy()})
        if values.ndim > 1:
            for axis, index in zip(_axes(explanation, values), torch.where(torch.ones_like(values)), strict=True):
                part[axis] = index.numpy()
        if explanation.standard_error is not None:
            part["standard_error"] = explanation.standard_error[row].reshape(-1).cpu().numpy()
            part["low"], part["high"] = explanation[row].interval()[0].reshape(2, -1).cpu().numpy()
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _names(explanation: Explanation, row: int) -> list[str] | list[int]:
    values, names = explanation.values[row], explanation.names
    if values.ndim == 2 and len(names) == values.shape[1]:  # the channels of a series, at every step
        return list(names) * len(values)
    named = values.numel() == len(names) or explanation.row_names is not None
    return explanation.value_names(row) if named else list(range(values.numel()))


def _axes(explanation: Explanation, values: Tensor) -> tuple[str, ...]:
    if explanation.inputs.ndim == 4 and values.shape == explanation.inputs.shape[2:]:  # a map over an image
        return ("y", "x")
    return AXES.get(values.ndim) or tuple(f"axis_{number}" for number in range(values.ndim))
