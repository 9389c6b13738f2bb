"""Targets as a command line or a file has them: "pixel:40,60,3", "unit:features.3,5", "token:-1,7-token:-1,9"."""

from __future__ import annotations

import re

from xai.base.errors import TargetError, XaiError
from xai.model import target_functions
from xai.model.target_function import TargetFunction

__all__ = ["KINDS", "is_written", "read_target"]

# What can be written: with numbers (and a class by name) alone.
KINDS = ("class_", "outputs", "pixel", "step", "token", "box", "unit")
ONE = rf"(?:{'|'.join(KINDS)}):[^:]*"
FORM = re.compile(rf"({ONE}?)(?:-({ONE}))?", re.DOTALL)


def is_written(text: str) -> bool:
    """Say whether a text is meant as a target function, so that what is wrong with it should be said.

    >>> is_written("pixel:40,60"), is_written("tabby cat")
    (True, False)
    """
    return text.partition(":")[0] in KINDS and ":" in text


def read_target(text: str) -> TargetFunction:
    """Return the target that a text names; raises TargetError where it names none.

    >>> read_target("pixel:40,60,3").name
    'class 3 at pixel (40, 60)'
    """
    found = FORM.fullmatch(text)
    if found is None:
        known = ", ".join(f"{kind}:..." for kind in KINDS)
        raise TargetError("target", expected=f"a class, or one of {known}", got=repr(text))
    first, second = found.groups()
    return _one(first) if second is None else _one(first) - _one(second)


def _one(text: str) -> TargetFunction:
    kind, _, arguments = text.partition(":")
    parts = [_number(part) for part in arguments.split(",")] if arguments else []
    make = getattr(target_functions, kind)
    try:
        if kind == "outputs":
            mean = parts[-1:] == ["mean"]
            return make(parts[: len(parts) - mean], reduce="mean" if mean else "sum")
        if kind == "unit":
            layer, *position = parts
            return make(str(layer), position[0] if len(position) == 1 else tuple(position))
        return make(*parts)
    except (TypeError, ValueError) as error:  # too few or too many, or not what they should be
        reason = f" ({error.argument}: {error.got})" if isinstance(error, XaiError) else ""
        wanted = f"{kind}: with what xai.targets.{kind} takes"
        raise TargetError("target", expected=wanted, got=f"{text!r}{reason}") from error


def _number(part: str) -> int | str:
    part = part.strip()
    return int(part) if re.fullmatch(r"-?\d{1,9}", part) else part
