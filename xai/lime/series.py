"""LIME for series: stretches of time are hidden, and a surrogate says what each contributed."""

from __future__ import annotations

from torch import Tensor

from xai.base.errors import InputError, describe, names_errors
from xai.inputs.baselines import as_row
from xai.inputs.series import window_parts
from xai.inputs.tensor import TensorInput
from xai.lime.parts import explain_parts
from xai.lime.settings import check_settings
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
    fill: object = "mean",
    samples: int | None = None,
    most_samples: int = 5000,
    top: int = 5,
    confidence: float = 0.95,
    surrogate: str = "ridge",
    features: int | None = None,
    penalty: float = 1.0,
    kernel_width: float | None = None,
    of: str = "probability",
    seed: int = 0,
    exact: bool = False,
    batch_size: int | None = None,
) -> Explanation:
    """Return one weight per stretch of `window` steps: how much showing it adds to the target, all channels together.

    series: (N, steps) or (N, steps, channels), the second axis is time. fill: what hidden steps show: "mean" (of each
    channel over time), "zero", a number or a tensor. The other settings are those of `xai.lime.settings.Settings`.
    values: a list of (d,) per row with `standard_error`; `segments` (N, steps) holds the stretch of each step.
    Raises InputError, TargetError or NetworkError. Source: Ribeiro, Singh, Guestrin 2016, arXiv:1602.04938.

    >>> import torch
    >>> import torch
    >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))
    >>> lime_series(Model(network), torch.rand(1, 6, 2), window=2, samples=100).value_names()
    ['0 to 1', '2 to 3', '4 to 5']
    """
    settings = check_settings(
        samples=samples, most_samples=most_samples, top=top, confidence=confidence, surrogate=surrogate,
        features=features, penalty=penalty, kernel_width=kernel_width,
    )  # fmt: skip
    if not METHODS["lime_series"].takes(model.input.kind):
        raise InputError("model", expected="one of series", got=f"input {model.input.kind}")
    run = {"of": of, "seed": seed, "passes": settings.passes, "exact": exact, "batch_size": batch_size}
    with model.explaining("lime_series", series, target, **run) as session:
        if len(session.kind.axes(session.inputs)) != 1 or not session.inputs.is_floating_point():
            wanted = "shape (N, steps) or (N, steps, channels)"
            raise InputError("series", expected=wanted, got=describe(session.inputs))
        steps = session.inputs.shape[1]
        if isinstance(window, bool) or not isinstance(window, int) or not 1 <= window <= steps:
            raise InputError("window", expected=f"a number of steps from 1 to {steps}", got=repr(window))
        parts = window_parts(session.inputs, window)
        hidden, fill_name = _hidden(fill, session)
        if fill_name == "given":
            session.background_values = as_row(fill, session.inputs)[None]
        chosen = {name: value for name, value in settings.options().items() if name != "engine"}
        return explain_parts(
            session,
            "lime_series",
            parts,
            session.kind.hiding(session.inputs, parts, hidden[None]),
            settings,
            baseline=fill_name,
            options={"window": window, "fill": fill_name, "of": of, **chosen},
        )


def _hidden(fill: object, session: Session) -> tuple[Tensor, str | float]:
    if isinstance(fill, str) and fill == "mean":
        return session.inputs.mean(1, keepdim=True).expand_as(session.inputs), fill
    return TensorInput().baseline(fill, session.inputs)
