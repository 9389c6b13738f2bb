"""The ways to hide parts of an input in which a map is put to the test: what "absent" means is said, not assumed."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from xai.evidence.claims import claim_of
from xai.evidence.map_scores import explained_layer
from xai.inputs.base import Input
from xai.inputs.hiding import Hiding
from xai.inputs.parts import Parts
from xai.lime.image import segment_means
from xai.lime.training_summary import TrainingSummary
from xai.methods import all_methods
from xai.model.layer_session import LayerSession
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["OWN", "Way", "distance_from_absent", "ways_of_hiding"]

OWN = "the method's own baseline"


class Way(NamedTuple):
    """One way to hide.

    Attributes:
        name: which.
        replacement: what stands where a part is hidden, in words.
        hiding: how the kind of input does it.
        absent: what stands there, (N, ...), where it does not depend on what is hidden.
    """

    name: str
    replacement: str
    hiding: Hiding
    absent: Tensor | None = None


def ways_of_hiding(session: Session, explanation: Explanation, fill: object = None) -> list[Way]:
    """Return the ways in which parts of such inputs can be hidden, the one that the map's claim is about first.

    That is the baseline that the explanation records (the middle of its background, where that is several); 0, where
    the method adds up to what 0 gives; else the kind's own (an image is blurred). Images are also hidden by blur and by
    noisy linear imputation. Words of a text are taken out.

    Args:
        session: the call at work.
        explanation: whose claim it is.
        fill: a name, number or tensor as for baselines, in place of all of these.
    """
    kind, inputs = session.kind, session.inputs
    labels = None if explanation.segments is None else explanation.segments.long()
    if not inputs.is_floating_point():
        instead = _in_place_of_words(kind, inputs, explanation)
        return [Way(OWN, kind.called(instead, inputs), kind.hiding(inputs, Parts(labels, "tokens"), instead))]
    if not kind.axes(inputs):
        return []
    # A map's units are positions, also where it is one of segments; of steps and columns they are the map's own parts.
    parts = Parts(labels if explanation.over in ("steps", "features") else None, explanation.over)

    def way(name: str, values: Tensor, replacement: object) -> Way:
        return Way(name, kind.called(replacement, inputs), kind.hiding(inputs, parts, values[None]), values)

    if fill is not None:
        values, replacement = session.baseline(fill)
        return [way("as asked", values, replacement)]
    found = []
    method_baseline = _method_baseline(session, explanation)
    if method_baseline is not None:
        found.append(way(OWN, *method_baseline))
    usual = kind.absent(inputs)
    if method_baseline is None or (usual == "blur" and method_baseline[1] != usual):
        values, replacement = session.baseline(usual)
        found.append(way(usual, values, replacement))
    imputing = kind.imputing(inputs)
    return found if imputing is None else [*found, Way("imputation", "what its neighbors suggest", imputing)]


def distance_from_absent(model: Model, explanation: Explanation) -> Tensor | None:
    """Return how far each value of the inputs is from what an additive map takes for absent, (N, ...).

    None where the map claims no sum, is not over the inputs' own values, or has no such numbers.
    """
    inputs = explanation.inputs
    alike = isinstance(explanation.values, Tensor) and explanation.values.shape == inputs.shape
    if claim_of(explanation) != "additive" or not inputs.is_floating_point() or not alike:
        return None
    with model.explaining("distance", inputs, list(explanation.target)) as session:
        method_baseline = None if explained_layer(explanation) is not None else _method_baseline(session, explanation)
        return None if method_baseline is None else (session.inputs - method_baseline[0]).abs()


def _in_place_of_words(kind: Input, inputs: Tensor, explanation: Explanation) -> str:
    """Return what stands in place of hidden words: what the method put there, or what the kind takes for absent."""
    entry, replaced = all_methods().get(explanation.method), explanation.options.get("hide") or explanation.baseline
    if entry is None or not entry.needs_gradient:
        return str(replaced or "removed")
    return str(replaced) if replaced in ("mask", "removed") else kind.absent(inputs)


def _method_baseline(session: Session, explanation: Explanation) -> tuple[Tensor, object] | None:
    """Return what the method itself took for absent, (N, ...), and its name, or None where it has no such thing."""
    if explanation.options.get("run", {}).get("baseline_of") == "inputs":
        return _at_layer(session, explanation)
    kind, inputs, training = session.kind, session.inputs, explanation.options.get("background")
    if isinstance(training, dict):
        middle = TrainingSummary.load(training).middle(kind.names)
        return inputs.new_tensor(middle).expand_as(inputs), "its mean or most frequent category in training"
    if explanation.background is not None:
        rows = torch.stack([session.baseline(part)[0] for part in explanation.background.to(inputs)])
        return kind.middle(rows), "its baseline" if len(rows) == 1 else f"the middle of {len(rows)} rows of data"
    if isinstance(training, list | tuple):  # names of several baselines
        return kind.middle(session.background(training)[0]), f"the middle of {explanation.baseline}"
    if explanation.baseline == "segment_mean" and explanation.segments is not None:
        return segment_means(inputs, explanation.segments.long()), "the mean color of its segment"
    if explanation.baseline not in (None, "given", "data"):
        return session.baseline(explanation.baseline)
    if claim_of(explanation) == "additive" and "zero" in kind.baselines(inputs):
        return session.baseline("zero")
    return None


def _at_layer(session: Session, explanation: Explanation) -> tuple[Tensor, object] | None:
    """Return what a layer puts out for the baseline of the inputs, from which a path through it began."""
    inputs, kind = session.raw_inputs, session.model.input
    if session.layer is None or not inputs.is_floating_point():
        return None
    start_at = explanation.baseline if explanation.background is None else explanation.background[0].to(inputs)
    start = Session.over(session, inputs=kind.baseline(start_at, inputs)[0], made_from=None, layer=None)
    return LayerSession.of_layer(start, session.layer).inputs, "what the layer puts out for the baseline"
