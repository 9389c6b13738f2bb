"""Rows of a table, as they are optimized: within bounds, or within the range of real ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from xai.inputs.base import Input
from xai.visualization.image_parameterizations import pixels
from xai.visualization.parameterization import Measure, Parameterization, unchanged
from xai.visualization.problem import Problem
from xai.visualization.row_limits import row_limits, row_shape

__all__ = ["RowProblem", "row_parameterization"]

CHANGE = 0.02  # the small change of a number, as a share of its range


class RowProblem(Problem):
    """Rows within limits; also the problem of inputs that are plain tensors."""

    def set_limits(self) -> None:
        examples = self.real if self.start is None else self.start
        self.shape = row_shape(self.input, self.config.size, examples)
        low, high = row_limits(self.input, self.shape, self.config.bounds, self.real)
        self.limits = low.to(self.model.device, self.model.dtype), high.to(self.model.device, self.model.dtype)

    def blank(self) -> Tensor:
        low, high = self.limits
        return ((low + high) / 2).expand(1, *self.shape).clone()

    def parameterize(self, generators: Sequence[torch.Generator], start: Tensor | None) -> Parameterization:
        settings = {"start": start, "vary": self.varies, "clip": self.clip}
        return row_parameterization(self.input, self.shape, generators, self.limits, **settings)


def row_parameterization(
    input: Input,
    shape: tuple[int, ...],
    generators: Sequence[torch.Generator],
    limits: tuple[Tensor, Tensor],
    *,
    start: Tensor | None,
    vary: bool,
    clip: bool,
) -> Parameterization:
    """Return the parameterization of rows or series; the codes of categories are chosen by trying every one of them."""
    low, high = limits
    width = (high - low).clamp_min(torch.finfo(low.dtype).tiny)
    names = list(getattr(input, "categorical", {}))
    columns = [input.names.index(name) for name in names]
    free = torch.ones(shape[-1], device=low.device)
    free[columns] = 0
    counts = [len(input.categorical[name]) for name in names]

    def encode(rows: Tensor) -> Tensor:
        return (rows - low) / width

    def codes(rows: Tensor) -> Tensor:
        """Return rows in which every category has one of its codes."""
        rows = rows.clone()
        for column, count in zip(columns, counts, strict=True):
            rows[..., column] = (rows[..., column] * (count - 1)).round().clamp(0, count - 1) / max(count - 1, 1)
        return rows

    def search(values: Tensor, measure: Measure) -> Tensor:
        values = values.clone()
        for column, count in zip(columns, counts, strict=True):
            tried = values[:, None].repeat(1, count, *[1] * len(shape))
            tried[..., column] = torch.arange(count, device=values.device).to(values) / max(count - 1, 1)
            reached = measure(low + tried.flatten(0, 1) * (high - low), count).view(len(values), count)
            values = tried[torch.arange(len(values)), reached.argmax(1)]
        return values

    def changed(rows: Tensor, draws: Sequence[torch.Generator]) -> Tensor:
        noise = torch.stack([torch.randn(tuple(rows.shape[1:]), generator=draw) for draw in draws])
        jittered = rows + CHANGE * noise.to(rows) * free
        return jittered.clamp(0, 1) if clip else jittered

    made = pixels(shape, generators, start=None if start is None else encode(start), clip=clip)
    return Parameterization(
        values=codes(made.values.to(low)),
        draw=lambda values, progress: values * free + (values * (1 - free)).detach(),
        noise=lambda generator, count: codes(torch.rand(count, *shape, generator=generator).to(low)),
        decode=lambda rows: low + rows * (high - low),
        encode=encode,
        vary=changed if vary else unchanged,
        change=changed,
        project=made.project,
        search=search if columns else None,
    )
