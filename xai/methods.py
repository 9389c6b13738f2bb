"""Every method and check by its name, gathered from the entries of the families.

A new method is a function and an entry in the `__init__.py` of its family; a package of its own adds one through the
entry-point group `xai.methods`, each entry point a `Method`. Nothing here imports torch.
"""

from __future__ import annotations

from importlib.metadata import entry_points

from xai.attribution import METHODS as ATTRIBUTION
from xai.auditing.checks import CHECKS as AUDIT
from xai.auditing.compare import CHECKS as COMPARISON
from xai.base.specs import Check, Method, ModelCheck
from xai.evidence import CHECKS as EVIDENCE
from xai.global_explanations import METHODS as GLOBAL_EXPLANATIONS
from xai.lime import METHODS as LIME
from xai.sequences import METHODS as SEQUENCES
from xai.visualization import METHODS as VISUALIZATION

__all__ = [
    "ASKED_CHECKS", "CHECKS", "COMPARISONS", "METHODS", "MODEL_CHECKS", "MODEL_METHODS",
    "Check", "Method", "ModelCheck", "all_methods",
]  # fmt: skip

METHODS: dict[str, Method] = {entry.name: entry for entry in (*ATTRIBUTION, *LIME, *VISUALIZATION)}
# Methods that take more than inputs and a target, and return something else than an Explanation.
MODEL_METHODS: dict[str, Method] = {entry.name: entry for entry in (*SEQUENCES, *GLOBAL_EXPLANATIONS)}
CHECKS: dict[str, Check] = {entry.name: entry for entry in EVIDENCE if not entry.asked}
# Those that are only made when they are named.
ASKED_CHECKS: dict[str, Check] = {entry.name: entry for entry in EVIDENCE if entry.asked}
# Checks on a model, in the order in which an audit makes them and its report shows them.
MODEL_CHECKS: dict[str, ModelCheck] = {entry.name: entry for entry in AUDIT}
# What a comparison of two versions asks, in the order in which its report shows it.
COMPARISONS: dict[str, ModelCheck] = {entry.name: entry for entry in COMPARISON}


def all_methods() -> dict[str, Method]:
    """Return the built-in methods and those of installed packages; a built-in name cannot be replaced."""
    added = {point.name: point.load() for point in entry_points(group="xai.methods")}
    return {**added, **METHODS}
