"""The course of a training run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes

from xai.base.errors import FolderError, InputError, describe, names_errors
from xai.base.reading import MEBIBYTE, parse_json, read_plain
from xai.plots.on_axes import axes_for
from xai.plots.style import SEVERAL, plain_text
from xai.plots.translation import translate

__all__ = ["training_curve"]

LARGEST = 64 * MEBIBYTE


@names_errors("training_curve")
def training_curve(history: object, *, ax: Axes | None = None) -> Axes:
    """Draw what was measured after each epoch, a curve per name; where there are losses, those alone.

    Args:
        history: Numbers per epoch by name, a list of such per epoch, or a model folder with a `training.json`.
        ax: Axes to draw on, by default of a new figure.

    Returns:
        The axes.

    Raises:
        InputError: There are no numbers in it.

    >>> axes = training_curve({"training loss": [1.0, 0.5, 0.3], "validation loss": [1.1, 0.7, 0.6]})
    >>> [line.get_label() for line in axes.lines]
    ['training loss', 'validation loss']
    """
    curves = _curves(_read(history))
    if not curves:
        raise InputError("history", expected="numbers per epoch", got=describe(history))
    curves = {name: values for name, values in curves.items() if "loss" in name} or curves  # they share a scale
    axes = axes_for(ax, 4.4, 2.8)
    for index, (name, values) in enumerate(curves.items()):
        ink = SEVERAL[index % len(SEVERAL)]
        axes.plot(range(1, len(values) + 1), values, color=ink, marker="o", markersize=3, label=plain_text(name))
    axes.set_xlabel(translate("epoch"))
    axes.legend(frameon=False, fontsize=8)
    axes.tick_params(length=2)
    return axes


def _read(history: object) -> object:
    if not isinstance(history, str | Path):
        return history
    path = Path(history, "training.json")
    try:
        return parse_json(read_plain(path, "a file of numbers by epoch", limit=LARGEST), str(path))
    except (FileNotFoundError, FolderError) as error:
        raise InputError("history", expected=f"a readable {path.name}", got=str(error)) from error


def _curves(history: object) -> dict[str, list[float]]:
    """Return every list of numbers by its name, of a dictionary of lists or a list of dictionaries."""
    if isinstance(history, Mapping):
        found = {}
        for name, values in history.items():
            if isinstance(values, Mapping) or (isinstance(values, Sequence) and values and _is_row(values[0])):
                found |= _curves(values)
            elif isinstance(values, Sequence) and not isinstance(values, str) and values and _numbers(values):
                found[str(name).replace("_", " ")] = [float(value) for value in values]
        return found
    if isinstance(history, Sequence) and history and all(map(_is_row, history)):
        names = [name for name in history[0] if all(_is_number(row.get(name)) for row in history)]
        return {str(name).replace("_", " "): [float(row[name]) for row in history] for name in names if name != "epoch"}
    return {}


def _is_row(value: object) -> bool:
    return isinstance(value, Mapping)


def _numbers(values: Sequence) -> bool:
    return all(map(_is_number, values))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
