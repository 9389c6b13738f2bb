"""From a model of texts or series to its report: measure, explain, verify; of an encoder-decoder, its alignment."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from markupsafe import Markup
from torch import Tensor, nn

from xai.auditing.checks.performance import Performance, measure_performance
from xai.base.errors import InputError, LayerError, names_errors
from xai.evidence.verify import verify
from xai.inputs.text import TextInput, to_texts
from xai.methods import all_methods
from xai.model.model import Model
from xai.reports.cards import probability_bars
from xai.reports.escape import render
from xai.reports.notebook import explanation_body
from xai.reports.page import Report, Section
from xai.reports.sections.performance import performance_section
from xai.reports.sections.provenance import provenance_section
from xai.reports.sequences import alignment_body, gates_body
from xai.sequences.alignment import alignment
from xai.sequences.gates import gate_activations

__all__ = ["METHODS", "Sequences", "alignment_report", "methods_for", "sequence_report"]

METHODS = {
    "text": ("saliency", "integrated_gradients", "lime_text"),
    "sequence": ("saliency", "integrated_gradients", "lime_series"),
}
CHECKS = ("deletion", "randomization", "completeness")
SAMPLES = 1000  # of a surrogate, whose error bars say what that is worth; it is checked by deletion alone


@dataclass(frozen=True)
class Sequences:
    """Texts (code points) or series with a name each and, where known, a class number each (N,)."""

    inputs: Tensor
    names: tuple[str, ...]
    labels: Tensor | None = None
    source: str = ""

    def __len__(self) -> int:
        return len(self.inputs)


def methods_for(model: Model, methods: Sequence[str]) -> tuple[str, ...]:
    """Return the methods asked for, or those that suit the model; raises InputError for one that does not."""
    kind = model.input.kind
    if kind not in METHODS or model.task not in ("classification", "binary"):
        got = f"input {kind}, task {model.task}"
        raise InputError("model", expected="a classifier of images, texts or series", got=got)
    kinds = {"text": {"text"}, "sequence": {"sequence", "tensor"}}[kind]
    known = [name for name, spec in all_methods().items() if kinds & set(spec.inputs) and spec.kind != "visualization"]
    unknown = [name for name in methods if name not in known]
    if unknown:
        raise InputError("methods", expected=f"among {', '.join(known)}", got=repr(unknown[0]))
    return tuple(methods) or METHODS[kind]


@names_errors("sequence_report")
def sequence_report(
    model: Model,
    examples: Sequences,
    data: Sequences | None = None,
    *,
    methods: Sequence[str] = (),
    target: object = None,
    seed: int = 0,
    title: str | None = None,
    origin: dict[str, object] | None = None,
) -> Report:
    """Return the report on a classifier of texts or series: how well it does, and why it said so of each example.

    data: labelled rows to measure on. Raises InputError for a model of another kind.
    """
    chosen = methods_for(model, methods)
    started = time.perf_counter()
    performance: Performance | None = None
    if data is not None and data.labels is not None:
        performance = measure_performance(model, data.inputs, data.labels)
    columns = [_explained(model, name, examples.inputs, target, seed) for name in chosen]
    gates = None
    if any(isinstance(module, nn.LSTM | nn.GRU) for module in model.network.modules()):
        try:
            gates = gate_activations(model, examples.inputs)
        except LayerError:
            gates = None  # a layer called in a way that the equations do not cover
    classes = list(columns[0].classes) or [str(number) for number in range(columns[0].prediction.shape[1])]
    views, data_rows = [], []
    for row, name in enumerate(examples.names):
        prediction = columns[0].prediction[row]
        truth = None if examples.labels is None else int(examples.labels[row])
        views.append(
            {
                "id": f"example-{row + 1}",
                "name": name,
                "predicted": classes[int(prediction.argmax())],
                "probability": float(prediction.max()),
                "truth": None if truth is None else classes[truth],
                "bars": probability_bars(prediction, classes),
                "bodies": [explanation_body(column[row]) for column in columns],
                "gates": None if gates is None else gates_body(gates[row]),
            }
        )
        found = [
            {
                "method": column.method,
                "names": column.value_names(row),
                "values": column.values[row].flatten().tolist(),
                "evidence": [finding.to_dict() for finding in column.evidence[row]],
            }
            for column in columns
        ]
        data_rows.append({"name": name, "predicted": views[-1]["predicted"], "explanations": found})
    counts = [
        {"title": column.method.replace("_", " "), "counts": Counter(f.status for row in column.evidence for f in row)}
        for column in columns
    ]
    lead = render("sequence_lead.html", model=model, performance=performance, counts=counts, count=len(examples))
    settings = {"seed": seed, "examples": len(examples), "seconds": time.perf_counter() - started}
    sections = [performance_section(performance, data.source)] if performance else []
    body = render("sequence_examples.html", examples=views)
    sections.append(Section("examples", "Why it said so", body, {"examples": data_rows}))
    trace = model.trace(examples.inputs[:1])
    sections.append(provenance_section(model, trace, list(chosen), settings, origin or {}))
    return Report(title or f"{model.name}: an explanation report", sections, lead)


def alignment_report(
    model: Model,
    examples: Sequences,
    *,
    seed: int = 0,
    title: str | None = None,
    origin: dict[str, object] | None = None,
) -> Report:
    """Return the report on an encoder-decoder: what each written symbol rests on, and whether attention decides."""
    started = time.perf_counter()
    found = alignment(model, examples.inputs, seed=seed)
    statuses = Counter(row[0].status for row in found.evidence)
    lead: Markup = render("alignment_lead.html", model=model, statuses=statuses, count=len(found))
    evidence = [finding.to_dict() for row in found.evidence for finding in row]
    data = {"source": found.source, "target": found.target, "evidence": evidence}
    settings = {"seed": seed, "examples": len(found), "seconds": time.perf_counter() - started}
    facts = {"weights (SHA-256)": model.digest(), **{name: str(value) for name, value in (origin or {}).items()}}
    facts |= {name: f"{value:.3g}" if isinstance(value, float) else str(value) for name, value in settings.items()}
    columns, rows = ["what", "is"], [{"what": name, "is": value} for name, value in facts.items()]
    sections = [
        Section("alignment", "What it read for what it wrote", alignment_body(found), data),
        Section("provenance", "What was run", render("rows.html", columns=columns, rows=rows, total=len(rows))),
    ]
    return Report(title or f"{model.name}: an explanation report", sections, lead)


def _explained(model: Model, name: str, inputs: Tensor, target: object, seed: int):
    spec = all_methods()[name]
    sampled = spec.kind == "surrogate"
    options: dict[str, object] = {"seed": seed, "samples": SAMPLES} if sampled else {}
    if name == "lime_text" and isinstance(model.input, TextInput) and model.input.vocabulary:
        options["units"] = model.input.pattern
    if name == "integrated_gradients" and model.input.kind == "sequence":
        options["baseline"] = "mean"
    given = to_texts(inputs) if inputs.dtype == torch.int32 else inputs
    return verify(model, spec.load()(model, given, target, **options), CHECKS[:1] if sampled else CHECKS, seed=seed)
