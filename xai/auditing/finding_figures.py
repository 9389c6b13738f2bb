"""What a finding shows beside its sentence: panels and tables as plain data, stored with its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from textwrap import wrap

from xai.base.experiment import Panel, Series

__all__ = ["bars", "curves", "points", "table"]


def curves(
    title: str,
    x_label: str,
    y_label: str,
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    log_y: bool = False,
) -> dict[str, object]:
    """Return a panel of curves by name, each (x, y); a name that begins with "control" is dashed.

    >>> curves("Noise", "size", "accuracy", {"model": ([0, 1], [0.9, 0.8])})["series"][0]["y"]
    [0.9, 0.8]
    """
    series = [
        Series(name, _numbers(x), _numbers(y), style="dashed" if name.startswith("control") else "line")
        for name, (x, y) in lines.items()
    ]
    return asdict(Panel(title, x_label, y_label, series, log_y=log_y))


def points(
    title: str, x_label: str, y_label: str, groups: Mapping[str, tuple[Sequence[float], Sequence[float]]]
) -> dict[str, object]:
    """Return a panel of points by name, each (x, y)."""
    series = [Series(name, _numbers(x), _numbers(y), style="points") for name, (x, y) in groups.items()]
    return asdict(Panel(title, x_label, y_label, series))


def bars(title: str, x_label: str, y_label: str, groups: Mapping[str, Sequence[float]], names: Sequence[str]) -> dict:
    """Return a panel of bars over names, one set for each group; long names in several lines."""
    series = [Series(name, _numbers(range(len(names))), _numbers(y), style="bars") for name, y in groups.items()]
    return asdict(Panel(title, x_label, y_label, series, categories=[_lines(str(name)) for name in names]))


def table(title: str, rows: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Return a table: the keys of the first row are its columns; numbers are shown rounded."""
    return {"title": title, "rows": list(rows)}


def _numbers(values: Sequence[float]) -> list[float]:
    return [float(value) for value in values]


def _lines(name: str) -> str:
    return "\n".join(wrap(name, 12)[:3]) or name
