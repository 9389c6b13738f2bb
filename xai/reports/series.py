"""Series of numbers under explanation: each channel's curve over a strip of what mattered when."""

from __future__ import annotations

from matplotlib import rc_context
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

from xai.reports.figures import STYLE, _color, _plain, inline_svg
from xai.reports.method_words import words_for
from xai.reports.pictures import AGAINST, FOR, MAGNITUDE
from xai.reports.surrogates import method_notes
from xai.results.explanation import Explanation

__all__ = ["series_card", "series_figure"]

MOST_CURVES = 24


def series_figure(explanation: Explanation) -> Figure:
    """Draw the first row's channels over time, and below them the value of each channel (down) at each step (along)."""
    series, values = explanation.inputs[0].float().cpu(), explanation.values[0].float().cpu()
    count = steps_there(series)
    series, values = series[:count], values[:count]
    names = list(explanation.names) if len(explanation.names) == series.shape[1] else None
    bound = max(float(values.abs().max()), 1e-12)
    signed = bool((values < 0).any())
    diverging = LinearSegmentedColormap.from_list("for_against", [_color(AGAINST), (1, 1, 1), _color(FOR)])
    sequential = LinearSegmentedColormap.from_list("magnitude", [(1, 1, 1), _color(MAGNITUDE)])
    channels = series.shape[1]
    with rc_context(STYLE):
        figure = Figure(figsize=(5.2, 1.5 + max(1.2, 0.17 * channels)), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1.3, max(1.2, 0.17 * channels)])
        spread = series.std(0).clamp_min(1e-12) if count > 1 else 1.0
        for curve in ((series - series.mean(0)) / spread).T[:MOST_CURVES].tolist():
            above.plot(range(count), curve, linewidth=0.8, color="#6b7280")
        above.set_ylabel("channels, scaled", fontsize=7)
        above.tick_params(length=2, labelsize=7)
        drawn = below.imshow(
            values.T.numpy(), cmap=diverging if signed else sequential, vmin=-bound if signed else 0, vmax=bound,
            aspect="auto", interpolation="nearest",
        )  # fmt: skip
        below.set_yticks(range(channels), [_plain(name) for name in names or map(str, range(channels))], fontsize=7)
        below.set_xlabel(_plain(f"step ({explanation.method.replace('_', ' ')} for {explanation.target_name()})"))
        below.tick_params(length=0)
        figure.colorbar(drawn, ax=below, fraction=0.04).ax.tick_params(labelsize=6, length=2)
        return figure


def series_card(explanation: Explanation) -> dict[str, object]:
    """Return what the card of one series shows."""
    words = words_for(explanation.method, "value")
    return {
        "title": words.title,
        "target": explanation.target_name(),
        "words": words,
        "notes": method_notes(explanation),
        "svg": inline_svg(series_figure(explanation), f"{words.title} of a series, channels by steps"),
        "findings": explanation.evidence[0] if explanation.evidence else (),
    }


def steps_there(series: Tensor) -> int:
    """Return how many steps of a series (T, D) are no padding, at least one."""
    used = (series != 0).any(1).nonzero()
    return int(used[-1]) + 1 if len(used) else 1
