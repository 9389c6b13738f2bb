"""From which correlation on a map is supported, by what it claims. Set by `python -m benchmarks.calibrate_evidence`."""

from __future__ import annotations

__all__ = ["CONTRADICTS", "SUPPORTS"]

SUPPORTS = {"additive": 0.75, "sensitivity": 0.65, "region": 0.65}
CONTRADICTS = -0.5  # below it a map contradicts what was measured, also of few units, whose p is never small
