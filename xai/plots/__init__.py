"""Results as matplotlib drawings: one look for scripts, notebooks and reports.

Every function takes `ax=`, draws there or in a new figure, and returns the axes. They are loaded when first used.
"""

from __future__ import annotations

import importlib

_HOMES = {
    "waterfall": "xai.plots.one_row",
    "bar": "xai.plots.one_row",
    "text": "xai.plots.one_row",
    "beeswarm": "xai.plots.many_rows",
    "heatmap": "xai.plots.many_rows",
    "overlay": "xai.plots.map_views",
    "contour": "xai.plots.map_views",
    "mask": "xai.plots.map_views",
    "training_curve": "xai.plots.curves",
}
__all__ = [*_HOMES]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'xai.plots' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
