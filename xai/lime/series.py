"""LIME for series: stretches of time are hidden, and a surrogate says what each contributed."""

from __future__ import annotations

import torch
from torch import Tensor

from xai.base.errors import InputError, describe, names_errors
from xai.inputs.baselines import as_row, make_baseline
from xai.lime.neighborhood import fit_masks, note_fits
from xai.lime.settings import Settings, check_settings
from xai.model.model import Model
from xai.model.session import Case
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

    >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))
    >>> lime_series(Model(network), torch.rand(1, 6, 2), window=2, samples=100).value_names()
    ['0 to 1', '2 to 3', '4 to 5']
    """
    operation = "lime_series"
    settings = check_settings(
        samples=samples, most_samples=most_samples, top=top, confidence=confidence, surrogate=surrogate,
        features=features, penalty=penalty, kernel_width=kernel_width,
    )  # fmt: skip
    if model.input.kind not in ("sequence", "tensor"):
        raise InputError("model", expected="one of series", got=f"input {model.input.kind}")
    run = {"of": of, "seed": seed, "passes": settings.passes, "exact": exact, "batch_size": batch_size}
    with model.explaining(operation, series, target, **run) as case:
        if case.inputs.ndim not in (2, 3) or not case.inputs.is_floating_point():
            wanted = "shape (N, steps) or (N, steps, channels)"
            raise InputError("series", expected=wanted, got=describe(case.inputs))
        steps = case.inputs.shape[1]
        if isinstance(window, bool) or not isinstance(window, int) or not 1 <= window <= steps:
            raise InputError("window", expected=f"a number of steps from 1 to {steps}", got=repr(window))
        labels = torch.arange(steps, device=case.inputs.device) // window
        hidden, fill_name = _hidden(fill, case.inputs)
        if fill_name == "given":
            case.behind = as_row(fill, case.inputs)[None]
        fits = [_fit(case, row, labels, hidden[row], settings) for row in case.rows.tolist()]
        starts = range(0, steps, window)
        names = tuple(str(start) if window == 1 else f"{start} to {min(start + window, steps) - 1}" for start in starts)
        whole = [fit.intercept + float(fit.weights.sum()) for fit in fits]
        note_fits(case, fits, case.scores(case.inputs, case.rows).tolist(), whole, [names] * len(case))
        errors = [fit.standard_error for fit in fits]
        chosen = {name: value for name, value in settings.options().items() if name != "engine"}
        return case.explanation(
            operation,
            [fit.weights.to(torch.float32) for fit in fits],
            "steps",
            standard_error=None if errors[0] is None else [error.to(torch.float32) for error in errors],
            segments=labels.expand(len(case), -1).contiguous(),
            row_names=(names,) * len(case),
            baseline=fill_name,
            options={"window": window, "fill": fill_name, "of": of, **chosen},
        )


def _fit(case: Case, row: int, labels: Tensor, hidden: Tensor, settings: Settings) -> object:
    """Fit one series: labels (steps,), hidden like the series."""
    series = case.inputs[row]
    number = torch.tensor(row, device=series.device)

    def answer(masks: Tensor) -> Tensor:
        masks = masks.to(series.device)
        answers = torch.empty(len(masks), dtype=torch.float64, device=series.device)
        for indices in case.chunks(len(masks)):
            shown = masks[indices][:, labels]  # (n, steps)
            shown = shown if series.ndim == 1 else shown[..., None]
            answers[indices] = case.scores(torch.where(shown, series, hidden), number.expand(len(indices)))
        return answers

    return fit_masks(int(labels.max()) + 1, "half", answer, settings, case.generator(row))


def _hidden(fill: object, series: Tensor) -> tuple[Tensor, str | float]:
    if isinstance(fill, str) and fill == "mean":
        return series.mean(1, keepdim=True).expand_as(series), fill
    return make_baseline(fill, series)
