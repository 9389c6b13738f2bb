"""Rows of a table for a report: those of a file, and held-out ones of the recipe that made the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xai.cli.any_model import is_folder
from xai.cli.audit_sources import labels_of
from xai.cli.options import recipes

if TYPE_CHECKING:
    from torch import Tensor

    from xai.model.model import Model
    from xai.reports.page import Report
    from xai.reports.presets.sequences import Sequences

__all__ = ["report_on_table"]


def report_on_table(
    model: Model,
    model_path: str,
    items: Sequence[str],
    *,
    data: str | None,
    label: str,
    examples: int,
    methods: Sequence[str] = (),
    target: str | None = None,
    seed: int = 0,
) -> Report:
    """Return the report on a model of a table.

    Args:
        model: The model.
        model_path: What stood for it on the command line.
        items: Files of rows to explain; none for some of the data.
        data: A CSV or Parquet file to ask the model on, by default the held-out rows of its recipe.
        label: The column of it that holds the right answer, where there is one.
        examples: How many rows of the data are explained where no items are.
        methods: Names of methods, none for the usual ones.
        target: The class that is explained.
        seed: Of everything that is drawn.

    Raises:
        InputError: There are no rows.
    """
    from xai.base.errors import InputError
    from xai.model.folder import read_description
    from xai.reports.presets.sequences import Sequences
    from xai.reports.presets.tables import table_methods, table_report

    table_methods(methods)
    origin = read_description(model_path).origin if is_folder(model_path) else {}
    found = _of_file(model, Path(data), label) if data else _of_recipe(model, str(origin.get("recipe", "")))
    if found is None:
        wanted = "rows of a table: --data FILE.csv"
        raise InputError("data", expected=wanted, got="none, and no recipe's data")
    whole, background = found
    if items:
        inputs, names = model.input.read(items)
        shown = Sequences(model.prepare(inputs), names)
    else:
        shown = whole.some(examples)
    settings: dict[str, Any] = {"methods": methods, "target": target, "seed": seed, "origin": origin}
    return table_report(model, shown, whole, background, **settings)


def _of_file(model: Model, path: Path, label: str) -> tuple[Sequences, Tensor | None]:
    from xai.inputs.table_files import read_frame
    from xai.reports.presets.sequences import Sequences

    frame = read_frame(path)
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    inputs, labels = model.prepare(frame, "data"), None
    if label in frame.columns and label not in model.input.names:
        column = frame[label]
        named = model.task != "regression" and model.classes
        labels = _as_numbers(model, labels_of(column, model.classes) if named else column, len(inputs))
    names = tuple(f"row {number} of {path.name}" for number in range(len(inputs)))
    return Sequences(inputs, names, labels, path.name), None


def _as_numbers(model: Model, labels: object, rows: int) -> Tensor:
    from xai.model.labels import as_labels

    return as_labels(model, labels, rows)


def _of_recipe(model: Model, recipe: str) -> tuple[Sequences, Tensor | None] | None:
    from xai.reports.presets.sequences import Sequences

    if recipe not in recipes().RECIPES:
        return None
    found = recipes().load_data(recipe)
    names = tuple(f"test row {number}" for number in range(len(found.test_inputs)))
    whole = Sequences(model.prepare(found.test_inputs), names, found.test_labels, f"held out from {found.name}")
    return whole, model.prepare(found.train_inputs)
