"""Which images a report explains, and their explanations with the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from xai.attribution.gradient_methods import integrated_gradients
from xai.auditing.checks.performance_counts import Scored
from xai.base.errors import InputError
from xai.base.spacing import evenly
from xai.evidence.verify import verify
from xai.inputs.image_files import LabelledImages
from xai.methods import all_methods
from xai.model.model import Model
from xai.reports.asked_methods import check_methods
from xai.reports.sections.examples import Example

__all__ = ["METHODS", "check_request", "choose_examples", "class_names", "explain_images", "joined"]

METHODS = ("saliency", "integrated_gradients", "gradcam", "occlusion", "lime_image")
# One meaning of "hidden" for the methods that hide and for the check that deletes, so that they can be compared.
OPTIONS: dict[str, dict[str, object]] = {"occlusion": {"baseline": "blur"}, "lime_image": {"fill": "blur"}}


def class_names(model: Model) -> list[str]:
    """Return the names of a model's classes, or the numbers of its outputs where it has none."""
    if model.classes:
        return model.classes
    blank = model.input.blank()
    if blank is None:
        raise InputError("model", expected="one of images", got=f"kind {model.input.kind!r}")
    return [str(number) for number in range(model.predict(blank).shape[1])]


def check_request(model: Model, images: LabelledImages, methods: Sequence[str], target: object) -> None:
    """Raise the error that explaining these images would end in, before any of the work."""
    check_methods(methods, {"image"}, "explain")
    with model.explaining("explain", images.images, target):
        pass


def choose_examples(data: LabelledImages, performance: Scored, count: int) -> LabelledImages:
    """Return a handful: typical right answers of different classes, the least sure right, the surest wrong ones."""
    right, sure = performance.right, performance.sure
    wrong = [int(i) for i in sure.argsort(descending=True, stable=True) if not right[i]][: count * 3 // 8]
    doubtful = [int(i) for i in sure.argsort(stable=True) if right[i]][: max(0, count // 8)]
    members: dict[tuple[int, ...], list[int]] = {}
    for i in right.nonzero().flatten().tolist():
        answer = performance.answer(i)
        if i not in doubtful:
            members.setdefault(answer if isinstance(answer, tuple) else (answer,), []).append(i)
    # The middle one by confidence: a typical answer, not the best.
    confident = [sorted(found, key=lambda i: float(sure[i]))[len(found) // 2] for _, found in sorted(members.items())]
    room = max(0, count - len(wrong) - len(doubtful))
    spaced = [confident[place] for place in evenly(len(confident), room)]
    picked = list(dict.fromkeys([*spaced, *doubtful, *wrong]))
    names = tuple(data.names[i] for i in picked)
    return LabelledImages(data.images[picked], names, performance.labels[picked].long(), data.source)


def explain_images(
    model: Model,
    images: LabelledImages,
    methods: Sequence[str],
    target: object,
    seed: int,
    options: Mapping[str, dict[str, object]],
    checks: Sequence[str] | None = None,
) -> list[Example]:
    """Explain each image's target (the predicted class by default) by each method, and verify every explanation.

    options: keyword arguments by method, over those of OPTIONS. checks: by name; None is all.
    """
    check_request(model, images, methods, target)
    known = all_methods()
    made = []
    for name in methods:
        chosen = {**OPTIONS.get(name, {}), **options.get(name, {})}
        if known[name].kind == "surrogate":
            chosen = {"seed": seed, **chosen}
        made.append(known[name].load()(model, images.images, target, **chosen))
    beside: dict[str, Any] = {"agreement": {"others": made}} if len(made) > 1 else {}
    columns = [verify(model, explanation, checks, seed=seed, **beside) for explanation in made]
    several = model.task == "multilabel"
    examples = [
        Example(name, tuple(column[row] for column in columns), _truth(images.labels, row), several=several)
        for row, name in enumerate(images.names)
    ]
    return examples if several else _with_contrast(model, examples, seed, checks)


def _truth(labels: Tensor | None, row: int) -> int | tuple[int, ...] | None:
    """Return the class of an image, or the numbers of its labels; None where that is not known."""
    if labels is None or bool((labels[row] < 0).any()):
        return None
    return int(labels[row]) if labels.ndim == 1 else tuple(labels[row].nonzero().flatten().tolist())


def _with_contrast(model: Model, examples: list[Example], seed: int, checks: Sequence[str] | None) -> list[Example]:
    """Add to each wrong answer a map of why it was given rather than the right one."""
    wrong = [index for index, item in enumerate(examples) if item.truth not in (None, item.predicted)]
    if not wrong:
        return examples
    inputs = torch.cat([examples[index].explanations[0].inputs for index in wrong])
    pairs = [(examples[index].predicted, examples[index].truth) for index in wrong]
    contrasts = verify(model, integrated_gradients(model, inputs, pairs), checks, seed=seed)
    result = list(examples)
    for index, contrast in zip(wrong, contrasts, strict=True):
        result[index] = replace(examples[index], contrast=contrast)
    return result


def joined(first: LabelledImages | None, second: LabelledImages | None) -> LabelledImages | None:
    """Return two batches of images as one; the labels of those without are unknown (-1)."""
    if first is None or second is None:
        return first if second is None else second
    width = [item.labels.shape[1:] for item in (first, second) if item.labels is not None]
    labels = torch.cat([_known_labels(item, *width[:1]) for item in (first, second)])
    return LabelledImages(torch.cat([first.images, second.images]), first.names + second.names, labels, second.source)


def _known_labels(images: LabelledImages, width: Sequence[int] = ()) -> Tensor:
    return torch.full((len(images), *width), -1) if images.labels is None else images.labels
