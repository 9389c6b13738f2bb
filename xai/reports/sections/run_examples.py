"""Single explanations out of many: the most typical, the most unusual and the least supported, and clusters of them."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from xai.plots.pictures import heat_picture, image_picture, is_small, pixel_range
from xai.reports.escape import render
from xai.reports.sections.run_maps import overlay_card
from xai.reports.sections.run_overview import word
from xai.runs.clusters import clusters, least_supported, ranked_by_distance
from xai.runs.sampling import Sample, coarser

__all__ = ["clusters_body", "examples_body"]

EACH = 3
MOST_CLASSES = 10
LEAST = 8
SIDE = 160  # pixels a side of a thumbnail


def examples_body(sample: Sample) -> Markup:
    """Return examples by predicted class, and those with the least evidence."""
    groups = []
    if sample.values is not None:
        ranked = ranked_by_distance(sample)
        largest = sorted(ranked, key=lambda name: -len(ranked[name]))[:MOST_CLASSES]
        for name in sorted(largest):
            indices = ranked[name]
            typical, unusual = indices[:EACH], indices[:EACH:-1][:EACH]
            groups.append({"name": f"predicted {name}", "rows": len(indices), "parts": [
                {"what": "most typical", "items": _items(sample, typical)},
                {"what": "most unusual", "items": _items(sample, unusual)},
            ]})  # fmt: skip
    weak = _items(sample, least_supported(sample, LEAST))
    return render("run_examples.html", groups=groups, weak=weak, words=sample.maps is None)


def clusters_body(sample: Sample) -> Markup:
    """Return the groups into which explanations fall, with examples of each; nothing where there are too few rows."""
    found = clusters(sample)
    entries = [
        {
            "number": number, "rows": len(item.indices), "right": item.right,
            "predicted": list(item.predicted.items())[:4],
            "items": _items(sample, item.indices[:EACH]),
            "ids": [str(sample.lines["id"].iloc[index]) for index in item.indices[:20]],
        }
        for number, item in enumerate(found, start=1)
    ]  # fmt: skip
    if not entries:
        return Markup("")
    return render("run_clusters.html", entries=entries, total=len(sample), words=sample.maps is None)


def _items(sample: Sample, indices: Sequence[int]) -> list[dict[str, object]]:
    """Return what is shown of single rows: a thumbnail with its map, or the largest values."""
    found = []
    low, high = (0.0, 1.0) if sample.inputs is None else pixel_range(None, sample.inputs)
    for index in indices:
        line = sample.lines.iloc[index]
        item = {
            "id": line["id"], "row": int(line["row"]), "predicted": line["predicted"], "verdict": word(line["verdict"]),
            "label": word(line["label"]),
            "picture": None, "text": "",
        }  # fmt: skip
        if sample.maps is not None and sample.pictures is not None:
            image, heat = coarser(sample.pictures[index], SIDE), coarser(sample.maps[index][None], SIDE)[0]
            alt = f"Map of {line['id']}"
            item |= overlay_card(image_picture(image, low, high), heat_picture(heat), alt, is_small(image))
        elif sample.values is not None:
            order = abs(sample.values[index]).argsort()[::-1][:4]
            names = sample.names or [str(number) for number in range(sample.values.shape[1])]
            item["text"] = ", ".join(f"{names[number]} ({sample.values[index, number]:.2g})" for number in order)
        found.append(item)
    return found
