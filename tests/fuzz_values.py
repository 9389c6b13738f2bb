"""Nasty values, small models and rows for them, and the list of calls that `tests/fuzz.py` makes."""

from __future__ import annotations

import datetime
import decimal
import fractions
import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

import xai

__all__ = ["CALLS", "NASTY", "add", "then"]

NASTY: dict[str, Callable[[], object]] = {
    "none": lambda: None,
    "true": lambda: True,
    "minus one": lambda: -1,
    "zero": lambda: 0,
    "half": lambda: 0.5,
    "huge": lambda: 10**30,
    "infinity": lambda: float("inf"),
    "nan": lambda: float("nan"),
    "complex": lambda: 1j,
    "decimal": lambda: decimal.Decimal("0.5"),
    "fraction": lambda: fractions.Fraction(1, 3),
    "empty text": lambda: "",
    "text": lambda: "nasty",
    "long text": lambda: "a" * 5000,
    "surrogate": lambda: "\ud800",
    "nul": lambda: "a\x00b",
    "bytes": lambda: b"ab",
    "empty list": list,
    "nested": lambda: [[1, [2]], 3],
    "ragged": lambda: [[1.0], [1.0, 2.0]],
    "list of none": lambda: [None],
    "list of texts": lambda: ["a", "b"],
    "numbers": lambda: [1, 2, 3],
    "tuple": lambda: (0, 0),
    "dictionary": lambda: {"a": 1},
    "empty dictionary": dict,
    "set": lambda: {1, 2},
    "range": lambda: range(3),
    "iterator": lambda: iter([1, 2]),
    "object": object,
    "type": lambda: int,
    "function": lambda: lambda *items, **named: None,
    "path": lambda: Path("no/such/file"),
    "date": lambda: datetime.date(2024, 1, 1),
    "empty array": lambda: np.zeros((0,)),
    "array of texts": lambda: np.array(["x", "y"]),
    "array of objects": lambda: np.array([None, object()], dtype=object),
    "array with nan": lambda: np.array([[1.0, np.nan, 0.0, 0.0]]),
    "dates": lambda: np.array(["2024-01-01"], dtype="datetime64[D]"),
    "scalar array": lambda: np.array(1.0),
    "large array": lambda: np.full((2, 4), 1e300),
    "tensor": lambda: torch.zeros(2, 4),
    "empty tensor": lambda: torch.zeros(0, 4),
    "scalar tensor": lambda: torch.tensor(3),
    "complex tensor": lambda: torch.zeros(2, 4, dtype=torch.complex64),
    "bool tensor": lambda: torch.ones(2, 4, dtype=torch.bool),
    "sparse tensor": lambda: torch.eye(4).to_sparse(),
    "meta tensor": lambda: torch.zeros(2, 4, device="meta"),
    "deep tensor": lambda: torch.zeros(1, 1, 1, 1, 1, 1),
    "frame": lambda: pd.DataFrame({"a": [1.0], "z": ["x"]}),
    "empty frame": pd.DataFrame,
    "series": lambda: pd.Series([1.0, None]),
    "network": lambda: nn.Linear(4, 3),
}


def table() -> xai.Model:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    return xai.Model(network, classes=["p", "q", "r"], input=xai.TabularInput(list("abcd")))


def images() -> xai.Model:
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3)]
    return xai.Model(nn.Sequential(*layers), input=xai.ImageInput((1, 8, 8)))


def texts() -> xai.Model:
    return xai.Model(nn.EmbeddingBag(6, 3), input=xai.TextInput(["good", "bad", "film", "plot"]))


def series() -> xai.Model:
    return xai.Model(nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), input=xai.SequenceInput(["u", "v"], 6))


ROWS = torch.rand(2, 4, generator=torch.Generator().manual_seed(0))
MORE = torch.rand(24, 4, generator=torch.Generator().manual_seed(1))
IMAGE = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(2))
STEPS = torch.rand(1, 6, 2, generator=torch.Generator().manual_seed(3))
LABELS = torch.arange(24) % 3


def explained() -> xai.Explanation:
    return xai.saliency(table(), ROWS, 0)


def folder() -> str:
    return tempfile.mkdtemp()


# Each public callable with arguments that are right; the others of its signature are set to nasty values too.
CALLS: dict[str, tuple[Callable, Callable[[], dict[str, object]]]] = {}


def then(function: Callable, use: Callable[[Any], object]) -> Callable:
    """Return a call with the same arguments, whose result is put to use: some are only looked at there."""

    @functools.wraps(function)
    def call(*arguments: object, **named: object) -> object:
        return use(function(*arguments, **named))

    return call


def add(name: str, function: Callable, arguments: Callable[[], dict[str, object]]) -> None:
    CALLS[name] = function, arguments
