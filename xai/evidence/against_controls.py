"""A map's number beside those of maps that must fail: the p-value, the status, and the sentence."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from xai.base.statistics import ALPHA, rank_p_value
from xai.evidence.controls import center_blob, count_assignments, edge_filter
from xai.results.finding import Finding

__all__ = ["Comparison", "rival_maps", "untestable_by_chance"]


class Comparison(NamedTuple):
    """The number of a map, of its controls (n,) and of its rivals by name; `control` says what the controls are."""

    observed: float
    controls: Tensor
    rivals: dict[str, float]
    control: str

    @property
    def p_value(self) -> float:
        """Return how often one of the controls or the map itself, all drawn alike, does as well as the map."""
        return rank_p_value(self.controls.double().cpu().numpy(), self.observed, among=False)

    @property
    def p_worse(self) -> float:
        """Return how often one of the controls or the map itself does as badly as the map."""
        return rank_p_value(self.controls.double().cpu().numpy(), self.observed, among=False, below=True)

    def finding(self, check: str, doing: str, details: dict[str, object]) -> Finding:
        """Return the finding; `doing` is what the map does more of: "removing what it marks lowers the score", say.

        pass: more than the controls and the rivals. fail: significantly less than the median control. warn: else.
        """
        details = {
            "p_value": self.p_value, "p_worse": self.p_worse, "least_p_value": 1 / (1 + len(self.controls)),
            "effect": self.observed, "effect_controls": float(self.controls.mean()),
            "rivals": self.rivals, "controls": len(self.controls), **details,
        }  # fmt: skip
        beaten = int((self.controls < self.observed).sum())
        share = f"{beaten} of {len(self.controls)} control maps"
        result = self.p_value, ALPHA, ", ".join([self.control, *self.rivals])
        if self.p_worse <= ALPHA and self.observed < float(self.controls.median()):
            text = f"Worse than chance: {doing} more than only {share} do."
            return Finding(check, "fail", *result, text, details)
        if self.p_value > ALPHA:
            text = f"Not shown: {doing} more than only {share} do."
            return Finding(check, "warn", *result, text, details)
        better = [name for name, value in self.rivals.items() if value > self.observed]
        if better:
            do = "does" if len(better) == 1 else "do"
            text = f"Not shown: beats {share}, but {' and '.join(better)}, which never saw the network, {do} better."
            return Finding(check, "warn", *result, text, details)
        text = f"Supported: {doing} more than {', '.join([share, *self.rivals])} do."
        return Finding(check, "pass", *result, text, details)


def rival_maps(heatmap: Tensor, image: Tensor) -> dict[str, Tensor]:
    """Return maps that never saw the network and may still do well, by name; none for a list of units.

    Args:
        heatmap: (H, W), or of a volume (D, H, W), which has no edges here.
        image: (C, H, W) or (C, D, H, W).
    """
    found = {"a blob in the center": center_blob(heatmap)} if heatmap.ndim > 1 else {}
    return found | ({"an edge filter": edge_filter(image).to(heatmap)} if heatmap.ndim == 2 else {})


def untestable_by_chance(check: str, scores: Tensor, controls: int) -> Finding | None:
    """Return why no order of these units could reach p = 0.05, or None where one could."""
    possible = controls + 1 if scores.ndim > 1 else min(controls + 1, count_assignments(scores))
    if 1 / possible <= ALPHA:
        return None
    least = 1 / possible
    text = (
        f"Untestable: {len(scores)} units can be given these values in {possible} way{'s' * (possible > 1)} only, "
        f"so that no p-value can be below {least:.2g}."
    )
    return Finding(check, "untestable", None, ALPHA, "none", text, {"least_p_value": least})
