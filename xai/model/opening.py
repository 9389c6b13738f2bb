"""Open a session: check the arguments, predict, resolve the target, choose how the network is run."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from xai.base.arguments import whole_number
from xai.base.arrays import all_finite
from xai.base.errors import InputError, NetworkError, XaiWarning, within
from xai.model.batch_rows import meet
from xai.model.layer_session import LayerSession
from xai.model.outputs import contradiction
from xai.model.plan import ExecutionPlan, batch_size_for, make_plan
from xai.model.session import Session
from xai.model.target_model import aimed
from xai.model.targets import resolve_target
from xai.model.text_padding import learn_padding
from xai.model.token_session import TokenSession
from xai.network.digest import version_key
from xai.network.guard import untouched

if TYPE_CHECKING:
    from xai.model.model import Model

__all__ = ["SCORES", "open_session"]

SCORES = ("output", "probability", "log_probability")
# Checking a faster form costs each row about two of the passes that follow: below this many it cannot pay.
PASSES_WORTH_A_PLAN = 16
COARSE = 1e-4  # half precision, of which a difference of two scores may be no more than rounding
ENOUGH = 64  # outputs after which those that contradict what was declared would have been met


@contextmanager
def open_session(
    model: Model,
    operation: str,
    inputs: object,
    target: object = None,
    *,
    of: str = "output",
    seed: int | None = None,
    passes: int = 1,
    exact: bool = False,
    batch_size: int | None = None,
    layer: str | None = None,
    differentiable: bool = False,
    scores_only: bool = False,
    one_gradient: bool = False,
) -> Generator[Session]:
    """Lend a session while the network is guarded; errors that leave it begin with the operation's name.

    `passes` is about how many evaluations each row will need. With a `layer`, its output stands for the inputs.
    `differentiable`: words become the vectors (N, L, D) that the network's embedding turns them into, so that a
    method may take gradients and go on paths. `scores_only`: no gradient is taken, or none that depends on the side of
    a kink (of a ReLU, say): a faster form then need only agree in its scores. `one_gradient`: the method takes the
    gradient at the inputs first: the pass that predicts keeps its graph.
    """
    with within(operation):
        if of not in SCORES:
            raise InputError("of", expected="'output', 'probability' or 'log_probability'", got=repr(of))
        if of == "log_probability" and model.task == "regression":
            raise InputError("of", expected="'output' of a regression", got=repr(of))
        batch_size = None if batch_size is None else whole_number("batch_size", batch_size, 1)
        seed = None if seed is None else whole_number("seed", seed)
        batch = model.prepare(inputs)
        with untouched(model.network):
            model, target = aimed(model, batch, target)
            found = model.trace_of(batch[:1])
            size = batch_size or batch_size_for(found, batch[0].numel(), batch.device.type)
            size = model.memory.rows.exactly or size
            words = differentiable and not batch.is_floating_point()
            at_once = one_gradient and layer is None and len(batch) <= size and batch.is_floating_point()
            variable = batch.detach().clone().requires_grad_() if at_once else None
            raw = run(model, batch if variable is None else variable, size, keep_graph=at_once)
            version = version_key(model.network, buffers=False)
            if model.input.embedded and learn_padding(model, version, batch):
                raw = run(model, batch, size)
            deterministic = is_deterministic(model, version, batch[:1], raw[:1].detach())
            if model.memory.rows.alone and size > 1:
                size, variable = 1, None
                raw = run(model, batch, size)
            prediction = model.probabilities(raw.detach())
            resolved = resolve_target(target, prediction, model.classes, model.task)
            if model.aim is not None:
                resolved = replace(resolved, functions=model.aim.targets)
            plan = ExecutionPlan(model.network, size)
            session = Session(operation, model, batch, resolved, prediction, plan, found, of, seed, exact)
            session.diagnostics, session.version = [{} for _ in range(len(batch))], version
            if variable is not None and raw.requires_grad:
                session.first_pass = variable, raw
            for remark, values in model.input.remarks(batch).items():
                session.note(remark, values)
            if model.memory.step > COARSE:
                session.note("output_step", model.memory.step * raw.detach().abs().amax(1))
            if not deterministic:
                session.note("non_deterministic", [True] * len(batch))
            if model.memory.rows.alone:
                session.note("rows_see_each_other", [True] * len(batch))
            if model.memory.rows.present is not None and model.input.embedded:
                session.note("padding_left_out", [True] * len(batch))
            if layer is not None:
                session = LayerSession.of_layer(session, layer)
            elif words:
                session = TokenSession.of_texts(session)
            elif not exact and passes >= PASSES_WORTH_A_PLAN and model.forward is None and model.aim is None:
                session.plan = make_plan(model, found, batch, raw, resolved, size, scores_only=scores_only)
            yield session


def run(model: Model, batch: Tensor, size: int, *, keep_graph: bool = False) -> Tensor:
    """Return what the network puts out for a prepared batch, (N, K), checked against what was declared of it."""
    with torch.set_grad_enabled(keep_graph):
        parts = [model.forward_on(model.network, part) for part in batch.split(size)]
    raw = parts[0] if len(parts) == 1 else torch.cat(parts)
    if not all_finite(raw.detach()):
        raise NetworkError("network", expected="finite outputs", got="NaN or infinity")
    outputs = model.columns(raw[:1].detach()).shape[1]
    allowed = {"classification": outputs >= 2, "binary": outputs == 2}.get(model.task, True)
    if not allowed:
        wanted = "at least two outputs" if model.task == "classification" else "one output or two"
        raise NetworkError("network", expected=f"{wanted} for task {model.task!r}", got=f"{outputs}")
    if model.classes is not None and len(model.classes) != outputs:
        wanted = f"one output for each of {len(model.classes)} classes"
        raise NetworkError("network", expected=wanted, got=f"{outputs} outputs")
    if model.memory.outputs_seen < ENOUGH:
        _compare_with_declared(model, raw.detach())
    return raw


def is_deterministic(model: Model, version: tuple, row: Tensor, raw: Tensor) -> bool:
    """Say whether a row (1, ...) gives the same output again; asked once for its shape and the weights (see `meet`)."""
    known, shape = model.memory.determinism_of(version), tuple(row.shape[1:])
    if shape not in known:
        known[shape] = meet(model, row, raw)
    return known[shape]


def _compare_with_declared(model: Model, raw: Tensor) -> None:
    """Warn once where outputs contradict what was declared.

    Not after enough outputs have fitted the declaration: later ones may be far from any data.
    """
    reason = contradiction(raw, model.task, model.output)
    model.memory.outputs_seen = ENOUGH if reason is not None else model.memory.outputs_seen + raw.numel()
    if reason is not None:
        text = f"Model: output: this network was said to put out {reason}"
        warnings.warn(text, XaiWarning, stacklevel=6)
