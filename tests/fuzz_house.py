"""What the fuzzer calls: evidence, audits, runs, reports, sequences, concepts, targets and several inputs."""

from __future__ import annotations

import functools
import inspect
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

import xai
from tests.fuzz_values import (
    IMAGE,
    LABELS,
    MORE,
    ROWS,
    STEPS,
    add,
    explained,
    folder,
    images,
    series,
    table,
    texts,
    then,
)
from xai.inputs.image_files import LabelledImages

CONCEPTS = torch.rand(12, 4, generator=torch.Generator().manual_seed(4)) + 1
CHEAP = ["performance"]


class Aligned(nn.Module):
    """An encoder-decoder of one line: each step looks at all letters by its attention."""

    def __init__(self) -> None:
        super().__init__()
        self.vectors = nn.Embedding(6, 4)
        self.attention_weights = nn.Identity()

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        states = self.vectors(source)
        weights = self.attention_weights((self.vectors(target) @ states.mT).softmax(2))
        return weights @ states


class Joined(nn.Module):
    """A network of two inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.image, self.columns = nn.Linear(4, 2), nn.Linear(3, 2)

    def forward(self, image: Tensor, columns: Tensor) -> Tensor:
        return self.image(image.flatten(1)) + self.columns(columns)


def aligned() -> xai.Model:
    torch.manual_seed(0)
    return xai.Model(Aligned(), input=xai.TextInput(list("abcd"), pattern="."))


def recurrent() -> xai.Model:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cells, self.head = nn.LSTM(2, 3, batch_first=True), nn.Linear(3, 2)

        def forward(self, steps: Tensor) -> Tensor:
            return self.head(self.cells(steps)[0][:, -1])

    torch.manual_seed(0)
    return xai.Model(Last(), input=xai.SequenceInput(["u", "v"], 6))


audited = then(xai.AuditData, lambda made: xai.audit(table(), made, CHEAP))


@functools.cache
def found() -> xai.AuditResult:
    return audited(inputs=MORE, labels=LABELS)


@functools.cache
def compared() -> xai.AuditResult:
    return xai.compare(table(), table(), xai.AuditData(MORE, LABELS), ["predictions"])


@functools.cache
def made() -> Path:
    """Return the folder of a run; those who write get a copy."""
    return xai.run(table(), MORE, ["saliency"], "none", folder() + "/run", workers=0).folder


def stored() -> str:
    return str(shutil.copytree(made(), folder() + "/run"))


@functools.cache
def page() -> Path:
    return xai.audit_report(found()).save(Path(folder(), "audit.html"))


@functools.cache
def saved() -> Path:
    return found().save(Path(folder(), "result.json"))


@functools.cache
def summary() -> Path:
    return xai.TrainingSummary.of(MORE.numpy(), names=list("abcd")).save(Path(folder(), "summary.json"))


def pair(image: object, columns: object) -> Tensor:
    both = xai.Inputs(image=xai.ImageInput((1, 2, 2)), columns=xai.TabularInput(list("abc")))
    return xai.Model(Joined(), input=both).predict({"image": image, "columns": columns})


class Answers(nn.Module):
    """Puts out for a picture (N, 1, 8, 8) what each kind of target reads."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.maps = kind, nn.Conv2d(1, 3, 1)

    def forward(self, picture: Tensor) -> Tensor | dict[str, Tensor]:
        maps = self.maps(picture)
        if self.kind in ("pixel", "region"):
            return maps
        slots = maps.flatten(2).mT
        if self.kind != "box":
            return slots
        return {"logits": slots, "pred_boxes": slots[..., :1].expand(-1, -1, 4).sigmoid()}


def aimed(name: str) -> Callable:
    """Return a target function as a call that explains what it makes."""
    function = getattr(xai.targets, name)

    @functools.wraps(function)
    def call(**named: object) -> object:
        if name in ("pixel", "region", "box", "token", "step"):
            torch.manual_seed(0)
            model = xai.Model(Answers(name), input=xai.ImageInput((1, 8, 8)))
            return xai.saliency(model, IMAGE, function(**named))
        return xai.saliency(table(), ROWS, function(**named))

    return call


def method(owner: type, name: str, of: Callable[[], object]) -> Callable:
    """Return a method of a result as a function of its arguments."""
    bound = getattr(owner, name)

    def call(**named: object) -> object:
        got = bound(of(), **named)
        return list(got) if inspect.isgenerator(got) else got

    known = inspect.signature(bound).parameters.values()
    call.__signature__ = inspect.Signature([  # type: ignore[attr-defined]
        item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in known if item.name != "self"
    ])  # fmt: skip
    return call


def data() -> xai.AuditData:
    return xai.AuditData(MORE, LABELS)


# Evidence.
add("verify", xai.verify, lambda: {"model": table(), "explanation": explained(), "checks": ["completeness"]})
add("verify with settings", lambda checks, setting: xai.verify(table(), explained(), checks, stability=setting),
    lambda: {"checks": ["stability"], "setting": {}})  # fmt: skip
add("rank_methods", xai.rank_methods, lambda: {
    "model": table(), "inputs": ROWS, "methods": ["saliency"],
    "checks": ["faithfulness"]})  # fmt: skip
add("Explanation.of", xai.Explanation.of, lambda: {"model": table(), "inputs": ROWS, "values": ROWS, "target": 0})
for _name, _more in {"take": {"rows": [0]}, "class_name": {"number": 0}, "target_name": {}, "value_names": {}}.items():
    add(f"Explanation.{_name}", method(xai.Explanation, _name, explained), lambda more=_more: dict(more))
add("kernel_widths", xai.kernel_widths, lambda: {
    "method": xai.lime_segments, "model": table(), "inputs": ROWS[:1], "target": 0, "widths": [1.0, 2.0]})  # fmt: skip
add("TrainingSummary.of", xai.TrainingSummary.of, lambda: {"data": MORE.numpy(), "names": list("abcd")})
add("TrainingSummary.load", xai.TrainingSummary.load, lambda: {"source": summary()})

# Audits.
add("audit", xai.audit, lambda: {"model": table(), "data": data(), "checks": CHEAP})
add("audit of data", audited, lambda: {"inputs": MORE, "labels": LABELS})
add("audit with settings", lambda checks, setting: xai.audit(table(), data(), checks, performance=setting),
    lambda: {"checks": CHEAP, "setting": {}})  # fmt: skip
add("measure_performance", xai.measure_performance, lambda: {"model": table(), "inputs": MORE, "labels": LABELS})
add("compare", xai.compare, lambda: {"a": table(), "b": table(), "data": data(), "checks": ["predictions"]})
for _name, _more in {"of": {"check": "performance"}, "gate": {"levels": {"performance": "fail"}},
                     "save": {"path": "result.json"}}.items():  # fmt: skip
    add(f"AuditResult.{_name}", method(xai.AuditResult, _name, found), lambda more=_more: dict(more))
add("AuditResult.load", xai.AuditResult.load, lambda: {"path": saved()})
add("AuditResult.from_dict", xai.AuditResult.from_dict, lambda: {"plain": found().to_dict()})

# Reports.
add("audit_report", then(xai.audit_report, lambda made: made.html()), lambda: {"result": found()})
add("comparison_report", then(xai.comparison_report, lambda made: made.html()), lambda: {"result": compared()})
add("model_report", then(xai.model_report, lambda made: made.html()), lambda: {
    "model": images(), "images": LabelledImages(IMAGE, ("one",)), "methods": ["saliency"], "examples": 1,
    "layers": [], "units": 1, "steps": 1})  # fmt: skip
add("run_report", then(xai.run_report, lambda made: made.html()), lambda: {"run": xai.open_run(made())})
add("recheck", xai.recheck, lambda: {"report": page(), "model": table(), "data": data()})

# Runs.
add("run", xai.run, lambda: {
    "model": table(), "data": ROWS, "methods": ["saliency"], "checks": "none", "workers": 0})  # fmt: skip
add("run of options", lambda option, check: xai.run(
    table(), ROWS, ["smoothgrad"], ["stability"], options={"smoothgrad": option}, check_options={"stability": check},
    workers=0), lambda: {"option": {"samples": 3}, "check": {}})  # fmt: skip
add("open_run", xai.open_run, lambda: {"folder": stored()})
add("drift", xai.drift, lambda: {"before": xai.open_run(made()), "after": xai.open_run(made())})
for _name in ("to_frame", "explanations", "parts", "batches"):
    add(f"Run.{_name}", method(type(xai.open_run(made())), _name, lambda: xai.open_run(made())), dict)

# Sequences and concepts.
add("alignment", xai.alignment, lambda: {
    "model": aligned(), "source": ["abc"], "target": [[2, 3]], "permutations": 19})  # fmt: skip
add("gate_activations", xai.gate_activations, lambda: {"model": recurrent(), "inputs": STEPS})
add("occlusion of steps", xai.occlusion, lambda: {"model": series(), "inputs": STEPS, "target": 0})
add("concept_sensitivity", xai.concept_sensitivity, lambda: {
    "model": table(), "inputs": ROWS, "target": 0, "concepts": {"a": CONCEPTS}, "others": MORE, "layer": "1",
    "controls": 19})  # fmt: skip
add("objectives.gate", xai.objectives.gate, lambda: {"layer": "cells", "name": "input", "number": 0})

# Targets.
for _name, _more in {"class_": {"number": 0}, "outputs": {"numbers": [0, 1]}, "pixel": {"y": 0, "x": 0},
                     "region": {"mask": torch.ones(8, 8)}, "step": {"t": 0}, "token": {"position": 0},
                     "box": {"query": 0}, "similarity": {"reference": ROWS[:1]}, "unit": {"layer": "0", "index": 1},
                     "function": {"read": lambda output: output.sum(1)}}.items():  # fmt: skip
    add(f"targets.{_name}", aimed(_name), lambda more=_more: dict(more))

# Several inputs, and other models.
add("Inputs", lambda image, columns: xai.Inputs(image=image, columns=columns), lambda: {
    "image": xai.ImageInput((1, 2, 2)), "columns": torch.ones(3)})  # fmt: skip
add("Inputs of a model", pair, lambda: {"image": torch.ones(2, 1, 2, 2), "columns": torch.ones(2, 3)})
add("Model.from_callable", then(xai.Model.from_callable, lambda made: made.predict(ROWS)),
    lambda: {"function": lambda rows: rows[:, :2]})  # fmt: skip
for _name in ("gradcam_plus_plus", "hirescam", "layercam", "scorecam"):
    add(_name, getattr(xai, _name), lambda: {"model": images(), "inputs": IMAGE, "target": 0})
for _name in ("conductance", "internal_influence"):
    add(_name, getattr(xai, _name), lambda: {"model": table(), "inputs": ROWS, "target": 0, "steps": 3})
add("gradient", xai.gradient, lambda: {"model": table(), "inputs": ROWS, "target": 0})
add("occlusion of texts", xai.occlusion, lambda: {"model": texts(), "inputs": ["good film"], "target": 0})
