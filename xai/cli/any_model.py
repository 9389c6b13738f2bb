"""What stands for MODEL on the command line: a model folder, a model file, or a function of the user's own code."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xai.base.errors import describe_error
from xai.cli.fitted_model import is_file, load_file
from xai.cli.options import asked_output, load_model

if TYPE_CHECKING:
    from xai.model.model import Model

__all__ = ["is_code", "is_folder", "load_any"]

CODE = re.compile(r"[\w./-]+:[^\W\d][\w.]*")


def is_code(model: str) -> bool:
    """Say whether a word names a function: "package.module:function" or "file.py:function".

    >>> is_code("my.module:train"), is_code("train.py:made"), is_code("runs/mnist-cnn")
    (True, True, False)
    """
    return CODE.fullmatch(model) is not None and not Path(model).exists()


def is_folder(model: str) -> bool:
    """Say whether a word names a model folder."""
    return not is_code(model) and not is_file(model)


def load_any(
    model: str, data: str | None, train: str | None, left_out: Sequence[str | None], trust_code: bool, command: str
) -> Model:
    """Return the model that a word stands for; what is code, or runs code when it is read, only with trust_code.

    Args:
        model: A model folder, a file of skops, joblib or ONNX, or MODULE:FUNCTION, which returns an xai.Model or a
            fitted estimator.
        data: A CSV or Parquet file, which says what the columns are of a file or an estimator.
        train: Another one.
        left_out: Columns of it that the model does not see.
        trust_code: Whether to run code.
        command: The command's name, for errors.
    """
    if is_code(model):
        return _of_code(model, data, train, left_out, trust_code, command)
    return load_file(model, data, train, left_out, trust_code) if is_file(model) else load_model(model, trust_code)


def _of_code(
    model: str, data: str | None, train: str | None, left_out: Sequence[str | None], trust_code: bool, command: str
) -> Model:
    from xai.model.factory import find_callable
    from xai.model.installed import file_of
    from xai.model.model import Model

    module, _, name = model.rpartition(":")
    if not trust_code:
        file = Path(module).absolute() if module.endswith(".py") else file_of(module)
        raise click.ClickException(f"{command}: {model} is code; --trust-code would run {name} of {module} ({file})")
    here = str(Path.cwd())
    if here not in sys.path:  # as `python -m` has it: the caller's own module
        sys.path.insert(0, here)
    make = find_callable(Path.cwd(), module, name)
    try:
        made: Any = make()
    except Exception as error:  # of the caller's own code
        got = describe_error(error)
        raise click.ClickException(f"{command}: {model}: expected a model, got {got}") from error
    if isinstance(made, Model):
        return asked_output(made)
    if not hasattr(made, "predict"):
        wanted = "an xai.Model or a fitted estimator"
        raise click.ClickException(f"{command}: {model}: expected {wanted}, got {type(made).__name__}")
    return load_file(made, data, train, left_out, trust_code)
