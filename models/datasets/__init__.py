"""Reference data sets, vendored with their notices; a loader never downloads anything."""

from __future__ import annotations

import gzip
import warnings
from dataclasses import dataclass
from importlib.resources import files

from torch import Tensor

from xai.base.errors import InputError, names_errors
from xai.inputs.base import Input

__all__ = ["Dataset", "read_vendored"]


@dataclass(frozen=True)
class Dataset:
    """Inputs and labels, split once and for all; inputs in the caller's units (pixels 0..1 for images).

    Labels: class numbers (N,) for one of many and for yes or no, 0 and 1 (N, K) for several of many, numbers (N, 1) for
    a regression, symbols (N, T) padded with 0 for sequences; there, test_labels (N, P, T) hold up to P right answers.
    train_groups (N,): rows of one group stay on one side of a further split. train_lengths (N,): how long each row is;
    rows of similar length then make a batch. protected: columns that say who a row is, for audits.
    """

    name: str
    input: Input
    classes: tuple[str, ...]
    train_inputs: Tensor
    train_labels: Tensor
    test_inputs: Tensor
    test_labels: Tensor
    train_groups: Tensor | None = None
    train_lengths: Tensor | None = None
    protected: tuple[str, ...] = ()

    @names_errors("Dataset")
    def __post_init__(self) -> None:
        for part in ("train", "test"):
            inputs, labels = getattr(self, f"{part}_inputs"), getattr(self, f"{part}_labels")
            if len(inputs) == 0:
                raise InputError(f"{part}_inputs", expected="at least one row", got="an empty data set")
            if len(inputs) != len(labels):
                wanted = f"{len(inputs)}, one per row of {part}_inputs"
                raise InputError(f"{part}_labels", expected=wanted, got=len(labels))

    @property
    def train_goals(self) -> Tensor:
        """The old name of `train_labels`."""
        return self._renamed("train")

    @property
    def test_goals(self) -> Tensor:
        """The old name of `test_labels`."""
        return self._renamed("test")

    def _renamed(self, part: str) -> Tensor:
        message = f"Dataset.{part}_goals is now Dataset.{part}_labels; the old name goes with the next version"
        warnings.warn(message, DeprecationWarning, stacklevel=3)
        return getattr(self, f"{part}_labels")


def read_vendored(name: str) -> str:
    """Return the text of a packed file in models/datasets/data."""
    with (files("models.datasets") / "data" / name).open("rb") as packed, gzip.open(packed) as file:
        return file.read().decode()
