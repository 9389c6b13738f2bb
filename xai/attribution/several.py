"""Several methods and several targets in one call, in which equal evaluations of the network are made once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from xai.base.errors import InputError, describe, names_errors
from xai.methods import all_methods
from xai.model.model import Model
from xai.results.explanation import Explanation

__all__ = ["attribute"]


@names_errors("attribute")
def attribute(
    model: Model,
    inputs: object,
    methods: Sequence[str],
    targets: Sequence[object] = (None,),
    *,
    options: Mapping[str, dict[str, object]] | None = None,
) -> dict[tuple[str, object], Explanation]:
    """Return the explanation by each method of each target, by (method, target).

    What the network says about a batch is kept until the end, as scores: perturbations that several targets or methods
    share are evaluated once.

    Args:
        model: What is explained.
        inputs: A batch that the model's input takes, (N, ...).
        methods: Names from `xai list methods`.
        targets: What a method takes as its target; a list (one target per row) becomes a tuple as a key.
        options: Keyword arguments by method.

    Raises:
        InputError: A method is unknown, or what the method raises.

    >>> import torch
    >>> model = Model(torch.nn.Linear(3, 2))
    >>> list(attribute(model, torch.ones(1, 3), ["saliency", "occlusion"], [0, (0, 1)]))
    [('saliency', 0), ('saliency', (0, 1)), ('occlusion', 0), ('occlusion', (0, 1))]
    """
    known = {name: spec for name, spec in all_methods().items() if spec.kind in ("attribution", "surrogate")}
    listed = isinstance(methods, Iterable) and not isinstance(methods, str)
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
