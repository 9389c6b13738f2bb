"""One row of an explanation as a template shows it: a map, bars with or without a shaded text, or a series."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from torch import Tensor

from xai.plots.bars import curve_figure, weights_figure
from xai.plots.contours import contour_lines
from xai.plots.pictures import heat_picture, image_picture, is_small, strongest
from xai.plots.series import present_steps, series_figure
from xai.plots.shaded_text import shaded_spans
from xai.plots.style import shortened, visible_text
from xai.plots.translation import translate
from xai.plots.volumes import volume_figure
from xai.reports.escape import percent
from xai.reports.language import translated
from xai.reports.method_trust import verdict_word
from xai.reports.notes import notes_on_map, notes_on_row
from xai.reports.sentences import sentences_of
from xai.reports.svg import inline_svg
from xai.results.explanation import Explanation
from xai.results.finding import Finding
from xai.results.named_target import NamedTarget
from xai.results.visualization import Visualization

__all__ = [
    "amount",
    "deletion_plot",
    "findings_of",
    "is_number",
    "legend_of",
    "map_card",
    "map_plots",
    "part_names",
    "probability_bars", "row_numbers",
    "segments_plot",
    "series_card",
    "volume_card",
    "weights_card",
    "written_target",
]  # fmt: skip

MOST_BARS = 12
SEGMENT_BARS = 10
MOST_ROWS = 200
PARTS = {"features": "column", "tokens": "word", "steps": "step"}
STEPS = re.compile(r"\d+( to \d+)?")
COLUMNS = {"name": "feature", "value": "value ({})", "low": "95 % low", "high": "95 % high"}


def findings_of(explanation: Explanation | Visualization) -> tuple[Finding, ...]:
    """Return the findings on the first row, none where it was not verified."""
    return explanation.evidence[0] if explanation.evidence else ()


def map_card(explanation: Explanation, low: float = 0.0, high: float = 1.0) -> dict[str, object]:
    """Return what the figure of a map shows, from an explanation of one image; low, high: black and white."""
    heatmap = explanation.heatmap()[0]
    card = _card(explanation, "pixel", notes_on_map(explanation))
    return {
        **card,
        "picture": image_picture(explanation.inputs[0], low, high),
        "heat": heat_picture(heatmap),
        "contours": _path(heatmap),
        "height": heatmap.shape[0],
        "width": heatmap.shape[1],
        "small": is_small(explanation.inputs),
        "alt": f"{card['title']} map for {card['target']}: on average strongest in the {strongest(heatmap)}.",
        "unit": _unit(explanation, sentences_of(explanation.method, "pixel").unit),
    }


def weights_card(explanation: Explanation) -> dict[str, object]:
    """Return what the card of one row of a table, text or series in windows shows."""
    # Where every coalition was asked nothing was drawn, and nothing is uncertain.
    whiskers = explanation.standard_error is not None and not explanation.diagnostics[0].get("enumerated")
    unit = str(explanation.options.get("of", "output")).replace("_", "-")
    names = part_names(explanation)
    label = _bars_label(unit, explanation, weights=whiskers)
    figure = weights_figure(explanation, label, MOST_BARS, lambda index: shortened(names[index]))
    shown = min(MOST_BARS, len(names))
    about = translate("The {count} largest weights, with 95 % intervals where there are errors", count=shown)
    return {
        **_card(explanation, PARTS[explanation.over], notes_on_row(explanation)),
        "whiskers": whiskers,
        "signed": bool((explanation.values[0] < 0).any()),
        "plot": inline_svg(figure, about),
        "spans": shaded_spans(explanation) if explanation.over == "tokens" else [],
        "rows": _rows(explanation, unit),
        "unit": unit,
    }


def part_names(explanation: Explanation) -> list[str]:
    """Return what each value of one row is called; numbers of steps say that they are steps, and which are padding."""
    names = explanation.value_names()
    if explanation.over != "steps" or not all(STEPS.fullmatch(name) for name in names):
        return names
    series = explanation.inputs[0]
    used = present_steps(series) if series.ndim == 2 else len(series)
    return [_step_words(*name.split(" to "), used=used) for name in names]


def _step_words(first: str, last: str | None = None, *, used: int) -> str:
    padding = int(first) >= used
    if last is None:
        return translate("step {number} (padding)" if padding else "step {number}", number=first)
    return translate(
        "steps {first} to {last} (padding)" if padding else "steps {first} to {last}", first=first, last=last
    )


def series_card(explanation: Explanation, inches: float = 5.2) -> dict[str, object]:
    """Return what the card of one series shows, with a drawing so many inches wide."""
    card = _card(explanation, "value", notes_on_row(explanation))
    label = translate("{title} of a series, channels by steps", title=translated(card["title"]))
    caption = "Above: the channels; below: what mattered, when."
    return {**card, "svg": inline_svg(series_figure(explanation, inches, translate("step")), label), "caption": caption}


def volume_card(explanation: Explanation) -> dict[str, object]:
    """Return what the card of one volume shows."""
    card = _card(explanation, "value", notes_on_row(explanation))
    label = translate("{title} of a volume, three slices", title=translated(card["title"]))
    caption = "Above: slices through the largest value, one along each side; below: what mattered there."
    return {**card, "svg": inline_svg(volume_figure(explanation), label), "caption": caption}


def _card(explanation: Explanation, part: str, notes: list[str]) -> dict[str, object]:
    sentences = sentences_of(explanation.method, part)
    return {
        "title": sentences.title,
        "target": explanation.target_name(),
        "sentences": sentences,
        "notes": notes,
        "findings": findings_of(explanation),
        "word": verdict_word(findings_of(explanation)),
    }


def _path(heatmap: Tensor) -> str:
    """Return the contours of a map as the path of an SVG over it, "" where it has none."""
    lines = contour_lines(heatmap)
    return "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in line) for line in lines)


def legend_of(cards: Sequence[dict[str, Any]]) -> dict[str, bool]:
    """Return what the legend of some maps has to explain: that of each map would say the same again and again."""
    return {
        "signed": any(card["heat"].signed for card in cards),
        "unsigned": any(not card["heat"].signed for card in cards),
        "lined": any(card["contours"] for card in cards),
    }


def _unit(explanation: Explanation, unit: str) -> str:
    of = explanation.options.get("of")
    return {"probability": "probability", "log_probability": "log-probability"}.get(str(of), unit)


def probability_bars(prediction: Tensor, classes: list[str], count: int = 3) -> list[dict[str, object]]:
    """Return the `count` most probable classes of one prediction (K,), the first one strong."""
    top = prediction.float().cpu().topk(min(count, len(prediction)))
    return [
        {"name": classes[number], "value": min(1.0, max(0.0, value)), "strong": rank == 0}
        for rank, (value, number) in enumerate(zip(top.values.tolist(), top.indices.tolist(), strict=True))
    ]


def row_numbers(explanation: Explanation, row: int) -> dict[str, object]:
    """Return what a page's data hold of one row: the values with their names, and the evidence."""
    return {
        "method": explanation.method,
        "names": explanation.value_names(row),
        "values": explanation.values[row].flatten().tolist(),
        "evidence": [finding.to_dict() for finding in explanation.evidence[row]],
    }


def is_number(explanation: Explanation) -> bool:
    """Say whether what the model answers is a number that has no share: its target is no class."""
    return isinstance(explanation.target[0], NamedTarget)


def amount(explanation: Explanation, value: float) -> str:
    """Return what the model answers, as a share where it is a probability."""
    return f"{value:.3g}" if is_number(explanation) else percent(value)


def written_target(explanation: Explanation) -> object:
    """Return the target of the first row as JSON has it."""
    target = explanation.target[0]
    return (target.written or target.name) if isinstance(target, NamedTarget) else target


def map_plots(explanation: Explanation) -> list[Markup]:
    """Return the plots below a map: the weights of segments, and the deletion curve, where there are any."""
    return [plot for plot in (segments_plot(explanation), deletion_plot(explanation)) if plot is not None]


def segments_plot(explanation: Explanation) -> Markup | None:
    """Return the largest weights over the segments of one image, with whiskers, as inline SVG."""
    if explanation.over != "segments" or explanation.standard_error is None or explanation.segments is None:
        return None
    segments = explanation.segments[0]
    label = _bars_label(_unit(explanation, "output"), explanation, weights=True)
    figure = weights_figure(explanation, label, SEGMENT_BARS, lambda index: f"{index} ({strongest(segments == index)})")
    count, title = min(SEGMENT_BARS, explanation.values[0].numel()), translated(sentences_of(explanation.method).title)
    sentence = "The {count} largest {title} weights, by segment, with 95 % intervals"
    return inline_svg(figure, translate(sentence, count=count, title=title))


def _bars_label(unit: str, explanation: Explanation, *, weights: bool) -> str:
    label = "weight, {unit} ({target})" if weights else "{unit} ({target})"
    return translate(label, unit=translate(unit), target=explanation.target_name())


def deletion_plot(explanation: Explanation) -> Markup | None:
    """Return the deletion curve of an explanation of one image beside its controls, as inline SVG."""
    found = (item.details for item in findings_of(explanation) if item.check == "deletion" and "curve" in item.details)
    details = next(found, None)
    if details is None:
        return None
    curves = {
        translate("this map"): details["curve"],
        translate("control maps"): details["curve_controls"],
    }
    title = translated(sentences_of(explanation.method).title)
    y_label = translate(str(details["of"]).replace("_", "-"))
    figure = curve_figure(
        [100 * share for share in details["fractions"]], curves, translate("% removed by {title}", title=title), y_label
    )
    return inline_svg(figure, translate("Deletion curve of {title} and the mean of its controls", title=title))


def _rows(explanation: Explanation, unit: str) -> list[dict[str, object]]:
    """Return the values as lines of a table, the largest first."""
    frame = explanation.to_frame()
    frame = frame.reindex(frame["value"].abs().sort_values(ascending=False, kind="stable").index)
    columns = {name: title.format(unit) for name, title in COLUMNS.items() if name in frame}
    frame = frame[list(columns)].rename(columns=columns)
    frame["feature"] = [visible_text(name) for name in frame["feature"]]
    return frame.head(MOST_ROWS).to_dict("records")
