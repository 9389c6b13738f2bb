"""Every limit of the audit and of a comparison, in one place."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CHANGES", "LIMITS", "Limit"]


class Limit(NamedTuple):
    """A finding fails when its whole interval lies beyond `fail`, and warns when the number itself is beyond `warn`.

    More is worse, unless `least` says that less is.
    """

    warn: float
    fail: float
    least: bool = False


LIMITS: dict[str, Limit] = {
    # Share of the way from guessing (0) to perfect (1).
    "performance.skill": Limit(0.3, 0.1, least=True),
    # Score on training rows minus score on held-out ones.
    "performance.overfitting": Limit(0.1, 0.2),
    # Recall of the class that is found least, as a share of what guessing evenly would find (1 / classes).
    "performance.classes": Limit(1.0, 0.5, least=True),
    # Score on rows of entities that it has learned from, minus that on rows of new ones; on earlier rows, minus that on
    # the latest; of the rows as they are, minus that by weight.
    "performance.new_entities": Limit(0.05, 0.1),
    "performance.latest": Limit(0.05, 0.15),
    "performance.weighted": Limit(0.03, 0.1),
    # Score of the model minus that of the better simple one.
    "complexity.gain": Limit(0.01, -0.05, least=True),
    # Calibration error beyond what chance makes of a perfectly calibrated model.
    "calibration.error": Limit(0.03, 0.1),
    # By what its scores would have to be divided to fit how often it is right.
    "calibration.temperature": Limit(1.5, 2.2),
    # Difference of a share between a group and all other rows; of labels it is a fact of the data.
    "bias.labels": Limit(0.05, 1.0),
    "bias.demographic_parity": Limit(0.05, 0.1),
    "bias.equal_opportunity": Limit(0.05, 0.1),
    "bias.errors": Limit(0.05, 0.1),
    # The same where protected columns cross, and in groups that are too small for anything but exact tests.
    "bias.crossed_parity": Limit(0.05, 0.1),
    "bias.crossed_opportunity": Limit(0.05, 0.1),
    "bias.crossed_errors": Limit(0.05, 0.1),
    "bias.small_groups": Limit(0.05, 0.1),
    # How far probabilities are off in a group, minus elsewhere; of a regression, in standard deviations of the labels.
    "bias.calibration": Limit(0.05, 0.1),
    "bias.residual": Limit(0.1, 0.2),
    "bias.mean_error": Limit(0.1, 0.2),
    # By how much another threshold would make the largest difference between groups smaller: a choice, no fault.
    "bias.threshold": Limit(0.05, 1.0),
    # The way from guessing a protected column (0) to being certain of it (1).
    "bias.proxies": Limit(0.5, 1.0),
    # Errors beyond those that the model's confidence admits, in the worst slice minus elsewhere.
    "bias.slices": Limit(0.05, 0.1),
    # Share of answers that follow one pasted region; of a column, beyond what honest models of the labels rest on it. A
    # word or a window of time may rightly say much.
    "shortcuts.one_region": Limit(0.25, 0.35),
    "shortcuts.one_window": Limit(0.4, 0.5),
    "shortcuts.one_column": Limit(0.3, 0.5),
    "shortcuts.one_word": Limit(0.4, 0.6),
    # Share of the rows of all other classes that a planted trigger moves to one class, beyond what may be right.
    "shortcuts.planted_trigger": Limit(0.35, 0.45),
    "shortcuts.planted_word": Limit(0.7, 0.9),
    # The same of a patch of another image, which may hold a little of the object.
    "shortcuts.borrowed_patch": Limit(0.6, 0.75),
    # The same of what most images of a class have in common near the border, which is smaller.
    "shortcuts.shared_patch": Limit(0.25, 0.35),
    # The same of one value of a column, beyond what the labels of rows with such values speak for.
    "shortcuts.planted_value": Limit(0.3, 0.5),
    # The same of small pieces of images from anywhere, beyond the median one; of a color or band of a class; of
    # a telling word at any place, beyond the median word.
    "shortcuts.typical_patch": Limit(0.35, 0.55),
    "shortcuts.global_filter": Limit(0.2, 0.25),
    # The same of the region of a small group of rows of a class, beyond that of its other rows.
    "shortcuts.other_reason": Limit(0.2, 0.15),
    "shortcuts.word_anywhere": Limit(0.35, 0.5),
    # The way from guessing the label (0) to certainty (1), from two columns that do not tell it alone.
    "shortcuts.pair_leakage": Limit(0.8, 0.95),
    # Share of answers that change with a column that numbers or dates the rows.
    "shortcuts.identifier": Limit(0.1, 0.2),
    # Share of what explanations highlight that lies outside, over its share of the area.
    "shortcuts.outside": Limit(1.0, 1.5),
    # The way from guessing the label (0) to certainty (1), from one part alone.
    "shortcuts.leakage": Limit(0.8, 0.95),
    # Score that is lost under a mild change.
    "robustness.noise": Limit(0.05, 0.15),
    "robustness.shift": Limit(0.05, 0.15),
    "robustness.rotation": Limit(0.05, 0.15),
    "robustness.brightness": Limit(0.05, 0.15),
    "robustness.missing_pixels": Limit(0.05, 0.15),
    "robustness.swapped_values": Limit(0.05, 0.15),
    "robustness.missing_values": Limit(0.05, 0.15),
    "robustness.missing_steps": Limit(0.05, 0.15),
    "robustness.typos": Limit(0.05, 0.15),
    "robustness.missing_words": Limit(0.05, 0.15),
    # The same under an attack that knows the network: every network loses more than by chance.
    "robustness.attack": Limit(0.1, 0.3),
    # The least change that changes the typical answer, in shares of the range: a number to know.
    "robustness.least_change": Limit(0.01, 0.0, least=True),
    # Columns that must change for another answer: a number to know.
    "counterfactuals.columns": Limit(0.0, 0.0, least=True),
    # Share of a sample of explanations that a check refutes; the same limit for every check.
    "explanations": Limit(0.25, 1.0),
    # Share of the units of the worst layer.
    "inside.dead": Limit(0.25, 0.5),
    "inside.saturated": Limit(0.25, 0.5),
    "inside.duplicates": Limit(0.1, 0.5),
    # Largest gain of a layer's weights over the smallest; powers of ten between the gradients of first and last layer.
    "inside.weights": Limit(100.0, 1000.0),
    "inside.gradients": Limit(3.0, 6.0),
    # Gradient of the first third of the steps, in that of the strongest third.
    "inside.time": Limit(0.01, 0.0, least=True),
    # Share of connections that can go for one point; score that is lost with 8 bits.
    "inside.pruning": Limit(0.85, 1.0),
    "inside.quantization": Limit(0.01, 0.05),
    # Share of held-out rows that the training part has too, beyond the share of duplicates within it.
    "data.duplicates": Limit(0.01, 0.02),
    # Share of labels that contradict what rows like them are called: wrong ones, or a task that the inputs do not tell.
    "data.contradictions": Limit(0.05, 1.0),
    # The same of the training part, beyond that of the held-out part.
    "data.mislabeled": Limit(0.02, 0.03),
    # Share of held-out rows beyond the distance that 1 % of the training rows exceed.
    "data.out_of_distribution": Limit(0.03, 0.1),
    # Share of columns (or images) without any variation: a fact to know, no fault of the model.
    "data.constant": Limit(0.0, 1.0),
    # Share of the rarest class, in even shares.
    "data.balance": Limit(0.25, 0.0, least=True),
    # Total variation between the class shares of both parts, beyond chance.
    "data.drift": Limit(0.05, 0.15),
    # Share of held-out rows that are almost a training row, beyond the share of such rows within the training part.
    "data.near_duplicates": Limit(0.01, 0.02),
    # Share of the rows of one label that look like another class, training minus held-out part; and in a slice, labels
    # that contradict the others beyond what is hard to tell.
    "data.label_direction": Limit(0.03, 0.03),
    "data.label_slices": Limit(0.05, 0.0),
    # From guessing (0) which part a row is of, to always knowing (1).
    "data.covariates": Limit(0.1, 0.15),
    # Share of columns that vary and change no answer: a fact to know.
    "data.unused": Limit(0.0, 1.0),
    # Share of held-out rows of entities that the training part has too; that are not later than the training part.
    "data.entities": Limit(0.01, 0.05),
    "data.order": Limit(0.05, 1.0),
}

# The same for a comparison of two versions: what B has more than A, beyond what another seed makes.
CHANGES: dict[str, Limit] = {
    # Share of the rows that are answered otherwise; total variation between the answers, on average.
    "predictions.changed": Limit(0.01, 0.05),
    "predictions.shifted": Limit(0.01, 0.05),
    "predictions.by_group": Limit(0.02, 0.1),
    # Score that is lost; share of wrong answers that is gained in a group or slice.
    "errors.score": Limit(0.005, 0.02),
    "errors.by_group": Limit(0.02, 0.05),
    "errors.by_slice": Limit(0.02, 0.05),
    # Calibration error that is gained.
    "confidence.calibration": Limit(0.01, 0.05),
    # One minus the rank correlation of explanations.
    "explanations.changed": Limit(0.1, 0.3),
}
