"""Structs whose constructor says which argument is wrong, as a public function does."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec

from xai.base.argument_errors import unbound_argument
from xai.base.errors import InputError, describe

__all__ = ["NamesArguments"]


class NamesArguments(msgspec.StructMeta):
    """The type of structs that users make: an argument that one does not have, or misses, is named.

    >>> class Half(msgspec.Struct, metaclass=NamesArguments):
    ...     number: int
    >>> Half(numbr=3)
    Traceback (most recent call last):
    xai.base.errors.InputError: Half: numbr: expected an argument among number, got an unknown one
    """

    def __call__(cls, *arguments: Any, **settings: Any) -> Any:
        try:
            return super().__call__(*arguments, **settings)
        except TypeError as error:
            wrong = unbound_argument(inspect.signature(cls), arguments, settings, {})
            if wrong is None:
                raise
            name, wanted, value = wrong
            raise InputError(name, expected=wanted, got=describe(value), operation=cls.__name__) from error
