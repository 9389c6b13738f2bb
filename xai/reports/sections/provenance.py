"""What was run: the model, its layers, the versions, the seed, the digest of the weights, and what it took."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

import torch

import xai
from xai.methods import CHECKS, METHODS, all_methods
from xai.model.model import Model
from xai.network.trace import Trace
from xai.reports.escape import render
from xai.reports.page import Section

__all__ = ["provenance_section"]

PACKAGES = ("torch", "numpy", "scikit-image", "scipy", "pillow")


def provenance_section(
    model: Model, trace: Trace, methods: list[str], settings: dict[str, object], origin: dict
) -> Section:
    """Return the chapter."""
    versions = {"xai-toolkit": xai.__version__, "python": sys.version.split()[0]}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "unknown"
    facts = {
        "weights (SHA-256)": model.digest(),
        "task": f"{model.task}, the network puts out {model.output.replace('_', '-')}",
        "parameters": f"{sum(parameter.numel() for parameter in model.network.parameters()):,}",
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, {model.device}",
        **{name: f"{value:.3g}" if isinstance(value, float) else str(value) for name, value in settings.items()},
    }
    known = {**all_methods(), **METHODS}
    labels = [
        {"name": name, "scope": spec.scope, "access": spec.access, "stage": spec.stage, "says": spec.summary}
        for name, spec in known.items()
        if name in methods
    ] + [
        {"name": name, "scope": spec.scope, "access": spec.access, "stage": spec.stage, "says": spec.question}
        for name, spec in CHECKS.items()
    ]
    layers = [layer for layer in trace.layers if layer.leaf]
    body = render("provenance.html", facts=facts, versions=versions, origin=origin, layers=layers, labels=labels)
    data = {"facts": facts, "versions": versions, "origin": origin, "digest": model.digest()}
    return Section("provenance", "What was run", body, data)
