"""A field for the digest of a model's weights that is read when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["DigestField"]

HIDDEN = "_model_digest"


class DigestField:
    """A dataclass field that holds a text, or a function that returns one: it is called when first read, and once."""

    def __get__(self, result: object | None, owner: type | None = None) -> str:
        if result is None:
            raise AttributeError("model_digest")  # so that the dataclass takes it as a field without default
        value = vars(result)[HIDDEN]
        if not isinstance(value, str):
            value = vars(result)[HIDDEN] = value()
        return value

    def __set__(self, result: object, value: str | Callable[[], str]) -> None:
        vars(result)[HIDDEN] = value

    @staticmethod
    def unread(result: object) -> str | Callable[[], str]:
        """Return the field as it was given."""
        return vars(result)[HIDDEN]

    @classmethod
    def read(cls, result: object) -> dict[str, str]:
        """Return what stands in a result's dictionary for the field, once it is read."""
        return {HIDDEN: cls().__get__(result)}
