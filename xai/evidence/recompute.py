"""Make an explanation again, with the options it recorded: on another network, or to check a report."""

from __future__ import annotations

from xai.base.errors import InputError, names_errors
from xai.methods import all_methods
from xai.model.model import Model
from xai.results.explanation import Explanation

__all__ = ["recompute"]


@names_errors("recompute")
def recompute(model: Model, explanation: Explanation, **changes: object) -> Explanation:
    """Call the explanation's method again on its inputs and targets; `changes` replace recorded options.

    A baseline, fill or background that was given as numbers is the one in the explanation. Raises InputError where
    the method is unknown, or another argument was a tensor, which is not recorded.
    """
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
        options |= {name: values for name, values in numbers.items() if _is_given(options.get(name))}
    options |= changes
    given = [name for name, value in options.items() if _is_given(value)]
    if given:
        raise InputError(given[0], expected="the tensor that was used", got="only the note that one was")
    return methods[explanation.method].load()(model, explanation.inputs, list(explanation.target), **options)


def _is_given(value: object) -> bool:
    return isinstance(value, str) and value == "given"
