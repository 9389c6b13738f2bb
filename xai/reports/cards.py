"""From explanations to what templates show: maps, captions, findings, bars."""

from __future__ import annotations

from markupsafe import Markup
from torch import Tensor

from xai.inputs.image import ImageInput
from xai.reports.figures import bars_figure, curve_figure, half_widths, inline_svg
from xai.reports.method_words import words_for
from xai.reports.pictures import SMALL, Heat, heat_picture, image_picture, strongest
from xai.results.explanation import Explanation

__all__ = ["deletion_plot", "explanation_numbers", "lime_plot", "map_card", "pixel_range", "probability_bars"]

LARGEST_MAP = 4096  # maps with more values than this ride along as the means of a grid
GRID = 56
RANKING = {"stable": "stable", "cap": "still open", "fixed": "not waited for", "None": "unknown"}


def pixel_range(input: object, images: Tensor) -> tuple[float, float]:
    """Return what black and white are: the declared range, or else that of the images at hand."""
    if isinstance(input, ImageInput) and input.limits is not None:
        return input.limits
    low, high = float(images.min()), float(images.max())
    return (low, high) if high > low else (low, low + 1.0)


def map_card(explanation: Explanation, low: float = 0.0, high: float = 1.0) -> dict[str, object]:
    """Return what a map's figure shows, from an explanation of one image."""
    words = words_for(explanation.method)
    heatmap = explanation.heatmap()[0]
    heat: Heat = heat_picture(heatmap)
    diagnosis = explanation.diagnostics[0]
    notes = []
    if "enumerated" in diagnosis:
        every = "every coalition of segments" if diagnosis["enumerated"] else "coalitions of segments, drawn in pairs"
        notes.append(f"{diagnosis['samples']:,} evaluations, {every}")
    elif explanation.over == "segments":
        r2 = diagnosis.get("r2")
        notes.append("R² undefined: the answers never vary" if r2 is None else f"R² {r2:.2f}")
        notes.append(f"{diagnosis.get('samples', 0):,} samples, ranking {RANKING[str(diagnosis.get('stopped'))]}")
    if "completeness_error" in diagnosis:
        warning = ": do not read it as a sum" if diagnosis.get("incomplete") else ""
        notes.append(f"misses its sum by {100 * diagnosis['completeness_error']:.2g} %{warning}")
    if diagnosis.get("score") and "absorbed_by_biases" in diagnosis:
        kept = diagnosis["absorbed_by_biases"] + diagnosis["absorbed_by_epsilon"] + diagnosis["absorbed_elsewhere"]
        notes.append(f"{100 * (1 - kept / diagnosis['score']):.0f} % of the score reaches the pixels")
    if diagnosis.get("zero_map"):
        notes.append("the map is empty")
    if diagnosis.get("non_deterministic"):
        notes.append("the network gave two answers to the same input")
    if explanation.method in ("gradcam", "guided_gradcam"):
        notes.append("grid {} × {} of {}".format(*explanation.options["run"]["grid"], explanation.options["layer"]))
    return {
        "title": words.title,
        "picture": image_picture(explanation.inputs[0], low, high),
        "heat": heat,
        "small": max(explanation.inputs.shape[2:]) < SMALL,
        "alt": f"{words.title} map for {explanation.target_name()}: on average strongest in the {strongest(heatmap)}.",
        "unit": _unit(explanation, words.unit),
        "target": explanation.target_name(),
        "words": words,
        "notes": notes,
        "findings": explanation.evidence[0] if explanation.evidence else (),
    }


def _unit(explanation: Explanation, unit: str) -> str:
    of = explanation.options.get("of")
    return {"probability": "probability", "log_probability": "log-probability"}.get(str(of), unit)


def probability_bars(prediction: Tensor, classes: list[str], count: int = 3) -> list[dict[str, object]]:
    """Return the `count` most probable classes of one prediction (K,), the first one strong."""
    top = prediction.float().cpu().topk(min(count, len(prediction)))
    return [
        {"name": classes[number], "value": min(1.0, max(0.0, value)), "strong": place == 0}
        for place, (value, number) in enumerate(zip(top.values.tolist(), top.indices.tolist()))
    ]


def lime_plot(explanation: Explanation, count: int = 10) -> Markup | None:
    """Return the largest weights of a LIME explanation of one image, with whiskers, as inline SVG."""
    if explanation.over != "segments" or explanation.standard_error is None:
        return None
    weights, reach = explanation.values[0].cpu(), half_widths(explanation)
    order = weights.abs().argsort(descending=True)[:count]
    names = [f"{number} ({strongest(explanation.segments[0] == number)})" for number in order.tolist()]
    unit = _unit(explanation, "output")
    figure = bars_figure(
        names,
        weights[order].tolist(),
        [reach[place] for place in order.tolist()],
        f"weight, {unit} ({explanation.target_name()})",
    )
    return inline_svg(figure, f"The {len(names)} largest LIME weights, by segment, with 95 % intervals")


def deletion_plot(explanation: Explanation) -> Markup | None:
    """Return the deletion curve of an explanation of one image beside its controls, as inline SVG."""
    found = [
        item for item in (explanation.evidence or ((),))[0] if item.check == "deletion" and "curve" in item.details
    ]
    if not found:
        return None
    details = found[0].details
    curves = {"this map": details["curve"], "control maps": details["curve_controls"]}
    title = words_for(explanation.method).title
    y_label = str(details["of"]).replace("_", "-")
    figure = curve_figure([100 * share for share in details["fractions"]], curves, f"% removed by {title}", y_label)
    return inline_svg(figure, f"Deletion curve of {title} and the mean of its controls")


def explanation_numbers(explanation: Explanation) -> dict[str, object]:
    """Return an explanation of one image as plain data: what a reader may want to compute with, or check again."""
    heatmap = explanation.heatmap()[0].cpu()
    pooled = heatmap.numel() > LARGEST_MAP
    if pooled:
        from torch.nn.functional import adaptive_avg_pool2d

        heatmap = adaptive_avg_pool2d(heatmap[None, None], GRID)[0, 0]
    numbers: dict[str, object] = {
        "method": explanation.method,
        "target": explanation.target[0],
        "target_name": explanation.target_name(),
        "options": explanation.options,
        "baseline": explanation.baseline,
        "seed": explanation.seed,
        "diagnostics": explanation.diagnostics[0],
        "evidence": [finding.to_dict() for finding in (explanation.evidence or ((),))[0]],
    }
    if explanation.over == "segments":
        numbers["weights"] = _rounded(explanation.values[0])
        if explanation.standard_error is not None:
            numbers["standard_error"] = _rounded(explanation.standard_error[0])
        if not pooled:
            numbers["segments"] = explanation.segments[0].tolist()
    else:
        numbers["map"] = _rounded(heatmap)
        numbers["map_is"] = f"means of a {GRID} x {GRID} grid" if pooled else "every pixel"
    return numbers


def _rounded(values: Tensor) -> list:
    def shorten(item: object) -> object:
        return [shorten(part) for part in item] if isinstance(item, list) else float(f"{item:.5g}")

    return shorten(values.detach().float().cpu().tolist())
