"""The trace of a model's network for rows of one shape, made once and kept."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from xai.base.errors import InputError, NetworkError
from xai.model.batch_rows import learn_rows, rows_run
from xai.model.read_output import all_numbers, read_scores
from xai.model.text_padding import learn_width
from xai.network.modules import modules_of
from xai.network.trace import Trace, trace

if TYPE_CHECKING:
    from xai.model.model import Model

__all__ = ["numbers_on", "traced"]


def traced(model: Model, row: Tensor) -> Trace:
    """Return the trace of one prepared input (1, ...), read once per shape; to be called inside `untouched`."""
    key, modules, known = tuple(row.shape[1:]), modules_of(model.network), model.memory.traces
    if key not in known or known[key][0] != modules:
        # With a graph where the input allows one: it tells what reads the output of a convolution.
        seen = row.detach().clone().requires_grad_() if row.is_floating_point() else row
        run = partial(numbers_on, model, model.network, seen)
        try:
            found = trace(model.network, run)
        except NetworkError as error:
            # Weights that were made in inference mode allow no graph; others want more rows at a time.
            graph = not learn_width(model, row) and not rows_run(model, row.detach(), 1)
            if graph:
                learn_rows(model, row.detach(), error)
            with torch.set_grad_enabled(graph):
                found = trace(model.network, run)
        known[key] = modules, found
    return known[key][1]


def numbers_on(model: Model, network: nn.Module, batch: Tensor) -> Tensor:
    """Run a network on a prepared batch; returns its scores (n, K), or where it has none all numbers it puts out."""

    def numbers(part: Tensor | list[str]) -> Tensor:
        output = model.answer(network, part)
        try:
            return read_scores(output, model.output_key, len(part))[0]
        except (InputError, NetworkError):
            found = all_numbers(output, len(part))
            if found is None:
                raise
            return found

    return model.memory.rows.run(batch if batch.is_floating_point() else model.input.feed(batch), numbers)
