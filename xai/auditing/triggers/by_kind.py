"""Which triggers are tried on which kind of input: one line per finding, with its candidates and their controls."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from xai.auditing.kinds import kind_of
from xai.auditing.scores import ONE_CLASS
from xai.auditing.split import Split
from xai.auditing.triggers.borrowed_patches import borrowed_patches
from xai.auditing.triggers.column_values import by_labels, by_linear_model, values
from xai.auditing.triggers.global_filters import class_filters, random_filters
from xai.auditing.triggers.patches import noise_patches, patches
from xai.auditing.triggers.planting import measure_triggers, median_share
from xai.auditing.triggers.shared_patches import shared_patches
from xai.auditing.triggers.spikes import noise_spikes, spikes
from xai.auditing.triggers.typical_patches import foreign_patches, typical_patches
from xai.auditing.triggers.words import random_words, telling_words, words_anywhere
from xai.auditing.verdicts import Measured, Untestable, tested
from xai.model.model import Model
from xai.results.finding import Finding

__all__ = ["TRIGGERS", "TrialRows", "trigger_findings"]

MARKED = 200


class TrialRows(NamedTuple):
    """The rows of one audit's triggers.

    rows: that triggers are planted on. few: at most 200 of them, for candidates that are many and costly. held_out: all
    rows whose labels say what is right. donors: a sample of rows to learn candidates from. known: all such rows.
    """

    rows: Split
    few: Split
    held_out: Split
    donors: Split
    known: Split
    seed: int


def trigger_findings(
    model: Model, held_out: Split, train: Split | None, rows: Split, donors: Split, seed: int
) -> list[Finding]:
    """Return the findings on all triggers that are known for a model's kind of input; the first where it has none."""
    trial = TrialRows(rows, rows.sample(MARKED, seed), held_out, donors, train or held_out, seed)
    found = TRIGGERS.get(kind_of(model, rows.inputs), {"shortcuts.planted_trigger": _none_known})
    if rows.task not in ONE_CLASS:
        return [tested(next(iter(found)), _counts_one_class, model)]
    return [tested(name, measure, model, trial) for name, measure in found.items()]


def _counts_one_class(model: Model) -> Measured:
    raise Untestable("values_of_tables" if model.input.tabular else "counts_one_class")


def _none_known(model: Model, trial: TrialRows) -> Measured:
    raise Untestable("no_candidates")


def _patches(model: Model, trial: TrialRows) -> Measured:
    # Such a patch means nothing in an image, so only the share that the median patch moves is subtracted.
    candidates, controls = patches(model, trial.few, trial.seed), noise_patches(model, trial.few, trial.seed)
    return measure_triggers(model, trial.few, candidates, controls, expected=median_share, control="control_median")


def _borrowed(model: Model, trial: TrialRows) -> Measured:
    candidates = borrowed_patches(model, trial.few, trial.donors, trial.seed)
    return measure_triggers(model, trial.few, candidates, noise_patches(model, trial.few, trial.seed))


def _shared(model: Model, trial: TrialRows) -> Measured:
    candidates = shared_patches(model, trial.donors)
    if not candidates:
        raise Untestable("few_typical_rows")
    return measure_triggers(model, trial.rows, candidates, noise_patches(model, trial.rows, trial.seed))


def _spikes(model: Model, trial: TrialRows) -> Measured:
    # A spike is part of the series and may rightly matter; a linear model of the labels says how much.
    candidates, controls = spikes(model, trial.rows), noise_spikes(model, trial.rows, trial.seed)
    if len(trial.held_out.labels.unique()) < 2:
        expected, control = median_share, "control_median"
    else:
        expected, control = by_linear_model(model, trial.rows, trial.held_out), "control_linear"
    return measure_triggers(model, trial.rows, candidates, controls, expected=expected, control=control)


def _words(model: Model, trial: TrialRows) -> Measured:
    candidates = telling_words(model, trial.donors)
    if not candidates:
        raise Untestable("no_candidates")
    controls = random_words(model, trial.few, trial.seed)
    return measure_triggers(model, trial.few, candidates, controls, outcome="planted_word")


def _values(model: Model, trial: TrialRows) -> Measured:
    if len(trial.held_out.labels.unique()) < 2:
        raise Untestable("one_class")
    expected = by_labels(model, trial.few, trial.held_out)
    return measure_triggers(
        model, trial.few, values(model, trial.known), (), expected=expected, outcome="planted_value",
        control="control_labels", every_class=True,
    )  # fmt: skip


def _typical(model: Model, trial: TrialRows) -> Measured:
    candidates = typical_patches(model, trial.donors)
    if not candidates:
        raise Untestable("few_typical_rows")
    controls = foreign_patches(model, trial.few, trial.seed)
    return measure_triggers(model, trial.few, candidates, controls, expected=median_share, control="control_median")


def _filters(model: Model, trial: TrialRows) -> Measured:
    candidates = class_filters(model, trial.donors)
    if not candidates:
        raise Untestable("few_typical_rows")
    return measure_triggers(model, trial.few, candidates, random_filters(model, trial.few, trial.seed))


def _anywhere(model: Model, trial: TrialRows) -> Measured:
    candidates = words_anywhere(model, trial.donors)
    if not candidates:
        raise Untestable("no_candidates")
    return measure_triggers(
        model, trial.few, candidates, random_words(model, trial.few, trial.seed), expected=median_share,
        outcome="planted_word", control="control_median",
    )  # fmt: skip


IMAGE_TRIGGERS = {
    "shortcuts.planted_trigger": _patches, "shortcuts.borrowed_patch": _borrowed, "shortcuts.shared_patch": _shared,
    "shortcuts.typical_patch": _typical, "shortcuts.global_filter": _filters,
}  # fmt: skip
SERIES_TRIGGERS = {"shortcuts.planted_trigger": _spikes}
TRIGGERS: dict[str, dict[str, Callable[[Model, TrialRows], Measured]]] = {
    "image": IMAGE_TRIGGERS, "grid": IMAGE_TRIGGERS, "series": SERIES_TRIGGERS, "steps": SERIES_TRIGGERS,
    "text": {"shortcuts.planted_word": _words, "shortcuts.word_anywhere": _anywhere},
    "table": {"shortcuts.planted_value": _values},
}  # fmt: skip
