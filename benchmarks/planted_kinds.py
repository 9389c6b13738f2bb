"""Twenty more kinds of fault, each planted in a model or its data, beside a matched control: `planted_kind`.

They are what a critic tried and the audit of that time missed, and their neighbors. As in `planted_faults`, another
seed is drawn where a plant did not take, by an effect measured on fresh rows by an intervention that knows it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from benchmarks.planted_data import (
    crossed,
    drifted,
    entities,
    in_data,
    later,
    near,
    one_way,
    other_task,
    overconfident,
    slice_noise,
    small,
)  # fmt: skip
from benchmarks.planted_matches import MatchedPair
from benchmarks.planted_shortcuts import author, band, color, joint, middle_patch, timestamp, watermark

__all__ = ["MORE", "Kind", "planted_kind"]


class Kind(NamedTuple):
    """How a fault is planted, in words, its least effect, and the findings of which one must fail."""

    plant: Callable[[int, np.random.Generator], MatchedPair]
    strength: str
    least: float
    checks: tuple[str, ...]


def planted_kind(name: str, seed: int) -> MatchedPair:
    """Return the matched controls of a seed."""
    return MORE[name].plant(seed, np.random.default_rng([seed, 11]))


BY_GROUP = ("bias.errors", "bias.equal_opportunity", "bias.demographic_parity", "bias.slices")
MORE: dict[str, Kind] = {
    "mark in the middle": Kind(middle_patch, "a patch in the middle third of 98 to 100 % of one class", 0.6,
                               ("shortcuts.typical_patch", "shortcuts.one_region", "shortcuts.leakage")),
    "color cast": Kind(color, "channels of 98 to 100 % of one class raised or lowered by 0.08 to 0.2", 0.6,
                       ("shortcuts.global_filter",)),
    "joint label": Kind(joint, "two columns whose signs together are the label for 99 to 100 %", 0.6,
                        ("shortcuts.pair_leakage",)),
    "timestamp": Kind(timestamp, "a column that rises with the rows; 60 to 90 % of later labels are one class", 0.2,
                      ("shortcuts.identifier",)),
    "author name": Kind(author, "a word at a random place of 98 % of the texts of one class", 0.4,
                        ("shortcuts.word_anywhere", "shortcuts.planted_word", "shortcuts.leakage")),
    "near-duplicates": Kind(in_data(near, "digits", "pictures", "table", "series"),
                            "8 to 30 % of the held-out rows are training rows with noise of 0.05 deviations", 0.0,
                            ("data.near_duplicates",)),
    "noise in a slice": Kind(in_data(slice_noise, "table"), "40 % wrong labels in a slice of 8 to 15 %, both parts",
                             0.0, ("data.label_slices",)),
    "one-way noise": Kind(in_data(one_way, "digits", "pictures", "table", "series"),
                          "20 to 40 % of the training labels of one class replaced with another", 0.0,
                          ("data.label_direction", "data.mislabeled")),
    "column drift": Kind(in_data(drifted, "table"), "a held-out column moved by 0.7 to 1.5 deviations", 0.0,
                         ("data.covariates",)),
    "small group": Kind(in_data(small, "digits", "table", "series"), "10 to 19 rows of a group, all wrong", 0.0,
                        ("bias.small_groups",)),
    "crossed groups": Kind(in_data(crossed, "table"), "80 % of the labels replaced where two groups agree", 0.15,
                           ("bias.crossed_errors", "bias.crossed_opportunity", "bias.crossed_parity")),
    "shared entities": Kind(in_data(entities, "digits", "table", "series"),
                            "20 to 100 % of held-out rows of entities of the training part", 0.0, ("data.entities",)),
    "overconfident": Kind(overconfident, "scores multiplied by 3 to 5", 0.04,
                          ("calibration.error", "calibration.temperature")),
    "pattern": Kind(band, "a faint checkerboard or grating over 98 to 100 % of one class", 0.6,
                    ("shortcuts.global_filter", "shortcuts.typical_patch", "shortcuts.one_region")),
    "watermark": Kind(watermark, "a patch near a corner of 20 to 35 % of one class", 0.3,
                      ("shortcuts.other_reason", "shortcuts.borrowed_patch", "shortcuts.one_region",
                       "shortcuts.planted_trigger")),
    "worse of late": Kind(in_data(later, "digits", "pictures", "table", "series"),
                          "45 to 80 % of the labels of the latest quarter of the held-out rows replaced", 0.3,
                          ("performance.latest",)),
    "group of a regression": Kind(partial(other_task, False, False), "85 % of a group's training labels raised", 0.0,
                                  (*BY_GROUP, "bias.residual", "bias.mean_error")),
    "group of several labels": Kind(partial(other_task, True, False), "85 % of a group's training labels set to 0", 0.0,
                                    BY_GROUP),
    "leak of a regression": Kind(partial(other_task, False, True), "a column that is the label, nearly", 0.0,
                                 ("shortcuts.leakage",)),
    "leak of several labels": Kind(partial(other_task, True, True), "a column that is one of the labels, nearly", 0.0,
                                   ("shortcuts.leakage",)),
}  # fmt: skip
