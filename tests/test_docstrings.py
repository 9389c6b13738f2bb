"""Every parameter of every public name stands in its docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

import xai
from xai.inputs.base import Input

# "axis:" or "low, high:" or "rows (N, M):" where a sentence or line begins, as in an Args section.
LABEL = re.compile(r"(?:^|[.;:)]\s|\n)\s*(\*{0,2}\w+(?:(?:, and |, | and | or )\*{0,2}\w+)*)(?: \([^)\n]*\))?:(?=\s)")
NO_NAMES = {"and", "or", "Args", "Returns", "Raises"}
QUOTED = re.compile(r"`{1,2}\*{0,2}([A-Za-z_]\w*)(?:=[^`]*)?`{1,2}")


def named_in(docstring: str) -> set[str]:
    """Return what a docstring speaks of by name: before a colon or in backticks, outside its examples.

    That a word like "target" or "of" occurs in a sentence does not explain the argument of that name.

    >>> sorted(named_in("Sum over a window.\\n\\nlow, high: its ends. `axis=0`: of rows. >>> total(data=1)"))
    ['axis', 'high', 'low']
    """
    text = re.sub(r">>> .*(\n|$)", "\n", docstring)
    text = re.sub(r"^\s*\.\.\. .*$", "", text, flags=re.M)
    labels = {word for match in LABEL.findall(text) for word in re.findall(r"\w+", match)}
    return labels - NO_NAMES | set(QUOTED.findall(text))


def public_things() -> Iterator[tuple[str, Callable]]:
    """Yield each public function and class, each public method of these classes, and each objective, by name."""
    for name in xai.__all__:
        value = getattr(xai, name)
        if isinstance(value, ModuleType):
            yield from ((f"{name}.{inner}", getattr(value, inner)) for inner in value.__all__)
        elif inspect.isclass(value):
            yield name, value
            for inner, member in inspect.getmembers(value, inspect.isroutine):
                if not inner.startswith("_") and str(getattr(member, "__module__", "")).startswith("xai."):
                    yield f"{name}.{inner}", member
        elif callable(value):
            yield name, value


def parameters_of(thing: Callable) -> list[str]:
    """Return the parameters that a caller gives; errors take a message, which needs no word."""
    if inspect.isclass(thing) and issubclass(thing, Exception):
        return []
    names = inspect.signature(thing).parameters
    return [name for name in names if name not in ("self", "cls") and not name.startswith("_")]


def docstring_of(thing: Callable) -> str:
    """Return the docstring; of a method of a kind of input also that of the method that it overrides."""
    own = inspect.getdoc(thing) or ""
    if inspect.isfunction(thing) and thing.__module__.startswith("xai.inputs."):
        own += "\n\n" + (inspect.getdoc(getattr(Input, thing.__name__, None)) or "")
    initial = getattr(thing, "__init__", None) if inspect.isclass(thing) else None
    return own + "\n\n" + (inspect.getdoc(initial) or "" if inspect.isfunction(initial) else "")


def missing() -> list[str]:
    """Return "name: parameter" for each that its docstring does not name, sorted."""
    found = []
    for name, thing in public_things():
        named = named_in(docstring_of(thing))
        found += [f"{name}: {parameter}" for parameter in parameters_of(thing) if parameter not in named]
    return sorted(found)


def test_every_parameter_is_documented() -> None:
    assert not missing(), "name these in their docstrings"


@pytest.mark.parametrize(
    ("docstring", "named"),
    [
        ("Return the sum of the values.", set()),
        ("Return a sum.\n\nvalues: (N,). axis: which.", {"values", "axis"}),
        ("Return a sum.\n\nArgs:\n    values: (N,), in pixels.\n    axis (int): Which.\n", {"values", "axis"}),
        ("Return a sum.\n\nlow, high: its ends; step and width: its grid.", {"low", "high", "step", "width"}),
        ("Return a sum along `axis`; `keep=True` keeps it.", {"axis", "keep"}),
        ("Return a sum.\n\n**settings: by name.", {"settings"}),
        ("Return a sum.\n\n>>> total(values=1)\n>>> {axis: 1}\n", set()),
        ("This is what the model says of the target: a class.", set()),
    ],
)
def test_what_counts_as_named(docstring: str, named: set[str]) -> None:
    assert named_in(docstring) == named


def test_methods_and_objectives_are_seen() -> None:
    seen = dict(public_things())
    assert {"Model.predict", "Explanation.plot", "objectives.channel", "saliency", "AuditData"} <= seen.keys()
    assert parameters_of(seen["Model.predict"])
    assert "inputs" in parameters_of(seen["saliency"])
