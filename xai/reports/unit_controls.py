"""What the images of a layer's units amount to, beside the same on shuffled weights: one row for a layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from statistics import median

from xai.auditing.checks.performance import wilson
from xai.results.finding import Finding
from xai.results.visualization import Visualization

__all__ = ["control_numbers", "layer_control", "shown_units"]


def shown_units(groups: Iterable[Visualization]) -> Counter[str]:
    """Return how many images show their unit, by the status of that; none where no real images were given."""
    return Counter(item.status for made in groups for item in _findings(made, "shows_unit"))


def layer_control(made: Visualization) -> dict[str, object] | None:
    """Return how many images of a layer show their unit, and how well they predict, beside units of shuffled weights.

    None where that was not tested.
    """
    tested = [item for item in _findings(made, "predictive") if item.status != "untestable"]
    if not tested:
        return None
    shows = Counter(item.status for item in _findings(made, "shows_unit"))
    low, high = wilson(shows["pass"], len(tested))
    controls = tested[0].details["controls"]
    stronger = sum(item.status in ("warn", "fail") for item in _findings(made, "stronger_stimuli"))
    return {
        "shown": shows["pass"],
        "total": len(tested),
        "low": low,
        "high": high,
        "own": median(item.details["correlation"] for item in tested),
        "control": median(controls),
        "controls": len(controls),
        "threshold": tested[0].threshold,
        "stronger": stronger,
    }


def control_numbers(made: Visualization) -> list[float]:
    """Return the rank correlations of the units with shuffled weights that a layer is compared with."""
    return next((item.details["controls"] for item in _findings(made, "predictive") if "controls" in item.details), [])


def _findings(made: Visualization, check: str) -> list[Finding]:
    found = (made.finding(check, row) for row in range(len(made)))
    return [item for item in found if item is not None]
