"""LIME for series: windows of time are hidden, and a surrogate says what each contributed."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor

from xai.base.errors import InputError, describe, names_errors
from xai.inputs.baselines import as_row
from xai.inputs.series import window_parts
from xai.inputs.tensor import TensorInput
from xai.lime.parts import explain_parts
from xai.lime.settings import SurrogateSettings, read_settings
from xai.methods import METHODS
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["lime_series"]


@names_errors("lime_series")
def lime_series(
    model: Model,
    series: object,
    target: object = None,
    *,
    window: int = 1,
    segments: object = None,
    channels: str = "together",
    fill: object = "mean",
    **settings: Unpack[SurrogateSettings],
) -> Explanation:
    """Return one weight per window of time: how much showing its steps adds to the target.

    Args:
        model: Of series.
        series: (N, steps) or (N, steps, channels); the second axis is time.
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        window: How many steps are hidden together, where `segments` says nothing.
        segments: "signal" for windows between the points where the mean changes (`xai.inputs.series_windows`), or how
            many windows of one length, or labels of the steps (T,).
        channels: "together", or "apart" where each channel of a window is a part of its own.
        fill: What hidden steps show: "mean" (of each channel over time), "zero", a number or a tensor. Padding stays.
        settings: See `xai.lime.settings.SurrogateSettings`: samples, most_samples (5,000), top, confidence, surrogate,
            features, penalty, kernel_width (0.25 of cosine distance), of, seed, exact, batch_size.

    Returns:
        values: a list of (d,) per row, in units of `of`, with `standard_error` beside it (sampling only); `segments`
        (N, steps) holds the window of each step. Diagnostics as for `lime_image`.

    Raises:
        InputError: An argument cannot be.
        TargetError: There is no such target.
        NetworkError: The network fails, or puts out something else than scores.

    Source: Ribeiro, Singh, Guestrin 2016, arXiv:1602.04938.

    >>> import torch
    >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))
    >>> lime_series(Model(network), torch.rand(1, 6, 2), window=2, samples=100).value_names()
    ['0 to 1', '2 to 3', '4 to 5']
    """
    fit, run = read_settings("lime_series", SurrogateSettings, **settings)
    if not METHODS["lime_series"].takes(model.input.kind):
        raise InputError("model", expected="one of series", got=f"input {model.input.kind}")
    with model.explaining("lime_series", series, target, **run) as session:
        if len(session.kind.axes(session.inputs)) != 1 or not session.inputs.is_floating_point():
            wanted = "shape (N, steps), (N, steps, channels) or (N, channels, steps)"
            raise InputError("series", expected=wanted, got=describe(session.inputs))
        (steps,) = session.kind.positions(session.inputs)
        if isinstance(window, bool) or not isinstance(window, int) or not 1 <= window <= steps:
            raise InputError("window", expected=f"a number of steps from 1 to {steps}", got=repr(window))
        if segments is None and channels == "together":
            by_step = session.inputs.movedim(session.kind.axes(session.inputs)[0], 1)
            parts = window_parts(by_step, window, session.present)
        else:
            cut = torch.arange(steps) // window if segments is None else segments
            parts = session.kind.parts(session.inputs, (cut, channels))
        cutting = {"segments": segments if isinstance(segments, int | None) else parts.cut, "channels": channels}
        cutting = cutting if segments is not None or channels != "together" else {}
        hidden, fill_name = _hidden(fill, session)
        if fill_name == "given":
            session.background_values = as_row(fill, session.inputs)[None]
        chosen = {name: value for name, value in fit.options().items() if name != "engine"}
        return explain_parts(
            session,
            "lime_series",
            parts,
            session.kind.hiding(session.inputs, parts, hidden[None]),
            fit,
            baseline=fill_name,
            options={"window": window, **cutting, "fill": fill_name, "of": run["of"], **chosen},
        )


def _hidden(fill: object, session: Session) -> tuple[Tensor, str | float]:
    if session.present is not None:  # padding stays padding, and counts in no mean
        return session.baseline(fill)
    if isinstance(fill, str) and fill == "mean":
        return session.inputs.mean(session.kind.axes(session.inputs), keepdim=True).expand_as(session.inputs), fill
    return TensorInput().baseline(fill, session.inputs)
