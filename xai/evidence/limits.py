"""From which correlation on a map is supported, by what it claims. Set by `python -m benchmarks.calibrate_evidence`."""

from __future__ import annotations

__all__ = ["CONTRADICTS", "SUPPORTS"]

SUPPORTS = {"additive": 0.75, "sensitivity": 0.65, "region": 0.65}
CONTRADICTS = -0.5  # where chance cannot be told from few units: the map says the contrary of what was measured
