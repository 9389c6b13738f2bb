"""Several methods and several targets in one call, in which equal evaluations of the network are made once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, overload

from xai.attribution.by_captum import attribute_by_captum
from xai.attribution.captum_calls import is_captum
from xai.base.arguments import whole_number
from xai.base.errors import InputError, describe, names_errors
from xai.methods import all_methods
from xai.model.model import Model
from xai.results.explanation import Explanation

__all__ = ["attribute"]


class CaptumMethod(Protocol):
    """A class or an object of captum.attr."""

    attribute: Any


Sets = Mapping[str, dict[str, object]]


@overload
def attribute(
    model: Model,
    inputs: object,
    methods: Sequence[str],
    targets: Sequence[object] = (None,),
    *,
    options: Sets | None = None,
) -> dict[tuple[str, object], Explanation]: ...


@overload
def attribute(
    model: Model,
    inputs: CaptumMethod,
    methods: object,
    *,
    target: object = None,
    layer: str | None = None,
    claim: str | None = None,
    seed: int = 0,
    **settings: Any,
) -> Explanation: ...


@names_errors("attribute")
def attribute(
    model: Model,
    inputs: Any,
    methods: Any,
    targets: Sequence[object] = (None,),
    *,
    options: Sets | None = None,
    target: object = None,
    layer: str | None = None,
    claim: str | None = None,
    seed: int = 0,
    **settings: Any,
) -> Any:
    """Return the explanation by each method of each target, or by one attribution method of captum.

    `attribute(model, inputs, methods, targets)` returns a dictionary by (method, target). What the network says about
    a batch is kept until the end, as scores: perturbations that several targets or methods share are evaluated once.

    `attribute(model, captum.attr.X, inputs, target=...)` runs a method of captum under our guard, with a class (then
    the model itself is explained, in the caller's units) or an object made of the model's network (then captum is
    handed what its forward function takes). The values are captum's, to the bit; the explanation is verified, plotted
    and reported as our own. A Neuron method explains a unit: verify it with `model.unit(layer, index, before=False)`.

    Args:
        model: What is explained.
        inputs: A batch that the model's input takes, (N, ...); or captum's class or object, and the batch behind it.
        methods: Names from `xai list methods`.
        targets: What a method takes as its target; a list (one target per row) becomes a tuple as a key.
        options: Keyword arguments by method.
        target: Of captum's method: a class or one per row; None is the predicted class.
        layer: Of a class of captum that takes one: the layer's name.
        claim: What captum's values say ("additive", "sensitivity" or "region"); None is what the class stands for.
        seed: Of what captum draws.
        settings: What captum's `attribute` takes beside these, such as `n_steps` or `baselines`.

    Raises:
        InputError: A method is unknown, or what the method raises.
        LayerError: The layer of captum's method is none of the model's network.
        TargetError: There is no such class, or it is a pair, which captum cannot explain.

    >>> import torch
    >>> model = Model(torch.nn.Linear(3, 2))
    >>> list(attribute(model, torch.ones(1, 3), ["saliency", "occlusion"], [0, (0, 1)]))
    [('saliency', 0), ('saliency', (0, 1)), ('occlusion', 0), ('occlusion', (0, 1))]
    >>> from captum.attr import IntegratedGradients
    >>> attribute(model, IntegratedGradients(model.network), torch.ones(1, 3), target=1, n_steps=8)
    Explanation(captum IntegratedGradients, 1 rows, over input, target 1)
    """
    if is_captum(inputs):
        _none_of({"targets": (targets, (None,)), "options": (options, None)}, "since captum's method has target=")
        chosen: dict[str, Any] = {"layer": layer, "claim": claim, "seed": whole_number("seed", seed)}
        return attribute_by_captum(model, inputs, methods, target, **chosen, settings=settings)
    if settings:
        known_names = "model, inputs, methods, targets, options"
        raise InputError(next(iter(settings)), expected=f"an argument among {known_names}", got="an unknown one")
    given = {"target": (target, None), "layer": (layer, None), "claim": (claim, None), "seed": (seed, 0)}
    _none_of(given, "since methods by name take options= and targets=")
    return _by_name(model, inputs, methods, targets, options)


def _none_of(arguments: Mapping[str, tuple[object, object]], why: str) -> None:
    for name, (value, default) in arguments.items():
        if value is not default and (type(value) is not type(default) or value != default):
            raise InputError(name, expected=f"none, {why}", got=describe(value))


def _by_name(
    model: Model, inputs: object, methods: Sequence[str], targets: Sequence[object], options: Sets | None
) -> dict[tuple[str, object], Explanation]:
    known = {name: spec for name, spec in all_methods().items() if spec.kind in ("attribution", "surrogate")}
    listed = isinstance(methods, Iterable) and not isinstance(methods, str) and getattr(methods, "ndim", 1) == 1
    names = list(methods) if listed else []
    unknown = [name for name in (*names, *(options or {})) if not isinstance(name, str) or name not in known]
    if unknown or not names:
        raise InputError(
            "methods", expected=f"among {', '.join(known)}", got=describe(unknown[0] if unknown else methods)
        )
    methods = names
    before, model.shared = model.shared, {}
    try:
        return {
            (name, tuple(target) if isinstance(target, list) else target): known[name].load()(
                model, inputs, target, **(options or {}).get(name, {})
            )
            for name in methods
            for target in targets
        }
    finally:
        model.shared = before
