"""Cascade: shuffle the weights layer by layer from the output on; a map should lose what each layer had learned."""

from __future__ import annotations

from xai.base.arguments import draw_count
from xai.base.errors import XaiError, names_errors
from xai.evidence.recompute import recompute
from xai.evidence.similarity import alike, status_of
from xai.evidence.untestable import same_everywhere, too_few_values, untestable_rows
from xai.model.model import Model
from xai.model.shuffling import layers_with_weights, layers_without_weights, shuffled
from xai.results.explanation import Explanation
from xai.results.finding import Finding

__all__ = ["FAILS_ABOVE", "PASSES_BELOW", "cascade"]

PASSES_BELOW, FAILS_ABOVE = 0.89, 0.89  # set by benchmarks/calibrate_checks.py
SAYS = {"pass": "Depends on the layers", "warn": "Depends on the layers only in part",
        "fail": "Hardly depends on the layers"}  # fmt: skip


@names_errors("cascade")
def cascade(model: Model, explanation: Explanation, *, stages: int = 6, seed: int = 0) -> list[Finding]:
    """Return one finding per row: does the map change as layers are shuffled one after another, the last one first?

    The score is the mean, over the stages of the cascade, of the rank correlation with the map of the network as it is
    (of values or of magnitudes, as in randomization). A map that ignores the later layers keeps its picture until the
    first ones are shuffled, which a network shuffled all at once does not show. Layers stand in at most `stages` groups
    of equal size. The details hold the curve, the layers of each stage, and the modules that have no weights.
    Untestable as for randomization. Source: Adebayo et al. 2018, arXiv:1810.03292.
    """
    name = "cascade"
    stages = draw_count("stages", stages, 1)
    inputs = explanation.inputs
    try:
        layers = layers_with_weights(model, inputs)[::-1]
        stages = min(stages, len(layers))
        heads = [layers[: round(len(layers) * stage / stages)] for stage in range(1, stages + 1)]
        others = [recompute(shuffled(model, inputs, head, seed), explanation) for head in heads]
        idle = layers_without_weights(model, inputs)
    except XaiError as error:
        return untestable_rows(name, explanation, PASSES_BELOW, error)
    added = [head[len(before) :] for before, head in zip([[], *heads[:-1]], heads, strict=True)]
    return [_finding(explanation, others, added, idle, row) for row in range(len(explanation))]


def _finding(
    explanation: Explanation, others: list[Explanation], layers: list[list[str]], idle: list[str], row: int
) -> Finding:
    name, values, control = "cascade", explanation.values[row], "the map of the network with all its weights"
    limits = (name, values, PASSES_BELOW, control)
    untestable = too_few_values(*limits) or same_everywhere(*limits)
    if untestable is not None:
        return untestable
    curve = [max(alike(values, other.values[row])) for other in others]
    score = sum(curve) / len(curve)
    details = {"curve": [1.0, *curve], "layers": layers, "without_weights": idle}
    status = status_of(score, PASSES_BELOW, FAILS_ABOVE)
    text = (
        f"{SAYS[status]}: shuffled one after another from the output on, they leave the map correlating "
        f"{score:.2f} with itself on average, {curve[-1]:.2f} in the end."
    )
    return Finding(name, status, score, PASSES_BELOW, control, text, details)
