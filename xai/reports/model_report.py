"""From a model to its report: measure, explain, verify, visualize, and put it all into sections."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from xai.attribution.gradients import integrated_gradients
from xai.auditing.checks.performance import Performance, measure_performance
from xai.auditing.run import made_with
from xai.base.digest import tensor_digest, text_digest
from xai.base.errors import InputError, names_errors
from xai.evidence.verify import verify
from xai.inputs.image_files import LabelledImages
from xai.methods import all_methods
from xai.model.model import Model
from xai.reports.page import Report
from xai.reports.sections.examples import Example, examples_section
from xai.reports.sections.performance import performance_section
from xai.reports.sections.provenance import provenance_section
from xai.reports.sections.summary import summary
from xai.reports.sections.units import units_section
from xai.reports.unit_choice import MOST_UNITS, choose_units
from xai.reports.unit_groups import visualize_groups

__all__ = [
    "check_request",
    "choose_examples",
    "class_names",
    "explain_images",
    "images_digest",
    "model_report",
    "require_image_classifier",
]

METHODS = ("saliency", "integrated_gradients", "gradcam", "occlusion", "lime_image")
# One meaning of "hidden" for the methods that hide and for the check that deletes, so that they can be compared.
OPTIONS: dict[str, dict[str, object]] = {"occlusion": {"baseline": "blur"}, "lime_image": {"fill": "blur"}}


def require_image_classifier(model: Model) -> None:
    """Raise InputError for a model that is no image classifier."""
    if model.input.kind != "image" or model.task not in ("classification", "binary"):
        got = f"input {model.input.kind}, task {model.task}"
        raise InputError("model", expected="an image classifier", got=got)


@names_errors("model_report")
def model_report(
    model: Model,
    data: LabelledImages | None = None,
    images: LabelledImages | None = None,
    *,
    methods: Sequence[str] = METHODS,
    options: Mapping[str, dict[str, object]] = {},
    target: object = None,
    examples: int = 5,
    layers: Sequence[str] | None = None,
    units: int = MOST_UNITS,
    steps: int = 256,
    size: int | None = None,
    seed: int = 0,
    title: str | None = None,
    origin: dict[str, object] | None = None,
) -> Report:
    """Return the report on an image classifier.

    data: labelled images to measure on, to choose `examples` from (right and wrong ones) and to compare visualizations
    with. images: images to explain in any case. options: keyword arguments by method. target: what the maps explain,
    the predicted class by default. layers: whose channels are visualized, all by default; units: how many of each.
    Everything is optional: what was not given is said to be unmeasured. Raises InputError for a model that is no image
    classifier.
    """
    require_image_classifier(model)
    started = time.perf_counter()
    performance = None
    if data is not None and data.labels is not None:
        performance = measure_performance(model, data.images, data.labels)
    chosen = _join(images, choose_examples(data, performance, examples) if performance and examples else None)
    explained = explain_images(model, chosen, methods, target, seed, options) if chosen is not None else []
    real = data.images if data is not None else None
    chosen_units = choose_units(model, layers or (), most=units) if units else {}
    groups = visualize_groups(model, chosen_units, real=real, steps=steps, size=size, seed=seed)
    trace = model.trace()
    settings = {
        "seed": seed,
        "examples": len(explained),
        "visualization": f"{steps} steps, {sum(map(len, groups.values()))} units",
        "seconds": time.perf_counter() - started,
    }
    sections = [performance_section(performance, data.source)] if performance else []
    if explained:
        sections.append(examples_section(model, explained))
    if groups:
        sections.append(units_section(model, groups, trace.titles(), real, data.source if data else ""))
    sections.append(provenance_section(model, trace, [*methods, "visualize"], settings, origin or {}))
    lead = summary(model, performance, explained, groups)
    request = {
        "call": "model_report", "methods": list(methods),
        "options": {name: dict(item) for name, item in options.items()},
        "target": target.tolist() if isinstance(target, torch.Tensor) else target, "examples": examples,
        "layers": None if layers is None else list(layers), "units": units, "steps": steps, "size": size, "seed": seed,
        "weights": model.digest(), "data": images_digest(data), "images": images_digest(images),
        "versions": made_with(),
    }  # fmt: skip
    return Report(title or f"{model.name}: an explanation report", sections, lead, request)


def images_digest(images: LabelledImages | None) -> str | None:
    """Return the SHA-256 of images with their labels and names, or None where there are none."""
    if images is None:
        return None
    labels = "none" if images.labels is None else tensor_digest(images.labels)
    return text_digest("|".join([tensor_digest(images.images), labels, *images.names]))


def class_names(model: Model) -> list[str]:
    """Return the names of a model's classes, or the numbers of its outputs where it has none."""
    if model.classes:
        return model.classes
    return [str(number) for number in range(model.predict(torch.zeros(1, *model.input.shape)).shape[1])]


def check_request(model: Model, images: LabelledImages, methods: Sequence[str], target: object) -> None:
    """Raise the error that explaining these images would end in, before any of the work."""
    known = {
        name: spec for name, spec in all_methods().items() if spec.kind != "visualization" and "image" in spec.inputs
    }
    unknown = [name for name in methods if name not in known]
    if unknown:
        raise InputError("methods", expected=f"among {', '.join(known)}", got=repr(unknown[0]), operation="explain")
    with model.explaining("explain", images.images, target):
        pass


def choose_examples(data: LabelledImages, performance: Performance, count: int) -> LabelledImages:
    """Return a handful: typical right answers of different classes, the least sure right, the surest wrong ones."""
    right = performance.labels == performance.predicted
    sure = performance.probability.max(1).values
    wrong = [int(i) for i in sure.argsort(descending=True, stable=True) if not right[i]][: count * 3 // 8]
    doubtful = [int(i) for i in sure.argsort(stable=True) if right[i]][: max(0, count // 8)]
    confident = []
    for number in range(len(performance.classes)):
        members = [i for i in torch.where(right & (performance.labels == number))[0].tolist() if i not in doubtful]
        if members:
            # The middle one by confidence: a typical answer, not the best.
            confident.append(sorted(members, key=lambda i: float(sure[i]))[len(members) // 2])
    room = count - len(wrong) - len(doubtful)
    spread = (
        [confident[place * len(confident) // room] for place in range(min(room, len(confident)))] if room > 0 else []
    )
    picked = list(dict.fromkeys([*spread, *doubtful, *wrong]))
    names = tuple(data.names[i] for i in picked)
    return LabelledImages(data.images[picked], names, data.labels[picked], data.source)


def explain_images(
    model: Model,
    images: LabelledImages,
    methods: Sequence[str],
    target: object,
    seed: int,
    options: Mapping[str, dict[str, object]] = {},
) -> list[Example]:
    """Explain each image's target (the predicted class by default) by each method, and verify every explanation.

    options: keyword arguments by method, over those of OPTIONS.
    """
    check_request(model, images, methods, target)
    known = all_methods()
    made = []
    for name in methods:
        chosen = {**OPTIONS.get(name, {}), **options.get(name, {})}
        if known[name].kind == "surrogate":
            chosen = {"seed": seed, **chosen}
        made.append(known[name].load()(model, images.images, target, **chosen))
    beside = {"agreement": {"others": made}} if len(made) > 1 else {}
    columns = [verify(model, explanation, seed=seed, **beside) for explanation in made]
    labels = [-1] * len(images) if images.labels is None else images.labels.tolist()
    examples = [
        Example(name, tuple(column[row] for column in columns), labels[row] if labels[row] >= 0 else None)
        for row, name in enumerate(images.names)
    ]
    return _with_contrast(model, examples, seed)


def _with_contrast(model: Model, examples: list[Example], seed: int) -> list[Example]:
    """Add to each wrong answer a map of why it was given rather than the right one."""
    wrong = [place for place, item in enumerate(examples) if item.truth not in (None, item.predicted)]
    if not wrong:
        return examples
    inputs = torch.cat([examples[place].explanations[0].inputs for place in wrong])
    pairs = [(examples[place].predicted, examples[place].truth) for place in wrong]
    contrasts = verify(model, integrated_gradients(model, inputs, pairs), seed=seed)
    result = list(examples)
    for place, contrast in zip(wrong, contrasts):
        result[place] = replace(examples[place], contrast=contrast)
    return result


def _join(first: LabelledImages | None, second: LabelledImages | None) -> LabelledImages | None:
    if first is None or second is None:
        return first if second is None else second
    unknown = torch.full((len(first),), -1)
    labels = torch.cat([unknown if first.labels is None else first.labels, second.labels])
    return LabelledImages(torch.cat([first.images, second.images]), first.names + second.names, labels, second.source)
