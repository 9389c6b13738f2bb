"""Reference data sets, vendored with their notices; a loader never downloads anything."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from importlib.resources import files

from torch import Tensor

from xai.base.errors import InputError, names_errors
from xai.inputs.base import Input

__all__ = ["Dataset", "read_vendored"]


@dataclass(frozen=True)
class Dataset:
    """Inputs and goals, split once and for all; inputs in the caller's units (pixels 0..1 for images).

    Goals: class numbers (N,) for one of many and for yes or no, 0 and 1 (N, K) for several of many, numbers (N, 1) for
    a regression, symbols (N, T) padded with 0 for sequences; there, test_goals (N, P, T) hold up to P right answers.
    train_groups (N,): rows of one group stay on one side of a further split. train_lengths (N,): how long each row is;
    rows of similar length then make a batch. protected: columns that say who a row is, for audits.
    """

    name: str
    input: Input
    classes: tuple[str, ...]
    train_inputs: Tensor
    train_goals: Tensor
    test_inputs: Tensor
    test_goals: Tensor
    train_groups: Tensor | None = None
    train_lengths: Tensor | None = None
    protected: tuple[str, ...] = ()

    @names_errors("Dataset")
    def __post_init__(self) -> None:
        for part in ("train", "test"):
            inputs, goals = getattr(self, f"{part}_inputs"), getattr(self, f"{part}_goals")
            if len(inputs) == 0:
                raise InputError(f"{part}_inputs", expected="at least one row", got="an empty data set")
            if len(inputs) != len(goals):
                wanted = f"{len(inputs)}, one per row of {part}_inputs"
                raise InputError(f"{part}_goals", expected=wanted, got=len(goals))


def read_vendored(name: str) -> str:
    """Return the text of a packed file in models/datasets/data."""
    with (files("models.datasets") / "data" / name).open("rb") as packed, gzip.open(packed) as file:
        return file.read().decode()
