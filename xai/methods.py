"""The table of methods and checks, with the lecture's three labels on each. A new method is a function and a line here.

A package of its own adds methods through the entry-point group `xai.methods`: each entry point is a MethodSpec.
Nothing here imports torch: a function is named, and loaded when it is called.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Literal, NamedTuple

__all__ = [
    "CHECKS", "COMPARISONS", "METHODS", "MODEL_CHECKS", "MODEL_METHODS",
    "CheckSpec", "MethodSpec", "ModelCheckSpec", "all_methods",
]  # fmt: skip


def _load(spec: MethodSpec | CheckSpec | ModelCheckSpec) -> Callable:
    """Import and return the function that a line of these tables names."""
    module, _, name = spec.function.partition(":")
    return getattr(importlib.import_module(module), name)


class MethodSpec(NamedTuple):
    """One method: where it lives, its three labels, what it takes and what it costs.

    function: "module:function". kind: "attribution", "surrogate", "visualization", or "model" (those of MODEL_METHODS:
    a call and a result of its own). scope: does it explain one prediction (local) or the model (global)? access: model
    "specific" or "agnostic". stage: "intrinsic" or "post hoc". inputs: kinds of input. passes: about how many
    evaluations of the network a row or image takes by default.
    """

    function: str
    kind: Literal["attribution", "surrogate", "visualization", "model"]
    scope: Literal["local", "global"]
    access: Literal["specific", "agnostic"]
    stage: Literal["intrinsic", "post hoc"]
    inputs: tuple[str, ...]
    needs_gradient: bool
    passes: int
    summary: str

    load = _load

    def takes(self, kind: str) -> bool:
        """Say whether it explains a kind of input; one that is not in `KINDS` is a batch of numbers, as tensors are."""
        return (kind if kind in KINDS else "tensor") in self.inputs


class CheckSpec(NamedTuple):
    """One check on an explanation: where it lives, its labels, its cost, and the question it answers.

    passes: evaluations per row of its own by default. repeats: how often it makes the explanation again. contradicts:
    does a failure say that the map is wrong, or only that it is unsteady or stands alone?
    """

    function: str
    scope: Literal["local", "global"]
    access: Literal["specific", "agnostic"]
    stage: Literal["intrinsic", "post hoc"]
    passes: int
    repeats: int
    contradicts: bool
    question: str

    load = _load


class ModelCheckSpec(NamedTuple):
    """One check of an audit: where it lives, how its chapter is called, the question it answers, and what it costs.

    passes: about how many evaluations of the network for each held-out row. explained: rows that it explains;
    verified: and whether it checks those explanations, which is what costs.
    """

    function: str
    title: str
    question: str
    passes: int = 0
    explained: int = 0
    verified: bool = False

    load = _load


ANY = ("image", "tabular", "tensor")
SEQUENCES = ("sequence", "text")
KINDS = MOVABLE = ANY + SEQUENCES  # what can change a little: words as vectors

METHODS: dict[str, MethodSpec] = {
    "saliency": MethodSpec(
        "xai.attribution.gradients:saliency", "attribution", "local", "specific", "post hoc", MOVABLE, True, 1,
        "size of the gradient: which inputs would change the output fastest",
    ),
    "input_x_gradient": MethodSpec(
        "xai.attribution.gradients:input_x_gradient", "attribution", "local", "specific", "post hoc", MOVABLE, True, 1,
        "gradient times input: what each value adds, if the network were linear",
    ),
    "smoothgrad": MethodSpec(
        "xai.attribution.sampled_gradients:smoothgrad", "attribution", "local", "specific", "post hoc",
        MOVABLE, True, 32,
        "the mean gradient over noisy copies, with an error bar on every value",
    ),
    "gradient_shap": MethodSpec(
        "xai.attribution.sampled_gradients:gradient_shap", "attribution", "local", "specific", "post hoc", MOVABLE,
        True, 64, "gradients at random points between the input and a background: parts that add up to the output",
    ),
    "integrated_gradients": MethodSpec(
        "xai.attribution.gradients:integrated_gradients", "attribution", "local", "specific", "post hoc",
        MOVABLE, True, 50, "gradients summed on the way from a baseline: parts that add up to the output",
    ),
    "gradcam": MethodSpec(
        "xai.attribution.activation_maps:gradcam", "attribution", "local", "specific", "post hoc", ("image",), True, 1,
        "feature maps of a convolution, weighted by their gradient: a coarse map of where",
    ),
    "guided_backprop": MethodSpec(
        "xai.attribution.gradient_rules:guided_backprop", "attribution", "local", "specific", "post hoc",
        MOVABLE, True, 1,
        "the gradient with negative signals stopped at every rectifier: fine detail, hardly tied to the class",
    ),
    "deconvolution": MethodSpec(
        "xai.attribution.gradient_rules:deconvolution", "attribution", "local", "specific", "post hoc",
        MOVABLE, True, 1,
        "the output projected back through rectifiers that rectify the signal: fine detail, hardly tied to the class",
    ),
    "guided_gradcam": MethodSpec(
        "xai.attribution.activation_maps:guided_gradcam", "attribution", "local", "specific", "post hoc", ("image",),
        True, 2, "guided backpropagation times Grad-CAM: fine detail where the class is",
    ),
    "deeplift": MethodSpec(
        "xai.attribution.deeplift:deeplift", "attribution", "local", "specific", "post hoc", MOVABLE, True, 1,
        "slopes from a baseline in place of gradients: parts that add up to the output, in one pass",
    ),
    "lrp": MethodSpec(
        "xai.attribution.lrp:lrp", "attribution", "local", "specific", "post hoc", MOVABLE, True, 3,
        "the output handed back layer by layer in proportion to what came in; what biases keep is said",
    ),
    "occlusion": MethodSpec(
        "xai.attribution.occlusion:occlusion", "attribution", "local", "agnostic", "post hoc", (*ANY, "sequence"),
        False, 196, "how much the output falls when a part is hidden",
    ),
    "kernel_shap": MethodSpec(
        "xai.attribution.shapley:kernel_shap", "attribution", "local", "agnostic", "post hoc", (*ANY, "sequence"),
        False, 1024, "Shapley values of segments, columns or steps: parts that add up, with an error bar on each",
    ),
    "lime_image": MethodSpec(
        "xai.lime.image:lime_image", "surrogate", "local", "agnostic", "post hoc", ("image",), False, 1000,
        "a weighted linear model fitted around the image, with an error bar on every segment",
    ),
    "lime_segments": MethodSpec(
        "xai.lime.parts:lime_segments", "surrogate", "local", "agnostic", "post hoc", (*ANY, "sequence"), False, 5000,
        "a weighted linear model fitted around inputs of any kind, with an error bar on every part",
    ),
    "lime_tabular": MethodSpec(
        "xai.lime.tabular:lime_tabular", "surrogate", "local", "agnostic", "post hoc", ("tabular",), False, 5000,
        "a weighted linear model fitted around the row, with an error bar on every column",
    ),
    "lime_text": MethodSpec(
        "xai.lime.text:lime_text", "surrogate", "local", "agnostic", "post hoc", ("text",), False, 5000,
        "a weighted linear model fitted around the text, with an error bar on every word",
    ),
    "lime_series": MethodSpec(
        "xai.lime.series:lime_series", "surrogate", "local", "agnostic", "post hoc", ("tensor", "sequence"), False,
        5000, "a weighted linear model fitted around the series, with an error bar on every stretch of time",
    ),
    "visualize": MethodSpec(
        "xai.visualization.ascent:visualize", "visualization", "global", "specific", "post hoc",
        ("image", "tabular", "sequence", "text", "tensor"), True, 256,
        "an input made to excite a unit, compared with real ones, with noise and with itself changed a little",
    ),
}  # fmt: skip

# Methods that take more than inputs and a target, and return something else than an Explanation.
MODEL_METHODS: dict[str, MethodSpec] = {
    "alignment": MethodSpec(
        "xai.sequences.alignment:alignment", "model", "local", "specific", "post hoc", ("text",), True, 50,
        "which source symbol each written one rests on, and whether the answer follows the attention",
    ),
    "gate_activations": MethodSpec(
        "xai.sequences.gates:gate_activations", "model", "local", "specific", "post hoc", SEQUENCES, False, 1,
        "what the gates of a recurrent layer let in, keep and show at every step",
    ),
    "permutation_importance": MethodSpec(
        "xai.global_explanations.permutation:permutation_importance", "model", "global", "agnostic", "post hoc",
        ("tabular",), False, 120, "how much worse the model answers when a column is shuffled, with standard errors",
    ),
    "partial_dependence": MethodSpec(
        "xai.global_explanations.partial_dependence:partial_dependence", "model", "global", "agnostic", "post hoc",
        ("tabular",), False, 240, "the mean answer when a column is set to a value, and every row's own curve",
    ),
    "accumulated_local_effects": MethodSpec(
        "xai.global_explanations.accumulated_effects:accumulated_local_effects", "model", "global", "agnostic",
        "post hoc", ("tabular",), False, 24, "how the answer changes along a column, within rows that occur",
    ),
    "surrogate_tree": MethodSpec(
        "xai.global_explanations.surrogate_tree:surrogate_tree", "model", "global", "agnostic", "post hoc",
        ("tabular",), False, 1, "a decision tree that imitates the model, and how often it agrees on new rows",
    ),
    "activating_examples": MethodSpec(
        "xai.global_explanations.examples:activating_examples", "model", "global", "specific", "post hoc",
        ANY + SEQUENCES, False, 1, "the real examples that excite a unit most and least",
    ),
    "nearest_examples": MethodSpec(
        "xai.global_explanations.neighbors:nearest_examples", "model", "local", "specific", "post hoc",
        ANY + SEQUENCES, False, 1, "the training examples nearest to an input in the last hidden layer",
    ),
    "concept_sensitivity": MethodSpec(
        "xai.global_explanations.concepts:concept_sensitivity", "model", "global", "specific", "post hoc",
        ANY + SEQUENCES, True, 1, "whether a class depends on a concept that examples show, against random concepts",
    ),
}  # fmt: skip

CHECKS: dict[str, CheckSpec] = {
    "deletion": CheckSpec(
        "xai.evidence.deletion:deletion", "local", "agnostic", "post hoc", 817, 0, True,
        "Does removing what the map marks change the output more than removing the same shape elsewhere?",
    ),
    "insertion": CheckSpec(
        "xai.evidence.insertion:insertion", "local", "agnostic", "post hoc", 817, 0, True,
        "Does showing only what the map marks bring the output back more than showing the same shape elsewhere?",
    ),
    "randomization": CheckSpec(
        "xai.evidence.randomization:randomization", "local", "specific", "post hoc", 0, 6, True,
        "Does the map change when the weights are replaced by random ones?",
    ),
    "cascade": CheckSpec(
        "xai.evidence.cascade:cascade", "local", "specific", "post hoc", 0, 6, True,
        "Does the map change as layers lose what they learned, one after another from the output on?",
    ),
    "stability": CheckSpec(
        "xai.evidence.stability:stability", "local", "agnostic", "post hoc", 5, 5, False,
        "Does the map stay the same under noise that does not change the prediction?",
    ),
    "completeness": CheckSpec(
        "xai.evidence.completeness:completeness", "local", "agnostic", "post hoc", 0, 0, True,
        "Do the values add up to the change of the output, where the method promises it?",
    ),
    "agreement": CheckSpec(
        "xai.evidence.agreement:agreement", "local", "agnostic", "post hoc", 248, 0, False,
        "Do other methods mark the same places, more than they would mark moved ones?",
    ),
}  # fmt: skip

# Checks on a model, in the order in which an audit makes them and its report shows them.
MODEL_CHECKS: dict[str, ModelCheckSpec] = {
    "performance": ModelCheckSpec(
        "xai.auditing.checks.performance:performance", "Performance",
        "Has it learned the task, and as well on rows that it had not seen?", 1,
    ),
    "complexity": ModelCheckSpec(
        "xai.auditing.checks.complexity:complexity", "Complexity",
        "What does it gain over a model that a person can read?",
    ),
    "calibration": ModelCheckSpec(
        "xai.auditing.checks.calibration:calibration", "Calibration",
        "Where it says 80 %, is it right in 80 of 100 cases?",
    ),
    "bias": ModelCheckSpec(
        "xai.auditing.checks.bias:bias", "Bias",
        "Does it treat people differently by who they are, and where does it err most?",
    ),
    "shortcuts": ModelCheckSpec(
        "xai.auditing.checks.shortcuts:shortcuts", "Shortcuts",
        "Does something decide that should not: a mark, a border, one column?", 60,
    ),
    "robustness": ModelCheckSpec(
        "xai.auditing.checks.robustness:robustness", "Robustness",
        "Does it stand small changes of the inputs, and do its reasons?", 40,
    ),
    "explanations": ModelCheckSpec(
        "xai.auditing.checks.explanations:explanations", "Explanations",
        "Can its answers be explained, or do the checks refute the explanations?", 0, 12, True,
    ),
    "inside": ModelCheckSpec(
        "xai.auditing.checks.inside:inside", "Inside",
        "Do its units, weights and gradients work, and what could be left out?", 22,
    ),
    "data": ModelCheckSpec(
        "xai.auditing.checks.data_quality:dataset", "Data",
        "Are the rows apart from each other, rightly labelled, and like those it learned from?",
    ),
}  # fmt: skip

# What a comparison of two versions asks, in the order in which its report shows it.
COMPARISONS: dict[str, ModelCheckSpec] = {
    "predictions": ModelCheckSpec(
        "xai.auditing.compare.predictions:predictions", "Predictions",
        "Does B answer as A does, and where does it not?", 1,
    ),
    "errors": ModelCheckSpec(
        "xai.auditing.compare.errors:errors", "Errors",
        "Does B err more than A: in all, in a group, in a slice of the data?",
    ),
    "confidence": ModelCheckSpec(
        "xai.auditing.compare.confidence:confidence", "Confidence",
        "Is B as right as it says, as A was?",
    ),
    "explanations": ModelCheckSpec(
        "xai.auditing.compare.reasons:explanations", "Explanations",
        "Does B answer for A's reasons?", 0, 24,
    ),
}  # fmt: skip


def all_methods() -> dict[str, MethodSpec]:
    """Return the built-in methods and those of installed packages; a built-in name cannot be replaced."""
    added = {point.name: point.load() for point in entry_points(group="xai.methods")}
    return {**added, **METHODS}
