"""What the kernel width does: LIME's weights over a range of widths, since no rule knows the right neighborhood."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from torch import nn

from xai.base.errors import InputError, describe, names_errors
from xai.model.model import Model
from xai.results.explanation import Explanation

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["kernel_widths"]

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)


@names_errors("kernel_widths")
def kernel_widths(
    method: Callable[..., Explanation],
    model: Model,
    inputs: object,
    target: object = None,
    *,
    widths: Sequence[float] | None = None,
    **settings: Any,
) -> pd.DataFrame:
    """Return the explanations of `inputs` at several kernel widths, as one table with a column `kernel_width`.

    Columns besides those of `Explanation.to_frame`: kernel_width, r2, samples. Explain one row at a time to read it as
    curves (`pivot`).

    Args:
        method: `xai.lime_tabular`, `xai.lime_text`, `xai.lime_image` or `xai.lime_series`.
        model: What is explained.
        inputs: As the method takes them.
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        widths: In the method's unit, by default a quarter to four times the default.
        settings: Keyword arguments of the method.

    Raises:
        InputError: The widths cannot be, and what the method raises.

    >>> import torch
    >>> from xai.lime.series import lime_series
    >>> model = Model(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2)))
    >>> frame = kernel_widths(lime_series, model, torch.rand(1, 4), widths=[0.1, 0.5], samples=100)
    >>> frame.pivot(index="name", columns="kernel_width", values="value").shape
    (4, 2)
    """
    import pandas as pd

    if isinstance(method, nn.Module) or not callable(method):
        raise InputError("method", expected="a LIME method, such as xai.lime_tabular", got=describe(method))
    first = None
    if widths is None:
        first = method(model, inputs, target, **{"samples": 100, **settings})
        default = float(first.diagnostics[0]["kernel_width"])
        widths = [factor * default for factor in FACTORS]
    if not isinstance(widths, list | tuple) or not widths:
        raise InputError("widths", expected="a list of numbers above 0", got=describe(widths))
    parts = []
    for width in widths:
        explanation = method(model, inputs, target, **{**settings, "kernel_width": width})
        frame = explanation.to_frame()
        frame["kernel_width"] = float(width)
        for name in ("r2", "samples"):
            frame[name] = frame["row"].map({row: item[name] for row, item in enumerate(explanation.diagnostics)})
        parts.append(frame)
    return pd.concat(parts, ignore_index=True)
