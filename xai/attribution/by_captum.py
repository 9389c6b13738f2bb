"""Any attribution of captum, run under our guard: its own numbers, as an explanation that carries evidence."""

from __future__ import annotations

import random
import warnings
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xai.attribution.captum_calls import Call, bound, check_settings, class_claim
from xai.attribution.captum_inputs import Handed
from xai.base.errors import InputError, LayerError, TargetError, XaiError, describe, describe_error
from xai.base.json_values import as_plain
from xai.base.specs import CLAIMS
from xai.model.map_layers import map_layer
from xai.model.model import Model
from xai.model.session import Session
from xai.network.guard import untouched
from xai.results.explanation import Explanation

__all__ = ["attribute_by_captum"]


def attribute_by_captum(
    model: Model,
    method: Any,
    inputs: object,
    target: object,
    *,
    layer: str | None,
    claim: str | None,
    seed: int,
    settings: dict[str, Any],
) -> Explanation:
    """Return the explanation that a class or object of captum makes; see `attribute`.

    Its values are captum's to the bit. An object is handed what the network is called with, or the caller's units,
    whichever its forward function turns into the model's answers.
    """
    if claim is not None and claim not in CLAIMS:
        raise InputError("claim", expected=f"one of {', '.join(CLAIMS)}", got=repr(claim))
    call = bound(model, method, layer)
    check_settings(call, settings)
    explained = _explained(model, call, settings)

    def remake(other: Model, rows: object, chosen: list) -> Tensor:
        values, _ = _run(model, other, call, rows, chosen, settings, seed)
        return values

    values, found = _run(model, explained, call, inputs, target, settings, seed)
    made = Explanation.of(
        explained,
        inputs,
        values,
        list(found["target"]),
        claim=claim or class_claim(call, settings),
        method=f"captum {call.name}",
        baseline=found["baseline"],
        layer=call.layer if call.over_layer else None,
        remake=remake,
    )
    recorded = {"captum": as_plain({name: _plain_setting(value) for name, value in settings.items()} | {"seed": seed})}
    options = {**made.options, "run": {**made.options["run"], **recorded, **found["run"]}}
    noted = [{**row, **more} for row, more in zip(made.diagnostics, found["diagnostics"], strict=True)]
    return replace(made, options=options, diagnostics=tuple(noted))


def _explained(model: Model, call: Call, settings: dict[str, Any]) -> Model:
    """Return the model whose output is explained: of a neuron's attribution, the one whose output is the neuron."""
    if not call.of_neuron:
        return model
    selector = settings.get("neuron_selector")
    position: tuple[Any, ...] = selector if isinstance(selector, tuple) else (selector,)
    if not all(isinstance(item, int) and not isinstance(item, bool) for item in position):
        wanted = "a unit of the layer: a whole number or a tuple of them"
        raise InputError("neuron_selector", expected=wanted, got=describe(selector))
    if settings.get("attribute_to_neuron_input"):
        raise InputError("attribute_to_neuron_input", expected="False (name the layer before)", got=True)
    return model.unit(str(call.layer), position, before=False)


def _run(
    model: Model, other: Model, call: Call, inputs: object, target: object, settings: dict[str, Any], seed: int
) -> tuple[Tensor, dict[str, Any]]:
    """Return captum's values (N, ...) for the weights of the `other` model, and what else there is to know of them."""
    with other.explaining("attribute", inputs, target, exact=True) as session, call.with_weights_of(other):
        if session.model.aim is not None and not call.of_neuron:  # targets that are functions of the output
            call = replace(call, model=session.model.with_network(call.model.network))
        made = call.make(model.with_network(other.network) if call.of_neuron else session.model)
        batch = call.fed(session, settings)
        asked = batch.settings(settings)
        if call.takes_target:
            asked = {**asked, "target": _target(session, call, batch)}
        with ExitStack() as around:
            for network in call.own_networks:  # a module around the network, such as its normalization
                around.enter_context(untouched(network))
            values, delta = _attribute(made, call, batch, asked, seed)
        found: dict[str, Any] = {"target": session.target.labels(), "diagnostics": [{} for _ in range(len(session))]}
        found["run"] = _axes(session, call, values)
        start = call.baseline(session, batch, settings)
        if delta is not None:
            _note_delta(found["diagnostics"], values, delta)
    found["baseline"] = start
    if call.over_layer and isinstance(start, Tensor):
        with other.explaining(
            "attribute", start.expand_as(session.raw_inputs), target, layer=call.layer
        ) as baseline_session:
            found["baseline"] = baseline_session.inputs
    return values, found


def _attribute(made: Any, call: Call, batch: Handed, asked: dict[str, Any], seed: int) -> tuple[Tensor, Tensor | None]:
    """Return what captum gives (N, ...), and by what it misses its sum, where it was asked to say so."""
    with _drawing(seed), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"captum\.")
        warnings.filterwarnings("ignore", message="Setting forward, backward hooks")
        warnings.filterwarnings("ignore", message="Input Tensor .* did not already require gradients")
        try:
            result = made.attribute(batch.inputs, **asked)
        except XaiError:
            raise
        except Exception as error:
            got = describe_error(error)
            raise InputError("methods", expected=f"a call that captum's {call.name} can make", got=got) from error
    delta = None
    if asked.get("return_convergence_delta"):
        result, delta = result
    result = batch.whole(result)
    while isinstance(result, tuple | list) and len(result) == 1:
        (result,) = result
    if not isinstance(result, Tensor):
        wanted = "one layer with one output" if call.over_layer else "values of one input"
        raise InputError("methods", expected=wanted, got=describe(result))
    return result.detach(), delta


@contextmanager
def _drawing(seed: int) -> Generator[None]:
    """Seed what captum draws from; the guard puts the global random state back."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - captum draws from the global state
    random.seed(seed)
    yield


def _target(session: Session, call: Call, batch: Handed) -> int | Tensor | None:
    """Return the target in captum's form: None where the forward function gives one number a row."""
    chosen = session.target
    if chosen.against is not None:
        wanted = "one class (captum explains one output), or a function: lambda output: output[:, a] - output[:, b]"
        raise TargetError("target", expected=wanted, got="a pair")
    outputs = call.outputs(session, batch)
    index = chosen.index
    if outputs.ndim < 2 or outputs.shape[1] == 1:
        if session.prediction.shape[1] == 2 and not bool((index == 1).all()):
            wanted = "1, the class whose score the network puts out"
            raise TargetError("target", expected=wanted, got=index.tolist())
        return None if outputs.ndim < 2 else 0
    return int(index[0]) if bool((index == index[0]).all()) else index


def _axes(session: Session, call: Call, values: Tensor) -> dict[str, Any]:
    """Say in which axes rows and columns lie, of a layer with maps whose channels are the last axis."""
    maps = call.over_layer and values.ndim == 4 and len(session.kind.axes(session.inputs)) == 2
    if not maps:
        return {}
    try:
        return map_layer(session, call.layer).named_axes()
    except LayerError:
        return {}


def _note_delta(diagnostics: list[dict[str, Any]], values: Tensor, delta: Tensor) -> None:
    """Note by what captum says that its sums miss; of several baselines or samples, their mean."""
    missed = delta.detach().double().reshape(len(diagnostics), -1).mean(1)
    total = values.double().flatten(1).sum(1)
    error = missed.abs() / (total - missed).abs().clamp_min(1e-12)
    for row, (one, share) in enumerate(zip(missed.tolist(), error.tolist(), strict=True)):
        diagnostics[row] |= {"convergence_delta": one, "completeness_error": share}


def _plain_setting(value: object) -> object:
    """Return a keyword argument as a file can hold it."""
    plain = isinstance(value, bool | int | float | str | type(None))
    listed = isinstance(value, tuple | list) and all(isinstance(item, bool | int | float | str) for item in value)
    return value if plain else list(value) if listed else describe(value)  # type: ignore[call-overload]
