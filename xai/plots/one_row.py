"""One row's values: a waterfall from nothing known to the answer, bars, and a text with colored tokens."""

from __future__ import annotations

from matplotlib.axes import Axes

from xai.base.errors import InputError, names_errors
from xai.evidence.claims import claim_of
from xai.plots.bars import weights_figure
from xai.plots.on_axes import axes_for, one_row, parts_of
from xai.plots.shaded_text import lines_of, shaded_spans, write_text
from xai.plots.style import AGAINST, FOR, GRAY, color, plain_text, shortened
from xai.plots.translation import translate
from xai.results.explanation import Explanation

__all__ = ["bar", "text", "waterfall"]

LINE_HIGH = 0.25  # inches of a line of text


@names_errors("waterfall")
def waterfall(explanation: Explanation, row: int = 0, *, count: int = 9, ax: Axes | None = None) -> Axes:
    """Draw how the values of one row add up, the largest first, the rest as one step.

    Of LIME it begins at the surrogate's intercept and ends at its prediction; of others it begins at 0 and ends at the
    whole change from the baseline. Source: Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9.

    Args:
        explanation: Of a table, a text, or segments, by a method whose values add up.
        row: Which row.
        count: How many values have a step of their own.
        ax: Axes to draw on, by default of a new figure.

    Returns:
        The axes.

    Raises:
        InputError: The values do not add up, or are a map.

    >>> import torch, xai
    >>> model = xai.Model(torch.nn.Linear(3, 2), input=xai.TabularInput(["age", "height", "weight"]))
    >>> axes = waterfall(xai.integrated_gradients(model, torch.ones(1, 3)))
    >>> len(axes.patches)
    3
    """
    item = parts_of(one_row(explanation, row))
    known = item.diagnostics[0] if item.diagnostics else {}
    if "intercept" not in known and claim_of(item) != "additive":
        raise InputError("explanation", expected="one by a method whose values add up", got=f"one by {item.method}")
    values, names = item.values[0].tolist(), item.value_names()
    order = sorted(range(len(values)), key=lambda index: -abs(values[index]))
    steps = [(names[index], values[index]) for index in order[:count]]
    if order[count:]:
        steps.append(
            (translate("{count} others", count=len(order[count:])), sum(values[index] for index in order[count:]))
        )
    start = float(known.get("intercept", 0.0))
    end = _draw_steps(axes := axes_for(ax, 5.6, 0.9 + 0.3 * len(steps)), steps, start)
    unit = str(item.options.get("of", "output")).replace("_", "-")
    start_name = f"{start:.3g}" if start else translate("the baseline")
    label = translate(
        "{unit} of {target}: from {start} to {end}",
        unit=translate(unit), target=item.target_name(), start=start_name, end=f"{end:+.3g}",
    )  # fmt: skip
    axes.locator_params(axis="x", nbins=6)  # numbers of many digits do not run into each other
    axes.set_xlabel(plain_text(label))
    return axes


def _draw_steps(axes: Axes, steps: list[tuple[str, float]], start: float) -> float:
    """Draw each step from where the last one ended, the first on top; return where the last one ends."""
    at, reach = start, [start]
    for index, (_, value) in enumerate(steps):
        axes.barh(-index, value, left=at, height=0.7, color=color(FOR) if value >= 0 else color(AGAINST))
        at += value
        reach.append(at)
        axes.plot([at, at], [-index - 0.35, -index - 0.65], color=GRAY, linewidth=0.8)
        side = "left" if value >= 0 else "right"
        axes.annotate(
            f"{value:+.3g}", (at, -index), (4 if value >= 0 else -4, 0), textcoords="offset points", va="center",
            ha=side, fontsize=8,
        )  # fmt: skip
    axes.axvline(start, color=GRAY, linewidth=0.8, linestyle=":")
    axes.set_yticks([-index for index in range(len(steps))], [plain_text(shortened(name)) for name, _ in steps])
    room = 0.18 * (max(reach) - min(reach) or 1.0)
    axes.set_xlim(min(reach) - room, max(reach) + room)
    axes.tick_params(length=2)
    return at


@names_errors("bar")
def bar(explanation: Explanation, row: int = 0, *, count: int = 12, ax: Axes | None = None) -> Axes:
    """Draw the largest values of one row as bars, with 95 % intervals where there are standard errors.

    Args:
        explanation: Of a table, a text, or segments.
        row: Which row.
        count: How many bars.
        ax: Axes to draw on, by default of a new figure.

    Returns:
        The axes.

    Raises:
        InputError: The values are a map.

    >>> import torch, xai
    >>> model = xai.Model(torch.nn.Linear(3, 2), input=xai.TabularInput(["age", "height", "weight"]))
    >>> len(bar(xai.saliency(model, torch.ones(1, 3))).patches)
    3
    """
    item = parts_of(one_row(explanation, row))
    axes = axes_for(ax, 4.6, 0.6 + 0.24 * min(count, item.values[0].numel()))
    names = item.value_names()
    title = f"{item.method.replace('_', ' ')}: {item.target_name()}"
    weights_figure(item, title, count, lambda index: shortened(names[index]), axes)
    return axes


@names_errors("text")
def text(explanation: Explanation, row: int = 0, *, ax: Axes | None = None) -> Axes:
    """Write a text with its words on the color of their values: orange for, blue against.

    A word whose 95 % interval holds 0 has no color: its sign is not known.

    Args:
        explanation: Of a text.
        row: Which row.
        ax: Axes to write on, by default of a new figure.

    Returns:
        The axes.

    Raises:
        InputError: The explanation is not of words.
    """
    item = one_row(explanation, row)
    if item.over != "tokens":
        raise InputError("explanation", expected="one of a text", got=f"values over {item.over}")
    spans = shaded_spans(item)
    lines = lines_of(spans)
    axes = axes_for(ax, 6.2, 0.3 + LINE_HIGH * lines)
    write_text(axes, spans, lines)
    high = axes.get_window_extent().height / axes.figure.dpi / LINE_HIGH
    axes.set_ylim(0.3 - max(high, lines + 0.3), 0.3)  # lines stay as high as letters in tall axes
    axes.set_title(plain_text(f"{item.method.replace('_', ' ')}: {item.target_name()}"), fontsize=9, loc="left")
    return axes
