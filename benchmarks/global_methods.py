"""The figures of docs/global.md and docs/sequences.md, from networks in runs: `python -m benchmarks.global_methods`."""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

import torch

import xai
from benchmarks.output import say
from models.datasets import Dataset
from models.recipes import load_data, subset, train_recipe
from models.training import train
from xai.model.factory import build_network
from xai.model.folder import read_description

SPELLING = {"rows": 20_000, "epochs": 5}  # a shorter training than the recipe's, which takes 9 minutes


def folder_of(name: str, runs: Path) -> Path:
    """Return the folder of a reference network, trained where it is not there yet."""
    folder = runs / name
    if not (folder / "model.toml").is_file():
        train_recipe(name, folder, **(SPELLING if name.startswith("spelling") else {}))
    return folder


def without_column(data: Dataset, column: int) -> Dataset:
    """Return the data with a column shuffled once and for all, in both parts: what a network cannot learn from."""
    from dataclasses import replace

    generator = torch.Generator().manual_seed(column)
    parts = {}
    for name in ("train_inputs", "test_inputs"):
        values = getattr(data, name).clone()
        values[:, column] = values[torch.randperm(len(values), generator=generator), column]
        parts[name] = values
    return replace(data, **parts)


def adult(runs: Path) -> None:
    """Permutation importance beside what a network loses that is trained without the column."""
    folder = folder_of("adult-dense", runs)
    model, data = xai.load(folder), load_data("adult-dense")
    started = time.perf_counter()
    labels = data.test_labels
    alone = xai.permutation_importance(model, data.test_inputs, labels)
    say(f"permutation importance: {time.perf_counter() - started:.1f} s, accuracy {alone.score:.4f}")
    groups = [["marital_status", "relationship", "sex"]]
    together = xai.permutation_importance(model, data.test_inputs, labels, groups=groups)
    say("stand-ins:", [(a, b, round(s, 2)) for a, b, s in alone.correlated[:4]])
    description = read_description(folder)
    settings = {"optimizer": "adam", "learning_rate": 1e-2, "schedule": "one-cycle", "epochs": 12, "batch_size": 256}
    full = alone.score
    say("column | shuffled: fall, standard error | trained without it: fall")
    for name in ("capital_gain", "education_years", "marital_status", "relationship", "age", "occupation"):
        column = alone.names.index(name)
        network = build_network(None, description.factory, description.arguments, False)
        torch.manual_seed(0)
        train(network, without_column(data, column), task="binary", validation=0.1, **settings)
        refit = xai.measure_performance(model.with_network(network), without_column(data, column).test_inputs, labels)
        value, error = float(alone.values[column]), float(alone.standard_error[column])
        say(f"{name} | {value:.4f}, {error:.4f} | {full - refit.accuracy:.4f}")
    say(f"{together.names[0]} together | {float(together.values[0]):.4f}, {float(together.standard_error[0]):.4f}")
    tree = xai.surrogate_tree(model, data.train_inputs[:8000], data.test_inputs, leaves=16)
    say("surrogate tree:", tree.evidence[0].text, tree.interval)
    chosen = torch.arange(0, len(labels), 40)[:400]
    near = xai.nearest_examples(model, data.test_inputs[chosen], data.train_inputs[:8000], data.train_labels[:8000])
    say("neighbors:", Counter(row[0].status for row in near.evidence))
    rows = data.test_inputs[:1000]
    for effect in (xai.partial_dependence, xai.accumulated_local_effects):
        curve = effect(model, rows, ["education_years"])["education_years"]
        ends = f"{float(curve.values[-1] - curve.values[0]):.3f}"
        say(f"{effect.__name__}, education_years, least to most: {ends}, error {float(curve.standard_error[-1]):.3f}")


def sequences(runs: Path) -> None:
    """Completeness and evidence for words and steps, gates, and whether attention decides."""
    for name, baseline in (("reviews-gru", "zero"), ("vowels-gru", "mean")):
        model, data = xai.load(folder_of(name, runs)), subset(load_data(name), 100)
        explanation = xai.integrated_gradients(model, data.test_inputs, baseline=baseline)
        errors = torch.tensor([row["completeness_error"] for row in explanation.diagnostics])
        say(f"{name}: completeness error, median {float(errors.median()):.2g}, largest {float(errors.max()):.2g}")
        gates = xai.gate_activations(model, data.test_inputs)
        say(f"{name}: states from gates miss torch's by {max(r['equation_error'] for r in gates.diagnostics):.2g}")
        verified = xai.verify(model, _first(model, data, baseline), ["deletion"])
        say(f"{name}: deletion of 20", Counter(row[0].status for row in verified.evidence))
    model, data = xai.load(folder_of("spelling-attention", runs)), load_data("spelling-attention")
    started = time.perf_counter()
    found = xai.alignment(model, data.test_inputs[:60])
    took = time.perf_counter() - started
    findings = [row[0] for row in found.evidence]
    say(f"alignment of 60 words: {took:.1f} s,", Counter(finding.status for finding in findings))
    for key in ("rank_correlation", "change_top", "change_others"):
        values = torch.tensor([finding.details[key] for finding in findings if key in finding.details])
        say(f"  {key}: median {float(values.median()):.2f}")
    flips = (
        sum(f.details.get("flipped_top", 0) for f in findings),
        sum(f.details.get("flipped_others", 0) for f in findings),
    )
    say(f"  answers that change, of {sum(map(len, found.target))}: {flips[0]} without the top, {flips[1]:.1f} else")
    for pair in ("gradient_occlusion", "attention_occlusion"):
        values = torch.tensor([row[pair] for row in found.diagnostics if row[pair] is not None])
        say(f"  {pair}: median rank correlation {float(values.median()):.2f}")
    say("  example:", "".join(found.source[0]), "->", " ".join(found.target[0]), "|", findings[0].text)


def _first(model: xai.Model, data: Dataset, baseline: str) -> xai.Explanation:
    return xai.integrated_gradients(model, data.test_inputs[:20], baseline=baseline)


def main(runs: Path) -> None:
    """Print every figure; `runs` holds the trained networks."""
    torch.set_num_threads(1)
    sequences(runs)
    adult(runs)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs"))
