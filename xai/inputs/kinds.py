"""Kinds of input: what a caller may hand over, and how it becomes the batch that the network sees.

Explanations are made in the caller's units: pixels of an image, columns of a table. The network's own normalization
is a differentiable step behind them, so that a gradient is a gradient per pixel value and a baseline is a picture.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np
import torch

from xai.base.arrays import as_tensor, check_finite, to_tensor
from xai.base.errors import InputError, describe, names_errors
from xai.base.spelled import spelled_codes
from xai.inputs.series import SequenceInput
from xai.inputs.text import TextInput

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

__all__ = ["ImageInput", "Input", "SequenceInput", "TabularInput", "TensorInput", "TextInput", "to_tensor"]


class TensorInput(msgspec.Struct, frozen=True, tag_field="kind", tag="tensor", forbid_unknown_fields=True):
    """Any floating-point batch, first axis the batch, handed to the network as it is."""

    @property
    def kind(self) -> str:
        return "tensor"

    def prepare(self, value: object, argument: str = "inputs") -> Tensor:
        """Return a finite floating-point batch, shape (N, ...).

        >>> TensorInput().prepare([[1, 2.5]])
        tensor([[1.0000, 2.5000]])
        """
        batch = to_tensor(value, argument)
        if batch.ndim < 2:
            raise InputError(argument, expected="a batch of shape (N, ...)", got=describe(batch))
        return check_finite(batch, argument)

    def normalize(self, batch: Tensor) -> Tensor:
        return batch


class ImageInput(
    msgspec.Struct, frozen=True, tag_field="kind", tag="image", forbid_unknown_fields=True, omit_defaults=True
):
    """Images of one size: `shape` is (channels, height, width), pixels lie in `range`.

    `mean` and `std` (one number per channel, in pixel units) are what the network was trained with: it sees
    (pixel - mean) / std. An input that is normalized already is declared with `range="any"` and neither.

    Raises InputError for a shape, range or statistics that cannot be.
    """

    shape: tuple[int, int, int]
    mean: list[float] | None = None
    std: list[float] | None = None
    range: tuple[float, float] | Literal["any"] = (0.0, 1.0)

    @names_errors("ImageInput")
    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise InputError("shape", expected="(channels, height, width), each at least 1", got=self.shape)
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values is not None and len(values) != self.shape[0]:
                raise InputError(name, expected=f"{self.shape[0]} numbers, one per channel", got=values)
        if self.std is not None and not all(value > 0 and math.isfinite(value) for value in self.std):
            raise InputError("std", expected="numbers above 0", got=self.std)
        if self.range != "any" and not self.range[0] < self.range[1]:
            raise InputError("range", expected="(low, high) with low < high, or 'any'", got=self.range)

    @property
    def kind(self) -> str:
        return "image"

    @property
    def limits(self) -> tuple[float, float] | None:
        """Return the range of pixels, None where any value may occur."""
        return None if self.range == "any" else self.range

    def prepare(self, value: object, argument: str = "inputs") -> Tensor:
        """Return pixels as a float batch of shape (N, C, H, W).

        Takes one image or a batch, CHW or HWC (grey images also without a channel axis), uint8 or 16-bit (spread over
        `range`) or float (already in `range`), as tensor, array, PIL image or a list of those.

        >>> ImageInput((1, 2, 2)).prepare(np.array([[0, 255], [51, 102]], dtype=np.uint8))
        tensor([[[[0.0000, 1.0000],
                  [0.2000, 0.4000]]]])
        """
        if isinstance(value, list | tuple) and len(value):
            return torch.cat([self.prepare(item, argument) for item in value])
        pixels = self._from_picture(value) if hasattr(value, "getbands") else value
        arranged = self._arrange(as_tensor(pixels, argument), argument)
        batch = self._scale(arranged, argument)
        check_finite(batch, argument)
        if self.range != "any":
            low, high = self.range
            slack = 1e-4 * (high - low)
            least, most = (float(batch.min()), float(batch.max())) if batch.numel() else (low, high)
            if least < low - slack or most > high + slack:
                hint = f"pixels between {low:g} and {high:g} (the model normalizes them itself)"
                raise InputError(argument, expected=hint, got=f"values from {least:.4g} to {most:.4g}")
        return batch

    def normalize(self, batch: Tensor) -> Tensor:
        """Turn pixels (N, C, H, W) into what the network was trained on; differentiable."""
        if self.mean is not None:
            batch = batch - batch.new_tensor(self.mean).view(1, -1, 1, 1)
        if self.std is not None:
            batch = batch / batch.new_tensor(self.std).view(1, -1, 1, 1)
        return batch

    def _arrange(self, pixels: Tensor, argument: str) -> Tensor:
        channels, height, width = self.shape
        chw, hwc, grey = (channels, height, width), (height, width, channels), (height, width)
        shape = tuple(pixels.shape)
        if shape[-3:] == chw and pixels.ndim in (3, 4):
            return pixels.reshape(-1, *chw)
        if shape[-3:] == hwc and pixels.ndim in (3, 4):
            return pixels.reshape(-1, *hwc).permute(0, 3, 1, 2)
        if channels == 1 and shape[-2:] == grey and pixels.ndim in (2, 3):
            return pixels.reshape(-1, *chw)
        raise InputError(argument, expected=f"images of shape {chw} or {hwc}, or a batch", got=describe(pixels))

    def _from_picture(self, picture: Image) -> np.ndarray:
        # By its mode: a palette's numbers, say, are no gray values.
        mode = {1: "L", 3: "RGB", 4: "RGBA"}.get(self.shape[0])
        keep = mode is None or picture.mode == mode or picture.mode[:1] in ("I", "F")
        return np.asarray(picture if keep else picture.convert(mode))

    def _scale(self, pixels: Tensor, argument: str) -> Tensor:
        if pixels.is_floating_point():
            return pixels
        low, high = self.limits or (0.0, 1.0)
        tops = {torch.uint8: 255, torch.uint16: 65535, torch.bool: 1}
        if pixels.dtype not in tops:
            wanted = "pixels as uint8, uint16, bool or floating point"
            raise InputError(argument, expected=wanted, got=describe(pixels))
        most = tops[pixels.dtype]
        # Through float64, so that a pixel means the same number in every later precision.
        return (low + pixels.to(torch.float64) / most * (high - low)).to(torch.float32)


class TabularInput(
    msgspec.Struct, frozen=True, tag_field="kind", tag="tabular", forbid_unknown_fields=True, omit_defaults=True
):
    """Rows of numbers, one per name; `categorical` maps a name to the words behind its codes 0, 1, 2, ...

    A DataFrame's numbers in such a column are words where the words are these numbers ("1", "2", "3"), else codes.
    """

    names: list[str]
    categorical: dict[str, list[str]] = {}

    @names_errors("TabularInput")
    def __post_init__(self) -> None:
        if not self.names or len(set(self.names)) != len(self.names):
            raise InputError("names", expected="distinct column names, at least one", got=self.names)
        unknown = sorted(set(self.categorical) - set(self.names))
        if unknown:
            raise InputError("categorical", expected=f"columns among {self.names}", got=unknown)

    @property
    def kind(self) -> str:
        return "tabular"

    def prepare(self, value: object, argument: str = "inputs") -> Tensor:
        """Return rows as a float batch of shape (N, D); takes a DataFrame (by column name), an array or one row.

        >>> TabularInput(["age", "income"]).prepare([30.0, 1.5])
        tensor([[30.0000,  1.5000]])
        """
        if hasattr(value, "to_frame") and not set(self.names) - set(value.index):  # a row of a DataFrame, by name
            value = value.to_frame().T.infer_objects()
        if hasattr(value, "columns"):
            missing = [name for name in self.names if name not in set(value.columns)]
            if missing:
                raise InputError(argument, expected=f"columns {self.names}", got=f"none named {missing}")
            value = self._from_frame(value, argument)
        rows = to_tensor(value, argument)
        rows = rows.unsqueeze(0) if rows.ndim == 1 else rows
        if rows.ndim != 2 or rows.shape[1] != len(self.names):
            raise InputError(argument, expected=f"rows of {len(self.names)} numbers", got=describe(rows))
        check_finite(rows, argument, self.names)
        for name, words in self.categorical.items():
            codes = rows[:, self.names.index(name)]
            if bool(((codes < 0) | (codes >= len(words)) | (codes != codes.round())).any()):
                wanted = f"codes from 0 to {len(words) - 1} in column {name!r}"
                raise InputError(argument, expected=wanted, got=f"{codes.min():g} to {codes.max():g}")
        return rows

    def _from_frame(self, frame: object, argument: str) -> np.ndarray:
        """Return the named columns as numbers; words of a categorical column become their codes."""
        double = [name for name in self.names if list(frame.columns).count(name) > 1]
        if double:
            raise InputError(argument, expected="one column of each name", got=f"several named {double[0]!r}")
        columns = []
        for name in self.names:
            column = frame[name]
            words = self.categorical.get(name)
            if words is not None and np.issubdtype(getattr(column.dtype, "type", object), np.number):
                spelled = spelled_codes(column.to_numpy(), words)
                if spelled is not None:
                    columns.append(spelled)
                    continue
            elif words is not None:
                codes = {word: code for code, word in enumerate(words)}
                unseen = sorted({str(item) for item in column if str(item) not in codes})
                if unseen:
                    known = ", ".join(words[:8]) + (", ..." if len(words) > 8 else "")
                    raise InputError(argument, expected=f"{name!r} to be one of {known}", got=repr(unseen[0]))
                columns.append(np.array([codes[str(item)] for item in column], dtype=np.float64))
                continue
            try:
                columns.append(column.to_numpy(dtype=np.float64))
            except (TypeError, ValueError) as error:
                raise InputError(argument, expected=f"numbers in column {name!r}", got="others") from error
        return np.stack(columns, 1)

    def normalize(self, batch: Tensor) -> Tensor:
        return batch


Input = ImageInput | TabularInput | SequenceInput | TextInput | TensorInput
