"""What was run: the model, its layers, the versions, the seed, the digests of weights and data, and what it took."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

import torch

import xai
from xai.base.digest import tensor_digest, text_digest
from xai.base.errors import InputError, describe
from xai.inputs.image_files import LabelledImages
from xai.methods import CHECKS, METHODS, Check, Method, all_methods
from xai.model.model import Model
from xai.network.trace import Trace
from xai.reports.escape import render
from xai.reports.language import say, translated
from xai.reports.page import Section

__all__ = ["default_title", "facts_section", "images_digest", "provenance_section"]

PACKAGES = ("torch", "numpy", "scikit-image", "scipy", "pillow")
TITLE = "What was run"


def default_title(model: Model) -> str:
    """Return the title of a report on a model that was given none."""
    return translated(f"{model.name}: an explanation report")


def images_digest(images: LabelledImages | None) -> str | None:
    """Return the SHA-256 of images with their labels and names, or None where there are none."""
    if images is None:
        return None
    labels = "none" if images.labels is None else tensor_digest(images.labels)
    return text_digest("|".join([tensor_digest(images.images), labels, *images.names]))


def provenance_section(
    model: Model, trace: Trace, methods: Sequence[str], settings: Mapping[str, object], origin: Mapping[str, object]
) -> Section:
    """Return the chapter on a model whose layers were traced; raises InputError for an origin that is no table."""
    origin = _checked(origin)
    versions = {
        "xai-toolkit": xai.__version__,
        "python": sys.version.split()[0],
        **{name: _version(name) for name in PACKAGES},
    }
    digest = model.digest()
    facts = {
        "weights (SHA-256)": digest,
        "task": f"{model.task}, the network puts out {model.output.replace('_', '-')}",
        "parameters": f"{sum(parameter.numel() for parameter in model.network.parameters()):,}",
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, {model.device}",
        **_as_text(settings),
    }
    known = {**all_methods(), **METHODS}
    labels = [
        *_labels((name, spec, spec.summary) for name, spec in known.items() if name in methods),
        *_labels((name, spec, spec.question) for name, spec in CHECKS.items()),
    ]
    layers = [layer for layer in trace.layers if layer.leaf]
    body = render("provenance.html", facts=facts, versions=versions, origin=origin, layers=layers, labels=labels)
    data = {"facts": facts, "versions": versions, "origin": origin, "digest": digest}
    return Section("provenance", say(TITLE), body, data)


def facts_section(model: Model, settings: Mapping[str, object], origin: Mapping[str, object]) -> Section:
    """Return the chapter on a model whose layers cannot be traced by one input, such as an encoder-decoder."""
    told = {name: str(value) for name, value in _checked(origin).items()}
    facts = {"weights (SHA-256)": model.digest(), **told}
    return Section("provenance", say(TITLE), render("facts.html", facts={**facts, **_as_text(settings)}))


def _checked(origin: object) -> Mapping[str, object]:
    if not isinstance(origin, Mapping):
        raise InputError("origin", expected="a dictionary of facts", got=describe(origin))
    return origin


def _labels(specs: Iterable[tuple[str, Method | Check, str]]) -> list[dict[str, str]]:
    return [
        {"name": name, "scope": spec.scope, "access": spec.access, "stage": spec.stage, "says": says}
        for name, spec, says in specs
    ]


def _as_text(settings: Mapping[str, object]) -> dict[str, str]:
    return {name: f"{value:.3g}" if isinstance(value, float) else str(value) for name, value in settings.items()}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
