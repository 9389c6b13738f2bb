"""Models that are files: a pipeline of scikit-learn (skops, joblib) or an ONNX network of a table, for `xai audit`."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xai.base.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from xai.model.model import Model

__all__ = ["is_file", "load_file"]

SKOPS, JOBLIB, ONNX = (".skops",), (".joblib", ".pkl", ".pickle"), (".onnx",)


def is_file(path: str) -> bool:
    """Say whether a path is that of a model in one file, not a model folder."""
    return Path(path).suffix in (*SKOPS, *JOBLIB, *ONNX)


def load_file(
    path: Any, data: str | None, train: str | None, left_out: Sequence[str | None], trust_code: bool
) -> Model:
    """Return the model in a file, for the columns of a CSV or Parquet file but those that are left out.

    A pipeline that was fitted to named columns takes those. Columns of words become categories of the words that occur
    in the data. A joblib file, and types that skops does not know, run code when they are read: only with trust_code.

    path: of the file, or the fitted estimator itself.
    """
    from xai.inputs.table_files import read_frame

    if data is None:
        raise InputError("data", expected="--data, a CSV or Parquet file", got="none")
    fitted = None if isinstance(path, str) else path
    if fitted is None and not Path(path).is_file():
        raise InputError("model", expected="a model folder or a model file", got=f"no file at {path}")
    frames = [read_frame(Path(name)) for name in (data, train) if name is not None]
    columns = [str(name) for name in frames[0].columns if str(name) not in left_out]
    if fitted is not None:
        return _of_pipeline(fitted, columns, frames, None)
    if Path(path).suffix in ONNX:
        from xai.cli.onnx_model import of_onnx

        return of_onnx(path, columns, frames)
    return _of_pipeline(_read_pipeline(path, trust_code), columns, frames, Path(path).stem)


def _read_pipeline(path: str, trust_code: bool) -> Any:
    if Path(path).suffix in JOBLIB:
        if not trust_code:
            reason = "a joblib file runs code when it is read; save it with skops, or add --trust-code"
            raise click.ClickException(f"{path}: {reason}")
        import joblib

        return joblib.load(path)
    try:
        skops = importlib.import_module("skops.io")
    except ImportError as error:
        raise click.ClickException("a skops file needs skops: pip install 'xai-toolkit[skops]'") from error
    unknown = skops.get_untrusted_types(file=path)
    if unknown and not trust_code:
        listed = ", ".join(unknown[:3])
        reason = f"it holds {listed}, which skops does not know; add --trust-code to read it all the same"
        raise click.ClickException(f"{path}: {reason}")
    return skops.load(path, trusted=unknown)


def _of_pipeline(pipeline: Any, columns: Sequence[str], frames: Sequence[pd.DataFrame], name: str | None) -> Model:
    """Return a fitted pipeline as a model of the columns that it was fitted to, or else of those that are not left out.

    frames: of their rows words and gaps are read.
    """
    import pandas as pd

    from xai.adapters.sklearn import fitted_names, from_sklearn

    named = fitted_names(pipeline) or []
    whole = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    kept = [column for column in whole.columns if str(column) in {*columns, *named}]
    return from_sklearn(pipeline, whole[kept], name=name)
