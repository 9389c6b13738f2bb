"""What every kind of input is: what a caller may hand over, and how it becomes the batch that the network sees.

Explanations are made in the caller's units: pixels of an image, columns of a table. The network's own normalization
is a differentiable step behind them, so that a gradient is a gradient per pixel value and a baseline is a picture.
"""

from __future__ import annotations

import msgspec

__all__ = ["Input"]


class Input(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True, omit_defaults=True):
    """A kind of input: a frozen struct whose tag is the kind's name, in a model folder's TOML too."""

    @property
    def kind(self) -> str:
        """Return the name of the kind."""
        return str(self.__struct_config__.tag)
