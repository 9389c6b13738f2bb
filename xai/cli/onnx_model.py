"""An ONNX network of a table as a model: of one matrix of numbers, or of an input for each column, by its name."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from xai.base.errors import InputError, one_line

if TYPE_CHECKING:
    import pandas as pd

    from xai.inputs.table import TabularInput
    from xai.model.model import Model

__all__ = ["of_onnx"]

TYPES = {
    "tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64, "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}  # fmt: skip
WORDS = "tensor(string)"


def of_onnx(path: str, columns: Sequence[str], frames: Sequence[pd.DataFrame]) -> Model:
    """Return an ONNX network that takes rows of a table as a model.

    A network of one input takes all columns as numbers, in their order; one of several takes the columns of their
    names, words where it asks for words. Classes have the names that the network gives with its probabilities.

    Args:
        path: Of the file.
        columns: Of the table, but those that are left out.
        frames: Of their rows words and gaps are read.
    """
    try:
        onnxruntime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise click.ClickException("an ONNX file needs onnxruntime: pip install 'xai-toolkit[onnx]'") from error
    from xai.inputs.table import TabularInput
    from xai.inputs.table_columns import kinds_of_columns
    from xai.model.model import Model

    try:
        session: Any = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # of its own kinds
        raise InputError("model", expected="an ONNX file", got=one_line(error)) from error
    inputs = session.get_inputs()
    names = list(columns) if len(inputs) == 1 else [item.name for item in inputs]
    table = TabularInput(names, **kinds_of_columns(frames, names, {}, "data"))
    feed = _matrix(inputs[0], names) if len(inputs) == 1 else _by_column(inputs, table)
    last = session.get_outputs()[-1].name

    def answer(values: np.ndarray) -> Any:
        return session.run([last], feed(values))[0]

    if not len(frames[0]):
        raise InputError("data", expected="at least one row", got="none")
    try:
        first = answer(_first_row(frames[0], table))
    except InputError:
        raise
    except Exception as error:  # of its own kinds
        raise InputError("model", expected="a network that reads rows of a table", got=one_line(error)) from error
    classes = [str(name) for name in first[0]] if len(first) and isinstance(first[0], Mapping) else None
    if classes is None and np.asarray(first).reshape(1, -1).shape[1] == 1:
        wanted = "a network with a probability or score for each class (one number a row: xai.Model.from_callable)"
        raise InputError("model", expected=wanted, got="one number a row")
    return Model.from_callable(_as_probabilities(answer), classes=classes, input=table, name=Path(path).stem)


def _first_row(frame: pd.DataFrame, table: TabularInput) -> np.ndarray:
    """Return the first row of a table as numbers (1, columns)."""
    from xai.inputs.table_columns import column_numbers, named_columns

    found = [
        column_numbers(column[:1], name, table.categorical.get(name), date=name in table.dates, argument="data")[0]
        for name, column in zip(table.names, named_columns(frame, table.names, "data"), strict=True)
    ]
    return np.array([found])


def _matrix(given: Any, names: Sequence[str]) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """Return what puts rows (N, columns) into a network of one matrix; whole numbers are rounded."""
    if len(given.shape) > 2:
        raise InputError("model", expected="a network that reads rows of a table", got=f"input of shape {given.shape}")
    width = given.shape[1] if len(given.shape) == 2 else None
    if isinstance(width, int) and width != len(names):
        got = f"{len(names)}: {', '.join(names[:12])} (the label and what was named as protected are left out)"
        raise InputError("data", expected=f"{width} columns of numbers", got=got)
    return lambda values: {given.name: _of_type(np.asarray(values), TYPES.get(given.type, np.float32), given.name)}


def _of_type(values: np.ndarray, kind: Any, name: str) -> np.ndarray:
    """Return numbers in the type that a network asks for, whole ones rounded; raises InputError for a gap there."""
    if np.issubdtype(kind, np.floating):
        return values.astype(kind)
    if np.isnan(values).any():
        raise InputError("data", expected=f"no gaps in {name!r}, which is read as {np.dtype(kind).name}", got="a gap")
    return np.rint(values).astype(kind)


def _by_column(inputs: Sequence[Any], table: TabularInput) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """Return what puts rows (N, columns) into a network that takes each column by its name."""
    words = {name: np.array(known, dtype=object) for name, known in table.categorical.items()}
    for item in inputs:
        if (item.type == WORDS) != (item.name in words) or (item.type != WORDS and item.type not in TYPES):
            kind = "words" if item.name in words else "numbers"
            raise InputError("data", expected=f"a column {item.name!r} of {item.type}", got=kind)

    def feed(values: np.ndarray) -> dict[str, np.ndarray]:
        made = {}
        for position, item in enumerate(inputs):
            column = values[:, position : position + 1]
            asked = TYPES.get(item.type)
            made[item.name] = (
                words[item.name][column.astype(int)] if asked is None else _of_type(column, asked, item.name)
            )
        return made

    return feed


def _as_probabilities(answer: Callable[[np.ndarray], Any]) -> Callable[[np.ndarray], np.ndarray]:
    """Return the same answers as probabilities: as they are where they are some already, else by a softmax."""

    def probabilities(values: np.ndarray) -> np.ndarray:
        found = answer(values)
        if len(found) and isinstance(found[0], Mapping):  # a ZipMap of class to probability
            found = [list(row.values()) for row in found]
        found = np.asarray(found, dtype=np.float64).reshape(len(values), -1)
        if (found >= 0).all() and np.allclose(found.sum(1), 1, atol=1e-4):
            return found
        sizes = np.exp(found - found.max(1, keepdims=True))
        return sizes / sizes.sum(1, keepdims=True)

    return probabilities
