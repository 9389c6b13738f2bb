"""Which methods a report is asked for: those that explain its kind of input, or an error that names them."""

from __future__ import annotations

from collections.abc import Sequence

from xai.base.errors import InputError
from xai.methods import all_methods

__all__ = ["check_methods"]


def check_methods(methods: Sequence[str], kinds: set[str], operation: str | None = None) -> None:
    """Raise InputError for a method that gives no map of inputs of one of these kinds, as methods list them."""
    known = [name for name, spec in all_methods().items() if kinds & set(spec.inputs) and spec.kind != "visualization"]
    unknown = [name for name in methods if name not in known]
    if unknown:
        raise InputError("methods", expected=f"among {', '.join(known)}", got=repr(unknown[0]), operation=operation)
