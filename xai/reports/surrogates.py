"""Values over columns, words or steps: signed bars with whiskers, the text shaded by its words, and the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from matplotlib.figure import Figure

from xai.inputs.text import to_texts
from xai.reports.figures import bars_figure, half_widths, inline_svg
from xai.reports.method_words import words_for
from xai.results.explanation import Explanation

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Shaded", "kernel_width_figure", "largest", "method_notes", "shaded_pieces", "surrogate_card"]

LEVELS = 5
MOST_BARS = 12
PARTS = {"features": "column", "tokens": "word", "steps": "step"}
MAGNITUDES = ("saliency",)  # methods whose values have no sign


class Shaded(NamedTuple):
    """A piece of a text: `shade` is "" or "f1" .. "f5" (for), "a1" .. "a5" (against) or "m1" .. "m5" (much).

    note: its weight in words.
    """

    text: str
    shade: str
    note: str


def surrogate_card(explanation: Explanation) -> dict[str, object]:
    """Return what the card of one row shows."""
    words = words_for(explanation.method, PARTS[explanation.over])
    chosen = largest(explanation, MOST_BARS)
    names, values = explanation.value_names(), explanation.values[0].tolist()
    reach = half_widths(explanation)
    unit = str(explanation.options.get("of", "output")).replace("_", "-")
    figure = bars_figure(
        [_short(names[number]) for number in chosen],
        [values[number] for number in chosen],
        None if reach is None else [reach[number] for number in chosen],
        f"{'weight, ' if reach is not None else ''}{unit} ({explanation.target_name()})",
    )
    signed = bool((explanation.values[0] < 0).any())
    return {
        "title": words.title,
        "target": explanation.target_name(),
        "words": words,
        "notes": method_notes(explanation),
        "whiskers": reach is not None,
        "signed": signed,
        "plot": inline_svg(figure, f"The {len(chosen)} largest weights, with 95 % intervals where there are errors"),
        "pieces": shaded_pieces(explanation) if explanation.over == "tokens" else [],
        "rows": _rows(explanation, unit),
        "unit": unit,
        "findings": explanation.evidence[0] if explanation.evidence else (),
    }


def kernel_width_figure(frame: pd.DataFrame, count: int = 8) -> Figure:
    """Draw what `xai.kernel_widths` found for its first row: the largest weights over the widths, with their intervals.

    Where lines cross, the ranking depends on which neighborhood is meant.
    """
    first = frame[frame["row"] == frame["row"].min()]
    sizes = first.assign(size=first["value"].abs()).groupby("name", sort=False)["size"].max()
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    for name in sizes.sort_values(ascending=False).index[:count]:
        line = first[first["name"] == name].sort_values("kernel_width")
        drawn = axes.plot(line["kernel_width"], line["value"], marker="o", markersize=3, label=_short(str(name)))
        if "low" in line:
            axes.fill_between(line["kernel_width"], line["low"], line["high"], alpha=0.2, color=drawn[0].get_color())
    axes.set_xscale("log")
    axes.axhline(0, linewidth=0.8, color="black")
    axes.set_xlabel("kernel width")
    axes.set_ylabel("weight")
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    return figure


def largest(explanation: Explanation, count: int) -> list[int]:
    """Return the numbers of the first row's largest weights, the largest first."""
    weights = explanation.values[0].abs()
    return weights.argsort(descending=True)[:count].tolist()


def shaded_pieces(explanation: Explanation) -> list[Shaded]:
    """Return the first row's text in pieces; full color is its largest weight.

    A weight whose 95 % interval holds 0 is not shaded: its sign is not known.
    """
    if explanation.segments is None:  # a text given as numbers of words
        names = explanation.value_names()
        text = " ".join(names)
        owners = [owner for number, name in enumerate(names) for owner in [number] * len(name) + [-1]][:-1]
    else:
        text = to_texts(explanation.inputs[:1])[0]
        owners = explanation.segments[0, : len(text)].tolist()
    weights = explanation.values[0].tolist()
    top = max((abs(weight) for weight in weights), default=0.0) or 1.0
    unsure = [False] * len(weights)
    signed = any(weight < 0 for weight in weights) or explanation.method not in MAGNITUDES
    if explanation.standard_error is not None:
        low, high = explanation.interval()[0]
        unsure = ((low <= 0) & (high >= 0)).tolist()
    pieces: list[Shaded] = []
    start = 0
    for place in range(1, len(text) + 1):
        if place < len(text) and owners[place] == owners[start]:
            continue
        owner, part = owners[start], "".join(map(_visible, text[start:place]))
        start = place
        if owner < 0:
            pieces.append(Shaded(part, "", ""))
            continue
        weight = weights[owner]
        level = round(LEVELS * abs(weight) / top)
        side = ("f" if weight > 0 else "a") if signed else "m"
        shade = "" if unsure[owner] or level == 0 else f"{side}{level}"
        pieces.append(Shaded(part, shade, f"{weight:+.3g}" + (", sign unsure" if unsure[owner] else "")))
    return pieces


def method_notes(explanation: Explanation) -> list[str]:
    """Return what the diagnostics of the first row have to say to a reader."""
    diagnosis = explanation.diagnostics[0]
    notes = _surrogate_notes(diagnosis) if "samples" in diagnosis else []
    if "completeness_error" in diagnosis:
        notes.append(f"misses its sum by {100 * diagnosis['completeness_error']:.2g} %")
    if explanation.baseline is not None and "samples" not in diagnosis:
        notes.append(f"compared with the baseline {explanation.baseline}")
    if diagnosis.get("zero_map"):
        notes.append("everything is 0")
    if diagnosis.get("saturated"):
        notes.append("the prediction is nearly certain, where gradients fade")
    if diagnosis.get("non_deterministic"):
        notes.append("the network gave two answers to the same input")
    return notes


def _surrogate_notes(diagnosis: dict) -> list[str]:
    r2, fidelity = diagnosis.get("r2"), diagnosis.get("fidelity")
    notes = ["R² undefined: the answers never vary" if r2 is None else f"R² {r2:.2f}"]
    if fidelity is not None:
        notes.append(f"{fidelity:.2f} on samples it had not seen")
    reason = {"stable": "the ranking is stable", "cap": "the ranking was still open", "fixed": "as asked for"}
    notes.append(
        f"{diagnosis.get('samples', 0):,} samples: {reason.get(str(diagnosis.get('stopped')), 'as asked for')}"
    )
    if diagnosis.get("unsettled"):
        notes.append("not told apart: {} and {}".format(*map(_short, diagnosis["unsettled"])))
    if diagnosis.get("untestable"):
        notes.append(f"never varied: {', '.join(map(_short, diagnosis['untestable']))}")
    return notes


def _rows(explanation: Explanation, unit: str) -> list[dict[str, object]]:
    frame = explanation.to_frame()
    frame = frame.reindex(frame["value"].abs().sort_values(ascending=False, kind="stable").index)
    columns = {"name": "feature", "value": f"value ({unit})", "low": "95 % low", "high": "95 % high"}
    frame = frame[[name for name in columns if name in frame]].rename(columns=columns)
    frame["feature"] = [_plain(str(name)) for name in frame["feature"]]
    return frame.head(200).to_dict("records")


def _short(name: str) -> str:
    name = _plain(str(name))
    return name if len(name) <= 32 else f"{name[:31]}…"


def _plain(text: str) -> str:
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    # Joiners hold emoji and scripts together; other characters without a shape would vanish, or upset the HTML.
    if character.isprintable() or character in "\n\t\u200c\u200d":
        return character
    return "\N{REPLACEMENT CHARACTER}"
