"""Make an explanation again, with the options it recorded: on another network, or to check a report."""

from __future__ import annotations

import torch

from xai.base.errors import InputError, XaiError, describe_error, names_errors
from xai.evidence.map_scores import explained_layer
from xai.inputs.text import to_texts
from xai.methods import all_methods
from xai.model.model import Model
from xai.results.explanation import Explanation

__all__ = ["recompute"]


@names_errors("recompute")
def recompute(model: Model, explanation: Explanation, **changes: object) -> Explanation:
    """Call the explanation's method again on its inputs and targets; `changes` replace recorded options.

    A baseline, fill or background that was given as numbers is the one in the explanation. Raises InputError where
    the method is unknown, or another argument was a tensor, which is not recorded; and for values from elsewhere
    without a function that makes them again.
    """
    if explanation.options.get("elsewhere"):
        return _remade(model, explanation, changes)
    methods = all_methods()
    if explanation.method not in methods:
        raise InputError("method", expected=f"one of {', '.join(methods)}", got=repr(explanation.method))
    options = {name: value for name, value in explanation.options.items() if name not in ("run", "claim")}
    if explanation.segments is not None and explanation.over == "segments":
        options["segments"] = explanation.segments
    if explanation.seed is not None:
        options["seed"] = explanation.seed
    kept = explanation.background
    if kept is not None:
        numbers = {"background": kept[:, 0], "baseline": kept[0], "fill": kept[0]}
        options |= {name: values for name, values in numbers.items() if _is_noted(options.get(name))}
    options |= changes
    noted = [name for name, value in options.items() if _is_noted(value)]
    if noted:
        raise InputError(noted[0], expected="the tensor that was used", got="only the note that one was")
    return methods[explanation.method].load()(model, explanation.inputs, list(explanation.target), **options)


def _remade(model: Model, explanation: Explanation, changes: dict[str, object]) -> Explanation:
    """Return values from elsewhere, made again by the function that came with them."""
    if explanation.remake is None:
        wanted = "values that can be made again (Explanation.of takes a function remake)"
        raise InputError("explanation", expected=wanted, got=f"values from elsewhere ({explanation.method}) without it")
    if changes:
        raise InputError(next(iter(changes)), expected="no option, since values from elsewhere have none", got="one")
    inputs, target, options = explanation.inputs, list(explanation.target), explanation.options
    try:
        values = explanation.remake(model, to_texts(inputs) if inputs.dtype == torch.int32 else inputs.clone(), target)
    except XaiError:
        raise
    except Exception as error:
        got = describe_error(error)
        raise InputError("remake", expected="a function (model, inputs, target) -> values", got=got) from error
    background, tokens = explanation.background, options.get("units") == "given"
    return Explanation.of(
        model,
        inputs,
        values,
        target,
        claim=str(options["claim"]),
        method=explanation.method,
        baseline=explanation.baseline if background is None else background[0],
        names=explanation.row_names if tokens else explanation.names or None,
        over=None if explained_layer(explanation) is not None else explanation.over,
        of=None if options.get("of") is None else str(options["of"]),
        layer=explained_layer(explanation),
        remake=explanation.remake,
    )


def _is_noted(value: object) -> bool:
    return isinstance(value, str) and value == "given"
