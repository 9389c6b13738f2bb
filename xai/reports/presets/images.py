"""The report on an image classifier: how well it does, why it said so, what its units look for, what was run."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from xai.auditing.audit_run import made_with
from xai.auditing.checks.performance import measure_performance
from xai.base.errors import InputError, names_errors
from xai.inputs.image_files import LabelledImages
from xai.model.model import Model
from xai.reports.example_images import METHODS, choose_examples, explain_images, joined
from xai.reports.language import in_language
from xai.reports.language import language as current
from xai.reports.page import Lead, Report, Section
from xai.reports.provenance import default_title, images_digest, provenance_section
from xai.reports.sections.examples import examples_section
from xai.reports.sections.performance import performance_section
from xai.reports.sections.summary import summary
from xai.reports.sections.units import units_section
from xai.reports.unit_choice import MOST_UNITS, choose_units, visualize_groups
from xai.visualization.image_evidence import EDGES

__all__ = ["ImageSettings", "image_sections", "model_report", "require_image_classifier"]

TASKS = ("classification", "binary", "multilabel")


@dataclass(frozen=True)
class ImageSettings:
    """What a report on an image classifier is asked for; the file holds it, so that `xai.recheck` can ask again."""

    methods: Sequence[str] = METHODS
    options: Mapping[str, dict[str, object]] = field(default_factory=dict)
    target: object = None
    examples: int = 5
    layers: Sequence[str] | None = None
    units: int = MOST_UNITS
    steps: int = 64
    size: int | None = None
    seed: int = 0
    language: str = "en"
    checks: Sequence[str] | None = None

    def request(self) -> dict[str, Any]:
        """Return the settings by name."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    @classmethod
    def from_request(cls, request: Mapping[str, object]) -> ImageSettings:
        """Return the settings that a report names; raises KeyError where one is missing."""
        known = {"checks": None, **request}  # older reports made all checks
        values: dict[str, Any] = {entry.name: known[entry.name] for entry in fields(cls)}
        target = values["target"]
        if isinstance(target, list):  # JSON made lists of pairs
            values["target"] = [tuple(item) if isinstance(item, list) else item for item in target]
        return cls(**values)


def require_image_classifier(model: Model) -> None:
    """Raise InputError for a model that is not an image classifier."""
    if model.input.drawing != "map" or model.task not in TASKS:
        got = f"input {model.input.kind}, task {model.task}"
        raise InputError("model", expected="an image classifier", got=got)


@names_errors("model_report")
def model_report(
    model: Model,
    data: LabelledImages | None = None,
    images: LabelledImages | None = None,
    *,
    methods: Sequence[str] = METHODS,
    options: Mapping[str, dict[str, object]] | None = None,
    target: object = None,
    checks: Sequence[str] | None = None,
    examples: int = 5,
    layers: Sequence[str] | None = None,
    units: int = MOST_UNITS,
    steps: int = 64,
    size: int | None = None,
    seed: int = 0,
    language: str | None = None,
    title: str | None = None,
    origin: Mapping[str, object] | None = None,
) -> Report:
    """Return the report on an image classifier. Everything but the model is optional; what is missing is named.

    Args:
        model: A classifier of images.
        data: Labelled images to measure on, to choose examples from (right and wrong ones), and to compare
            visualizations with.
        images: Images to explain in any case.
        methods: Names of the methods that explain each image.
        options: Keyword arguments of a method, by its name.
        target: The class that is explained, the predicted one by default.
        checks: Names of the checks on each explanation; None is all.
        examples: How many images of `data` are explained.
        layers: The layers whose channels are visualized, all by default.
        units: How many channels of each layer.
        steps: Steps of each visualization.
        size: Side of a visualization in pixels, the model's own by default.
        seed: Of everything that is drawn at random.
        language: Of the report, "en" (the default) or "de".
        title: The report's title.
        origin: How the network came about, as its folder says.

    Returns:
        The report.

    Raises:
        InputError: The model is not an image classifier, or a method or layer is unknown.
    """
    used = language or current()
    settings = ImageSettings(methods, options or {}, target, examples, layers, units, steps, size, seed, used, checks)
    request = {
        "call": "model_report", **settings.request(), "weights": model.digest(), "data": images_digest(data),
        "images": images_digest(images), "versions": made_with(),
    }  # fmt: skip
    with in_language(used):
        sections = image_sections(model, data, images, settings, origin)
        return Report(title or default_title(model), sections, request=request)


def image_sections(
    model: Model,
    data: LabelledImages | None,
    images: LabelledImages | None,
    settings: ImageSettings,
    origin: Mapping[str, object] | None = None,
) -> list[Lead | Section]:
    """Return the sections of the report on an image classifier."""
    require_image_classifier(model)
    started = time.perf_counter()
    seed, real = settings.seed, None if data is None else data.images
    performance = chosen = None
    if data is not None and data.labels is not None:
        performance = measure_performance(model, data.images, data.labels)
        chosen = choose_examples(data, performance, settings.examples) if settings.examples else None
    shown = joined(images, chosen)
    explained = []
    if shown is not None:
        explained = explain_images(
            model, shown, settings.methods, settings.target, seed, settings.options, settings.checks
        )
    objectives = choose_units(model, settings.layers or (), most=settings.units) if settings.units else {}
    groups = visualize_groups(
        model, objectives, real=real, steps=settings.steps, size=settings.size, seed=seed, features=EDGES
    )
    trace = model.trace()
    facts = {
        "seed": seed,
        "examples": len(explained),
        "visualization": f"{settings.steps} steps, {sum(map(len, groups.values()))} units",
        "seconds": time.perf_counter() - started,
    }
    sections: list[Lead | Section] = [Lead(summary(model, performance, explained, groups))]
    if performance is not None and data is not None:
        sections.append(performance_section(performance, data.source, model, data.images))
    if explained:
        sections.append(examples_section(model, explained))
    if groups:
        sections.append(units_section(model, groups, trace.titles(), real, data.source if data else ""))
    sections.append(provenance_section(model, trace, [*settings.methods, "visualize"], facts, origin or {}))
    return sections
