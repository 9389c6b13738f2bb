"""One visualization as a template shows it: the picture, real ones beside it, and what the evidence says in a word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from xai.model.model import Model
from xai.plots.pictures import image_picture, is_small, pixel_range
from xai.reports.escape import MARKS
from xai.results.finding import Finding
from xai.results.visualization import Visualization
from xai.visualization.image_evidence import compared_with
from xai.visualization.stimuli import stimuli

__all__ = ["kind_of_verdict", "lead_over_real", "unit_numbers", "unit_view", "verdict"]

LEAST_SHOWN = 1  # real images that excite a unit least: most are blank
SHOWN = "shows its unit"
# By the finding that fails: why an image is not called right. The first one that fails is said.
NOT_SHOWN = {
    "predictive": "does not predict",
    "path": "another path",
    "held_out_changes": "lost when sheared",
    "stronger_stimuli": "not the strongest",
}


def verdict(row: Visualization) -> dict[str, str] | None:
    """Return what the evidence on one visualization says; None without evidence.

    status and words: the verdict. text: all sentences. brief: those of the headline and of what did not pass.
    """
    findings = row.evidence[0] if row.evidence else ()
    if not findings:
        return None
    by_name = {finding.check: finding for finding in findings}
    real, small, noise, seeds = (by_name.get(name) for name in ("real_images", "small_changes", "noise", "seeds"))
    shows = by_name.get("shows_unit")
    if real is not None and real.status == "untestable" and "dead" in real.text:
        status, words = "untestable", "dead unit"
    elif noise is not None and noise.status == "fail":
        status, words = "fail", "uninterpretable"
    elif small is not None and small.status == "fail":
        status, words = "fail", "adversarial noise"
    elif shows is not None:
        status, words = shows.status, _words_of(shows.status, by_name)
    elif real is not None and real.status == "pass":
        status, words = "pass", f"above all {real.details['real_count']}"
    elif real is not None and real.status in ("warn", "fail"):
        below = min(real.details["below"], real.details["below_changed"])
        status, words = real.status, f"above {below} of {real.details['real_count']}"
    else:
        status, words = "untestable", "not compared"
    if seeds is not None and seeds.status == "fail":
        words += ", seeds differ"
    text = " ".join([*(finding.text for finding in findings), *(f"{real.control}." for _ in [1] if real is not None)])
    brief = " ".join(item.text for item in findings if item.check == "shows_unit" or item.status in ("warn", "fail"))
    return {"status": status, "mark": MARKS[status], "words": words, "text": text, "brief": brief or text}


def _words_of(status: str, findings: Mapping[str, Finding]) -> str:
    """Return in a few words whether an image shows its unit; the first finding that it fails is named."""
    if status == "pass":
        stronger = findings["stronger_stimuli"]
        return SHOWN if stronger.status == "pass" else f"{SHOWN}, a {_plainly(stronger)} excites it more"
    if status != "fail":
        return "not tested"
    first = next(name for name in NOT_SHOWN if findings[name].status == "fail")
    stimulus = f": a {_plainly(findings[first])} excites it more" if first == "stronger_stimuli" else ""
    return f"{NOT_SHOWN[first]}{stimulus}"


def _plainly(finding: Finding) -> str:
    """Return what the strongest stimulus is, without its size and number."""
    return str(finding.details["strongest"]).partition(" of ")[0].rstrip("0123456789 ")


def kind_of_verdict(row: Visualization) -> str:
    """Return what the evidence says of a unit without its counts, so that it can be counted."""
    found = verdict(row)
    if found is None:
        return "not tested"
    if found["status"] == "warn":
        return "nearly"
    words = found["words"].partition(",")[0].partition(":")[0]
    return "not above all real ones" if found["status"] == "fail" and words.startswith("above") else words


def lead_over_real(row: Visualization) -> float:
    """Return how far an input, changed a little, is above the most exciting real one in ranges of the real ones, or
    above the most exciting noise; the units of a layer can be ordered by it.
    """
    real, noise = row.finding("real_images"), row.finding("noise")
    transformed = float(row.transformed[0])
    if real is None:
        return transformed - (noise.details["noise_high"] if noise is not None else 0.0)
    low, high = real.details["real_low"], real.details["real_high"]
    return (transformed - high) / max(high - low, 1e-30)


def unit_view(
    model: Model, row: Visualization, layer: str, reference: Tensor | None, pictures: dict[int, str]
) -> dict[str, object]:
    """Return one visualization for a template; `pictures` keeps those of real images, which units share, by number."""
    low, high = pixel_range(model.input, row.image)
    finding = row.finding("real_images")
    small = row.finding("small_changes")

    def real(which: str) -> list[str]:
        if finding is None or reference is None:
            return []
        numbers = finding.details[which]
        for number in numbers:
            if number not in pictures:
                pictures[number] = image_picture(reference[number], low, high)
        return [pictures[number] for number in numbers]

    share = finding.score if finding is not None and finding.score is not None else None
    return {
        "name": row.objective[0],
        "short": row.objective[0].removeprefix(f"{layer} "),
        "picture": image_picture(row.image[0], low, high),
        "small": is_small(row.image),
        "verdict": verdict(row),
        "best": real("best"),
        "worst": real("worst")[:LEAST_SHOWN],
        "reached": float(row.reached[0]),
        "kept": None if small is None or small.score is None else float(small.score),
        "lead": _lead(row),
        "share": share,
        "stimulus": _stronger(model, row, reference),
    }


def _stronger(model: Model, row: Visualization, reference: Tensor | None) -> dict[str, str] | None:
    """Return the plain stimulus that excites the unit more than the image does, None where there is none."""
    finding = row.finding("stronger_stimuli")
    if finding is None or finding.status == "pass" or reference is None:
        return None
    low, high = pixel_range(model.input, row.image)
    channels, height, width = row.image.shape[1:]
    real = (compared_with(reference) - low) / (high - low)
    _, images = stimuli((channels, height, width), real, row.seed)
    name = str(finding.details["strongest"])
    return {"name": f"a {name}", "picture": image_picture(images[finding.details["number"]], 0.0, 1.0)}


def unit_numbers(row: Visualization) -> dict[str, object]:
    """Return one visualization as plain data."""
    return {
        "unit": row.objective[0],
        "reached": float(row.reached[0]),
        "transformed": float(row.transformed[0]),
        **(row.diagnostics[0] if row.diagnostics else {}),
        "evidence": [_without_controls(finding.to_dict()) for finding in (row.evidence[0] if row.evidence else ())],
    }


def _without_controls(finding: dict[str, Any]) -> dict[str, Any]:
    """Return a finding without the numbers that are those of the whole layer, which stand once in a page."""
    details = finding.get("details") or {}
    return _shorter({**finding, "details": {name: value for name, value in details.items() if name != "controls"}})


def _shorter(value: Any) -> Any:
    """Return plain data with six significant digits: more are noise, and a page holds many of them."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {name: _shorter(item) for name, item in value.items()}
    return [_shorter(item) for item in value] if isinstance(value, list) else value


def _lead(row: Visualization) -> float | None:
    """Return how far a unit is above the most exciting real image, in ranges of the real ones; None if unknown."""
    finding = row.finding("real_images")
    if finding is None or finding.details["real_high"] <= finding.details["real_low"]:
        return None
    low, high = finding.details["real_low"], finding.details["real_high"]
    return (float(row.reached[0]) - high) / (high - low)
