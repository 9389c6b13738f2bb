"""`--data` of an audit: a table, a folder of images by class, a reference data set by name, or the model's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xai.cli.any_model import is_folder
from xai.cli.options import recipes

if TYPE_CHECKING:
    import pandas as pd

    from xai.auditing.audit_data import AuditData
    from xai.model.model import Model

__all__ = ["labels_of", "read_audit_data"]


def read_audit_data(
    model: Model,
    folder: str,
    data: str | None,
    train: str | None,
    label: str,
    protected: Sequence[str],
    metadata: Mapping[str, str | None] | None = None,
) -> AuditData:
    """Return what `--data` and `--train` name, for a model.

    A path to a CSV or Parquet file (texts in the column `text`), a folder of images with one subfolder per class, or
    the name of a recipe, whose data is meant; without --data the recipe that made the model folder. protected: columns
    of the table, whether the model sees them or not. metadata: the columns that hold them: entity, time, weights.
    """
    from xai.auditing.audit_data import AuditData
    from xai.base.errors import InputError

    named = {name: column for name, column in (metadata or {}).items() if column is not None}
    name = data or (_own_recipe(folder) if is_folder(folder) else None)
    if name is None:
        wanted = "--data, since the model does not say what it was trained on"
        raise InputError("data", expected=wanted, got="none")
    if data is None or (name in recipes().RECIPES and not Path(name).exists()):
        if named:
            raise click.ClickException(f"audit: --{next(iter(named))}: a reference data set has no such column")
        return _reference(name, train, protected)
    inputs, labels, groups, fields = _read(model, name, label, protected, named, "data")
    learned = _read(model, train, label, protected, named, "train") if train else None
    seen = [column for column in protected if column in getattr(model.input, "names", ())]
    return AuditData(
        inputs,
        labels,
        train=learned and learned[:2],
        groups=groups,
        train_groups=learned and learned[2],
        protected=seen,
        name=Path(name).name,
        **fields,
        **{f"train_{name}": column for name, column in (learned[3] if learned else {}).items()},
    )


def _reference(name: str, train: str | None, protected: Sequence[str]) -> AuditData:
    from xai.auditing.audit_data import AuditData

    if train:
        raise click.ClickException("audit: --train: a reference data set has its own training part")
    found = recipes().load_data(name)
    chosen = list(protected) or list(found.protected)
    learned = (found.train_inputs, found.train_labels)
    return AuditData(found.test_inputs, found.test_labels, train=learned, protected=chosen, name=found.name)


def _own_recipe(folder: str) -> str | None:
    from xai.model.folder import read_description

    name = str(read_description(folder).origin.get("recipe", ""))
    return name if name in recipes().RECIPES else None


def _read(
    model: Model, source: str, label: str, protected: Sequence[str], metadata: Mapping[str, str], argument: str
) -> tuple[object, object, pd.DataFrame | None, dict[str, Any]]:
    """Return inputs, labels, the protected columns that the model does not see, and the metadata of rows."""
    from xai.base.errors import InputError
    from xai.inputs.image import ImageInput
    from xai.inputs.image_files import read_folder
    from xai.inputs.table_files import read_frame

    path = Path(source)
    if model.input.labels_in == "folder":
        if metadata:
            raise InputError(next(iter(metadata)), expected="a CSV file of rows", got="images by class")
        images = read_folder(path, ImageInput.of(model.input), _classes(model))
        return images.images, images.labels, None, {}
    if path.is_dir() or not path.exists():
        known = ", ".join(recipes().RECIPES)
        wanted = f"a CSV or Parquet file, or one of {known}"
        raise InputError(argument, expected=wanted, got=source)
    frame = read_frame(path)
    names = [str(column) for column in frame.columns]
    frame = frame.set_axis(names, axis=1)
    text = model.input.column
    if model.input.labels_in != "column":
        got = f"a model of {model.input.kind} inputs; call xai.audit with xai.AuditData"
        raise InputError(argument, expected="a model of tables or texts for a CSV file", got=got)
    if argument == "train" and metadata.get("weights") not in names:  # those of training rows are often not known
        metadata = {name: column for name, column in metadata.items() if name != "weights"}
    wanted = [label, *protected, *metadata.values(), *([text] if text else [])]
    missing = [name for name in wanted if name not in names]
    if missing:
        option = " (see --label)" if missing[0] == label else ""
        raise InputError(argument, expected=f"a column {missing[0]!r}{option}", got=", ".join(names[:12]))
    hidden = [name for name in protected if name not in getattr(model.input, "names", ())]
    inputs = frame[text].astype(str).tolist() if text else frame
    labels = frame[label] if model.task == "regression" or not model.classes else labels_of(frame[label], model.classes)
    return inputs, labels, frame[hidden] if hidden else None, {name: frame[column] for name, column in metadata.items()}


def labels_of(labels: pd.Series, classes: Sequence[str]) -> pd.Series:
    """Return labels as names where they are the names of classes, so that classes called 1 and 2 are no numbers."""
    words = labels.astype(str)
    return words if set(words) <= set(classes) else labels


def _classes(model: Model) -> list[str]:
    from xai.reports.example_images import class_names

    return class_names(model)
