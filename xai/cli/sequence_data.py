"""Texts and series for a report: those of the command line, and held-out ones of the recipe that made the model."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xai.model.model import Model
    from xai.reports.page import Report
    from xai.reports.presets.sequences import Sequences

__all__ = ["report_on_sequences"]


def report_on_sequences(
    model: Model,
    folder: str,
    items: Sequence[str],
    recipes: ModuleType | None,
    examples: int,
    methods: Sequence[str],
    target: str | None,
    seed: int,
    title: str | None,
) -> Report:
    """Return the report on a model of texts or series.

    recipes: the table to find held-out examples by, None for those of the command line alone.
    Raises InputError where there is nothing to explain.
    """
    from xai.base.errors import InputError
    from xai.model.folder import read_description
    from xai.reports.presets.sequences import alignment_report, methods_for, sequence_report
    from xai.sequences.teacher_forcing import writes_sequences

    origin = read_description(folder).origin
    writes = writes_sequences(model)
    if not writes:
        methods = methods_for(model, methods)
    held_out = _held_out(model, str(origin.get("recipe", "")), recipes) if recipes is not None else None
    chosen = _from_items(model, items) if items else None
    if chosen is None and held_out is not None and examples:
        chosen = held_out.some(examples)
    if chosen is None:
        raise InputError("inputs", expected="texts or series to explain", got="none, and no recipe's data")
    if writes:
        return alignment_report(model, chosen, seed=seed, title=title, origin=origin)
    settings = {"methods": methods, "target": target, "seed": seed, "title": title, "origin": origin}
    return sequence_report(model, chosen, held_out, **settings)


def _from_items(model: Model, items: Sequence[str]) -> Sequences:
    from xai.reports.presets.sequences import Sequences

    inputs, names = model.input.read(items)
    return Sequences(model.prepare(inputs), names)


def _held_out(model: Model, recipe: str, recipes: ModuleType) -> Sequences | None:
    from xai.reports.presets.sequences import Sequences

    if recipe not in recipes.RECIPES:
        return None
    data = recipes.load_data(recipe)
    inputs = model.prepare(model.input.readable(data.test_inputs))
    labels = data.test_labels if data.test_labels.ndim == 1 else None
    names = tuple(f"test example {number}" for number in range(len(inputs)))
    return Sequences(inputs, names, labels, f"held out from {data.name}")
