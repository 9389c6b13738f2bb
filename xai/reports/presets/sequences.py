"""The reports on models of texts and series: a classifier's, and that on an encoder-decoder with its alignment."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from xai.auditing.checks.performance import measure_performance
from xai.base.errors import InputError, LayerError, names_errors
from xai.base.spacing import evenly
from xai.evidence.verify import verify
from xai.inputs.text import to_texts
from xai.methods import Method, all_methods
from xai.model.model import Model
from xai.reports.asked_methods import check_methods
from xai.reports.bodies_of_results import alignment_body
from xai.reports.escape import render
from xai.reports.page import Lead, Report, Section
from xai.reports.provenance import default_title, facts_section, provenance_section
from xai.reports.sections.explained_rows import explained_rows_section
from xai.reports.sections.performance import performance_section
from xai.reports.sections.summary import sequence_summary
from xai.results.explanation import Explanation
from xai.results.sequence_results import Alignment, Gates
from xai.sequences.alignment import alignment
from xai.sequences.gates import gate_activations

__all__ = ["METHODS", "Sequences", "alignment_report", "methods_for", "sequence_report", "sequence_sections"]

# By kind of input: the methods that explain it by default, and the kinds that a method asked for must name.
METHODS = {
    "text": ("saliency", "integrated_gradients", "lime_text"),
    "sequence": ("saliency", "integrated_gradients", "lime_series"),
}
TAKEN = {"text": {"text"}, "sequence": {"sequence", "tensor"}}
TASKS = ("classification", "binary")
# A surrogate has error bars that say what its samples are worth; it is checked by deletion alone.
CHECKS = {"surrogate": ("deletion",)}
ALL_CHECKS = ("deletion", "randomization", "completeness")
SAMPLES = 1000


@dataclass(frozen=True)
class Sequences:
    """Texts (code points) or series with a name each and, where known, a class number each (N,)."""

    inputs: Tensor
    names: tuple[str, ...]
    labels: Tensor | None = None
    source: str = ""

    def __len__(self) -> int:
        return len(self.inputs)

    def some(self, count: int) -> Sequences:
        """Return so many of them from all over, since they may be sorted."""
        rows = evenly(len(self), count)
        labels = None if self.labels is None else self.labels[rows]
        return Sequences(self.inputs[rows], tuple(self.names[row] for row in rows), labels, self.source)


def methods_for(model: Model, methods: Sequence[str]) -> tuple[str, ...]:
    """Return the methods asked for, or those that suit the model; raises InputError for one that does not."""
    kind = model.input.kind
    usual = METHODS.get(kind)
    if usual is None or model.task not in TASKS:
        got = f"input {kind}, task {model.task}"
        raise InputError("model", expected="a classifier of images, texts or series", got=got)
    check_methods(methods, TAKEN[kind])
    return tuple(methods) or usual


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
    origin: Mapping[str, object] | None = None,
) -> Report:
    """Return the report on a classifier of texts or series: how well it does, and why it said so of each example.

    Args:
        model: A classifier of texts or series.
        examples: What is explained.
        data: Labelled rows to measure on.
        methods: Names of methods, by default those that suit the kind of input.
        target: The class that is explained, the predicted one by default.
        seed: Of everything that is drawn at random.
        title: The report's title.
        origin: How the network came about, as its folder says.

    Returns:
        The report.

    Raises:
        InputError: The model is of another kind, or a method is unknown.
    """
    chosen = methods_for(model, methods)
    return Report(title or default_title(model), sequence_sections(model, examples, data, chosen, target, seed, origin))


def sequence_sections(
    model: Model,
    examples: Sequences,
    data: Sequences | None,
    methods: Sequence[str],
    target: object,
    seed: int,
    origin: Mapping[str, object] | None,
) -> list[Lead | Section]:
    """Return the sections of the report on a classifier of texts or series."""
    started = time.perf_counter()
    performance = None
    if data is not None and data.labels is not None:
        performance = measure_performance(model, data.inputs, data.labels)
    made = [_explained(model, name, examples.inputs, target, seed) for name in methods]
    wrong = _wrong(examples, made[0].prediction)
    lead = sequence_summary(model, performance, examples.names, made, wrong)
    labels = None if examples.labels is None else [int(label) for label in examples.labels]
    explained = explained_rows_section(made, examples.names, labels, gates=_gates(model, examples.inputs))
    facts = {"seed": seed, "examples": len(examples), "seconds": time.perf_counter() - started}
    return [
        Lead(lead),
        *([] if performance is None or data is None else [performance_section(performance, data.source)]),
        explained,
        provenance_section(model, model.trace(examples.inputs[:1]), methods, facts, origin or {}),
    ]


def _wrong(examples: Sequences, prediction: Tensor) -> list[int]:
    """Return the numbers of the examples that are called what they are not; none where labels are not known."""
    if examples.labels is None:
        return []
    return (prediction.argmax(1).cpu() != examples.labels.cpu()).nonzero().flatten().tolist()


def _gates(model: Model, inputs: Tensor) -> Gates | None:
    """Return the gates of a recurrent network, None where it has none that the equations cover."""
    if not any(isinstance(module, nn.LSTM | nn.GRU) for module in model.network.modules()):
        return None
    try:
        return gate_activations(model, inputs)
    except LayerError:
        return None


def _explained(model: Model, name: str, inputs: Tensor, target: object, seed: int) -> Explanation:
    spec: Method = all_methods()[name]
    options = {"seed": seed, "samples": SAMPLES} if spec.kind == "surrogate" else {}
    options |= OPTIONS.get((name, model.input.kind), lambda input: {})(model.input)
    read = to_texts(inputs) if inputs.dtype == torch.int32 else inputs
    made = spec.load()(model, read, target, **options)
    return verify(model, made, CHECKS.get(spec.kind, ALL_CHECKS), seed=seed)


# By method and kind of input: what is asked of a method beyond its defaults.
OPTIONS = {
    ("lime_text", "text"): lambda input: {"units": input.pattern} if input.vocabulary else {},
    ("integrated_gradients", "sequence"): lambda input: {"baseline": "mean"},
}


def _first_pair(found: Alignment) -> tuple[str, str]:
    source, target = found.source[0], found.target[0]
    return ("" if all(len(symbol) == 1 for symbol in source) else " ").join(source), " ".join(target)


@names_errors("alignment_report")
def alignment_report(
    model: Model,
    examples: Sequences,
    *,
    seed: int = 0,
    title: str | None = None,
    origin: Mapping[str, object] | None = None,
) -> Report:
    """Return the report on an encoder-decoder: what each written symbol rests on, and whether attention decides.

    Args:
        model: An encoder-decoder.
        examples: The sequences that it reads.
        seed: Of everything that is drawn at random.
        title: The report's title.
        origin: How the network came about, as its folder says.

    Returns:
        The report.
    """
    started = time.perf_counter()
    found = alignment(model, examples.inputs, seed=seed)
    statuses = Counter(row[0].status for row in found.evidence)
    evidence = [finding.to_dict() for row in found.evidence for finding in row]
    data: dict[str, object] = {"source": found.source, "target": found.target, "evidence": evidence}
    facts = {"seed": seed, "examples": len(found), "seconds": time.perf_counter() - started}
    lead = render(
        "alignment_lead.html", model=model, statuses=statuses, count=len(found), first=_first_pair(found),
        accuracy=(origin or {}).get("test_accuracy"),
    )  # fmt: skip
    sections = [
        Lead(lead),
        Section("alignment", "What it read for what it wrote", alignment_body(found), data),
        facts_section(model, facts, origin or {}),
    ]
    return Report(title or default_title(model), sections)
