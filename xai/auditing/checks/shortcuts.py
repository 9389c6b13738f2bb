"""Shortcuts: does something decide that should not, such as a trigger, a border, or one column that says it all?"""

from __future__ import annotations

import torch
from torch import Tensor

from xai.auditing.checks.column_shortcuts import identifiers, pair_leakage
from xai.auditing.checks.leakage import leakage
from xai.auditing.checks.other_reasons import OTHER_REASON, other_reason
from xai.auditing.explainers import explain, targets_of
from xai.auditing.kinds import kind_of, table_of
from xai.auditing.scores import ONE_CLASS
from xai.auditing.split import Prepared, Split
from xai.auditing.triggers.by_kind import trigger_findings
from xai.auditing.triggers.honest import honest_models
from xai.auditing.triggers.pasted_regions import pasted_regions
from xai.auditing.verdicts import Measured, Untestable, tested
from xai.base.statistics import bootstrap_mean
from xai.model.model import Model
from xai.results.finding import Finding

__all__ = ["shortcuts"]

MOST_ROWS, MOST_ELEMENTS = 500, 500 * 28 * 28
EXPLAINED = 24
LEARNED = 3000  # rows from which trees tell the label
REGION_NAMES = {"table": "one_column", "text": "one_word", "series": "one_window"}  # of the finding on a pasted region
OUTER = 8  # the outer eighth of an image


def shortcuts(model: Model, data: Prepared, *, seed: int = 0) -> list[Finding]:
    """Return whether one region of the input decides, a planted trigger does, or the area outside the object does.

    One region: it is pasted from a row of another class, and the share of answers that follow it is counted. Triggers:
    patches, spikes, words or values are planted on all rows, and the share that moves to one class is counted. Source
    of the idea: Lapuschkin et al. 2019, "Unmasking Clever Hans predictors", Nature Communications 10.
    """
    held_out, train = data.held_out, data.train
    most = min(MOST_ROWS, max(60, MOST_ELEMENTS // max(1, held_out.inputs[0].numel())))
    split = held_out.sample(most, seed)
    donors = (train or held_out).sample(4 * most, seed + 1)
    region = _region_name(model, split.inputs)
    # A column may rightly say much: how much, models of the labels say that know nothing of this one.
    honest = honest_models(model, held_out, seed) if region == "one_column" and held_out.task != "multilabel" else []
    return [
        tested(f"shortcuts.{region}", pasted_regions, model, split, donors, seed, honest),
        *trigger_findings(model, held_out, train, split, donors, seed),
        tested(OTHER_REASON, _other_reason, model, split, donors, "held_out" if train is None else "train"),
        *_of_tables(model, held_out, train or held_out, seed),
        tested("shortcuts.outside", _outside, model, held_out, seed),
        tested("shortcuts.leakage", leakage, model, train or held_out, seed),
    ]


def _region_name(model: Model, inputs: Tensor) -> str:
    """Return the name of the finding on a pasted region; rows of numbers (N, d) are columns, declared or not."""
    kind = kind_of(model, inputs)
    return REGION_NAMES.get("table" if kind == "numbers" and len(model.input.axes(inputs)) == 1 else kind, "one_region")


def _other_reason(model: Model, split: Split, known: Split, part: str) -> Measured:
    if kind_of(model, split.inputs) not in ("image", "grid"):
        raise Untestable("reasons_of_images")
    if split.task not in ONE_CLASS:
        raise Untestable("counts_one_class")
    return other_reason(model, split, known, part)


def _of_tables(model: Model, held_out: Split, known: Split, seed: int) -> list[Finding]:
    """Return the findings that only a table calls for."""
    if table_of(model) is None:
        return []
    split, known = held_out.sample(MOST_ROWS, seed), known.sample(LEARNED, seed)
    return [
        tested("shortcuts.pair_leakage", pair_leakage, model, split, known, seed),
        tested("shortcuts.identifier", identifiers, model, held_out, known, seed),
    ]


def _outside(model: Model, held_out: Split, seed: int) -> Measured:
    """Return the share of explanations outside the object, over its share of the area."""
    if kind_of(model, held_out.inputs) not in ("image", "grid"):
        raise Untestable("no_outside")
    split = held_out.sample(EXPLAINED, seed)
    outside = _border(split.inputs) if split.masks is None else ~split.masks
    both = outside.flatten(1).any(1) & ~outside.flatten(1).all(1)
    if int(both.sum()) < 5:
        raise Untestable("few_outsides")
    split, outside = split.take(torch.where(both)[0]), outside[both]
    made = explain(model, split.inputs, targets_of(split.prediction, split.task), seed=seed)
    maps = made.heatmap().abs().double().cpu()
    total = maps.sum((1, 2))
    if not bool((total > 0).all()):
        raise Untestable("empty_explanation")
    mass = (maps * outside).sum((1, 2)) / total
    area = outside.double().mean((1, 2))
    ratio = (mass / area).numpy()
    has_masks = split.masks is not None
    details = {"mass": mass.tolist(), "area": area.tolist(), "rows": split.index.tolist(), "masks": has_masks}
    facts = {"mass": float(mass.mean()), "area": float(area.mean())}
    outcome = "masks" if has_masks else "text"
    return Measured(float(ratio.mean()), bootstrap_mean(ratio, seed), facts, details, outcome)


def _border(images: Tensor) -> Tensor:
    height, width = images.shape[2:]
    down, right = max(1, round(height / OUTER)), max(1, round(width / OUTER))
    ring = torch.ones(height, width, dtype=torch.bool)
    ring[down : height - down, right : width - right] = False
    return ring.expand(len(images), -1, -1)
