"""What the units of a network of tables, series or texts look for: the row, curves or words made for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from xai.inputs.text import TextInput
from xai.model.model import Model
from xai.plots.series import present_steps
from xai.reports.escape import render
from xai.reports.page import Section
from xai.reports.unit_views import unit_numbers, verdict
from xai.results.visualization import Visualization
from xai.visualization.objectives import Objective
from xai.visualization.put_back import losses, usual
from xai.visualization.tokens import words_of

Limits = tuple[Tensor, Tensor] | None  # the least and the most of each number, of texts none

__all__ = ["made_inputs_section"]

SHOWN = 10  # columns of a row that are not folded away
MOST_CURVES = 24  # of a series


def made_inputs_section(
    model: Model,
    groups: Mapping[str, Visualization],
    objectives: Mapping[str, Sequence[Objective]],
    real: Tensor | None,
    source: str,
    limits: Limits,
) -> Section:
    """Return the chapter from one Visualization per layer, made of rows, series or texts.

    real: what they were compared with, numbers of words where they are texts. limits: the least and the most of each
    number (D,), where there are numbers.
    """
    kind = model.input.kind
    draw = DRAWN.get(kind, _columns)
    start = _middle(model, limits) if real is None and limits is not None else usual(real, kind)
    views = []
    for layer, made in groups.items():
        units = []
        for row, objective in zip(made, objectives[layer], strict=True):
            values = row.values[0]
            fall = losses(model, objective, values, start).tolist()
            finding = row.finding("real_images")
            best = None if finding is None or real is None else real[finding.details["best"][0]]
            units.append(
                {
                    "name": row.objective[0],
                    "short": row.objective[0].removeprefix(f"{layer} "),
                    "verdict": verdict(row),
                    "reached": float(row.reached[0]),
                    "started": row.diagnostics[0]["started"],
                    "relaxed": row.diagnostics[0].get("relaxed"),
                    "real_high": None if finding is None else finding.details["real_high"],
                    **draw(model, row, fall, start, best, limits),
                }
            )
        views.append({"layer": layer, "units": units})
    first = next(iter(groups.values()))
    count = None if real is None else len(real)
    body = render(
        "made_inputs.html", kind=kind, groups=views, count=count, source=source, total=sum(map(len, groups.values())),
        options=first.options, shown=SHOWN,
    )  # fmt: skip
    data = [unit_numbers(row) for made in groups.values() for row in made]
    numbers = {"units": data, "options": first.options, "seed": first.seed}
    return Section("units", "What its units look for", body, numbers)


def _middle(model: Model, limits: tuple[Tensor, Tensor]) -> Tensor:
    """Return the middle of each range; of a category, a code in the middle."""
    middle = (limits[0] + limits[1]) / 2
    for name in getattr(model.input, "categorical", {}):
        index = model.input.names.index(name)
        middle[index] = middle[index].floor()
    return middle


def _ends(limits: Limits) -> tuple[Tensor, Tensor]:
    if limits is None:
        raise ValueError("rows and series have limits: see `row_limits`")
    return limits


def _columns(
    model: Model, row: Visualization, fall: list[float], start: Tensor, best: Tensor | None, limits: Limits
) -> dict[str, object]:
    """Return the columns of a row, those first without which most is lost; places are shares of a column's range."""
    names = list(row.names) or [f"x{number}" for number in range(len(fall))]
    values = row.values[0].flatten().tolist()
    low, high = (item.flatten().expand(len(values)).tolist() for item in _ends(limits))
    starts = start.flatten().expand(len(values)).tolist()
    real = None if best is None else best.flatten().tolist()
    categories = getattr(model.input, "categorical", {})

    def in_words(name: str, value: float) -> str:
        return categories[name][int(value)] if name in categories else f"{value:.4g}"

    columns = []
    for index in sorted(range(len(values)), key=lambda index: -abs(fall[index])):
        name, width = names[index], max(high[index] - low[index], 1e-30)
        where, middle = ((item - low[index]) / width for item in (values[index], starts[index]))
        columns.append(
            {
                "name": name,
                "value": in_words(name, values[index]),
                "best": None if real is None else in_words(name, real[index]),
                "fall": fall[index],
                "category": name in categories,
                "left": 100 * min(where, middle),
                "width": 100 * abs(where - middle),
                "side": "for" if where >= middle else "against",
            }
        )
    return {"columns": columns}


def _curves(
    model: Model, row: Visualization, fall: list[float], start: Tensor, best: Tensor | None, limits: Limits
) -> dict[str, object]:
    """Return the channels of a series as points of a drawing 100 wide and 30 high, the most needed first."""
    values = row.values[0].float().cpu()
    names = list(row.names) or [f"channel {number}" for number in range(values.shape[1])]
    low, high = (item.float().cpu().flatten().expand(values.shape[1]) for item in _ends(limits))
    real = None if best is None else best[: present_steps(best)].float().cpu()
    longest = max(len(values), 0 if real is None else len(real), 2)

    def points(series: Tensor, index: int) -> str:
        height = (series[:, index] - low[index]) / (high[index] - low[index]).clamp_min(1e-30)
        return " ".join(
            f"{100 * step / (longest - 1):.1f},{29 - 28 * share:.1f}"
            for step, share in enumerate(height.clamp(0, 1).tolist())
        )

    order = sorted(range(values.shape[1]), key=lambda index: -abs(fall[index]))[:MOST_CURVES]
    curves = [
        {
            "name": names[index], "fall": fall[index], "made": points(values, index),
            "best": "" if real is None else points(real, index),
            "low": float(low[index]), "high": float(high[index]),
        }
        for index in order
    ]  # fmt: skip
    return {"curves": curves, "steps": len(values), "hidden": values.shape[1] - len(curves)}


def _words(
    model: Model, row: Visualization, fall: list[float], start: Tensor, best: Tensor | None, limits: Limits
) -> dict[str, object]:
    """Return the words, each shaded by what is lost without it, and real texts by number of words."""
    top = max(max(fall), 1e-12)
    shades = [f"m{min(5, 1 + int(5 * item / top))}" if item > 0.02 * top else "" for item in fall]
    words = [
        {"text": word, "shade": shade, "fall": item}
        for word, shade, item in zip((row.words or ((),))[0], shades, fall, strict=True)
    ]
    return {"words": words, "text": None if best is None else " ".join(words_of(TextInput.of(model.input), best))}


DRAWN = {"text": _words, "sequence": _curves}  # by kind of input
