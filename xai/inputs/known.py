"""The kinds of input that a model folder may name, as the type that its reader goes by."""

from __future__ import annotations

import functools
import importlib
import operator
from typing import TYPE_CHECKING

from xai.inputs import INPUT_KINDS
from xai.inputs.base import Input

__all__ = ["KnownInput"]

if TYPE_CHECKING:
    KnownInput = Input
else:
    _known = [getattr(importlib.import_module(home), name) for name, home in INPUT_KINDS.items()]
    KnownInput = functools.reduce(operator.or_, _known)
