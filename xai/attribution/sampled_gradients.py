"""Methods that average gradients over random points, each with the standard error of its draws."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from xai.attribution.gradients import note_completeness
from xai.base.arguments import real_number, whole_number
from xai.base.errors import names_errors
from xai.model.model import Model
from xai.model.session import Case
from xai.results.explanation import Explanation

__all__ = ["gradient_shap", "smoothgrad"]


@names_errors("smoothgrad")
def smoothgrad(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    noise: float = 0.15,
    samples: int = 32,
    layer: str | None = None,
    seed: int = 0,
    exact: bool = False,
    batch_size: int | None = None,
) -> Explanation:
    """Return the mean gradient over copies of the input under normal noise, with its standard error.

    inputs: (N, ...). noise: its standard deviation, as a share of the input's range. layer: whose output to explain in
    place of the inputs. values: (N, ...), signed, output units per input unit; `standard_error` alike.
    Raises InputError, TargetError or NetworkError. Source: Smilkov et al. 2017, arXiv:1706.03825.

    >>> model = Model(torch.nn.Linear(2, 1, bias=False), task="regression")
    >>> with torch.no_grad():
    ...     _ = model.network.weight.copy_(torch.tensor([[2.0, -3.0]]))
    >>> smoothgrad(model, [[1.0, 1.0]]).values
    tensor([[ 2., -3.]])
    """
    samples = whole_number("samples", samples, 2)
    noise = real_number("noise", noise, 0)
    run = {"passes": samples, "exact": exact, "batch_size": batch_size, "layer": layer, "differentiable": True}
    with model.explaining("smoothgrad", inputs, target, seed=seed, **run) as case:
        flat = case.inputs.flatten(1)
        spread = noise * (flat.max(1).values - flat.min(1).values)
        generators = [case.generator(row) for row in case.rows.tolist()]
        shape, dtype = case.inputs.shape[1:], case.inputs.dtype

        def values(rows: Tensor, number: Tensor) -> Tensor:
            # One draw at a time, in order: the numbers must not depend on how samples are cut into batches.
            draws = [torch.randn(shape, generator=generators[row], dtype=dtype) for row in rows.tolist()]
            noisy = torch.stack(draws).to(case.inputs.device).mul_(_like(spread[rows], case.inputs))
            if case.present is not None:
                noisy.mul_(case.present[rows][:, :, None])  # padding stays padding
            return case.gradient(noisy.add_(case.inputs[rows]), rows)[1]

        mean, error = _mean(case, samples, values)
        options = {"noise": noise, "samples": samples}
        return case.explanation("smoothgrad", mean, "input", standard_error=error, options=options)


@names_errors("gradient_shap")
def gradient_shap(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    background: object = "zero",
    samples: int = 64,
    layer: str | None = None,
    seed: int = 0,
    exact: bool = False,
    batch_size: int | None = None,
) -> Explanation:
    """Return expected gradients: the gradient at random points between the input and rows of a background.

    The values of a row add up, but for what chance misses, to the output at the input minus its mean over the
    background; `completeness_error` says how far off they are.

    inputs: (N, ...). background: a baseline ("zero", "mean", "noise", "blur", a number), several of them, or rows of
    data (B, ...). layer: whose output to explain in place of the inputs. values: (N, ...), signed, output units;
    `standard_error` alike, from the draws.
    Raises InputError, TargetError or NetworkError. Source: Erion et al. 2021, arXiv:1906.10670.

    >>> model = Model(torch.nn.Linear(2, 1, bias=False), task="regression")
    >>> with torch.no_grad():
    ...     _ = model.network.weight.copy_(torch.tensor([[2.0, -3.0]]))
    >>> gradient_shap(model, [[1.0, 1.0]], samples=4).values
    tensor([[ 2., -3.]])
    """
    samples = whole_number("samples", samples, 2)
    run = {"passes": samples, "exact": exact, "batch_size": batch_size, "layer": layer, "differentiable": True}
    with model.explaining("gradient_shap", inputs, target, seed=seed, **run) as case:
        behind, name = case.background(background)
        chosen, share = (torch.empty(len(case), samples, dtype=dtype) for dtype in (torch.long, case.inputs.dtype))
        for row in case.rows.tolist():
            generator = case.generator(row)
            chosen[row] = torch.randint(len(behind), (samples,), generator=generator)
            share[row] = torch.rand(samples, generator=generator, dtype=share.dtype)
        chosen, share = chosen.to(case.inputs.device), share.to(case.inputs.device)

        def values(rows: Tensor, number: Tensor) -> Tensor:
            start = behind[chosen[rows, number], rows]
            path = case.inputs[rows] - start
            return case.gradient(start + _like(share[rows, number], path) * path, rows)[1] * path

        mean, error = _mean(case, samples, values)
        empty = torch.zeros(len(case), dtype=torch.float64, device=case.inputs.device)
        for indices in case.chunks(len(case) * len(behind)):
            rows, number = indices // len(behind), indices % len(behind)
            empty.index_add_(0, rows, case.scores(behind[number, rows], rows) / len(behind))
        note_completeness(case, mean, case.scores(case.inputs, case.rows) - empty)
        options = {"background": "given" if name == "data" else background, "samples": samples}
        extra = {"standard_error": error, "baseline": name, "options": options}
        return case.explanation("gradient_shap", mean, "input", **extra)


def _mean(case: Case, samples: int, values: Callable[[Tensor, Tensor], Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Return the mean over samples of values(rows, number of the sample), (N, ...), and its standard errors by row.

    Of words, it is the sum over a word's vector that has an error.
    """
    shape = case.inputs.shape if case.words is None else (*case.inputs.shape[:2], 1)
    total = torch.zeros(shape, dtype=torch.float64, device=case.inputs.device)
    squares = torch.zeros_like(total)
    for indices in case.chunks(len(case) * samples):
        rows, number = indices // samples, indices % samples
        part = values(rows, number).double()
        part = part if case.words is None else part.sum(2, keepdim=True)
        total.index_add_(0, rows, part)
        squares.index_add_(0, rows, part.square_())
    mean = total / samples
    case.note("degrees_of_freedom", [samples - 1] * len(case))
    variance = (squares / samples - mean.square()).clamp_min_(0) / (samples - 1)
    mean, error = mean.to(case.inputs.dtype), variance.sqrt_().to(case.inputs.dtype)
    if case.words is None:
        return mean, list(error)
    return mean, [row[:count, 0] for row, count in zip(error, case.words.lengths)]


def _like(numbers: Tensor, batch: Tensor) -> Tensor:
    """Return one number per item (n,) in a shape that multiplies a batch (n, ...)."""
    return numbers.view(-1, *(1,) * (batch.ndim - 1))
