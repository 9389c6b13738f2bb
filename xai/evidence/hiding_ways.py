"""The ways to hide parts of an input in which a map is put to the test: what "absent" means is said, not assumed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from xai.evidence.claims import claim_of
from xai.evidence.map_scores import explained_layer
from xai.inputs.base import Input
from xai.inputs.hiding import Hiding, InTurn
from xai.inputs.parts import Parts
from xai.lime.image import segment_means
from xai.lime.table_samples import TableSamples
from xai.lime.training_summary import TrainingSummary
from xai.methods import all_methods
from xai.model.layer_session import LayerSession
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["OWN", "Way", "difference_from_absent", "ways_of_hiding"]

OWN = "the method's own baseline"
AT_ONCE = 8  # of many baselines that stand in turn where parts are hidden, under each set
SAMPLES = 64  # of LIME's that say what stands where a column does not match


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


def ways_of_hiding(
    session: Session, explanation: Explanation, fill: object = None, *, in_turn: bool = False
) -> list[Way]:
    """Return the ways in which parts of such inputs can be hidden, the one that the map's claim is about first.

    That is the baseline that the explanation records, the middle of several; 0, where the method adds up to what 0
    gives; else the kind's own (an image is blurred). Images are also hidden by blur and by noisy linear imputation.
    Words of a text are taken out.

    Args:
        session: the call at work.
        explanation: whose claim it is.
        fill: a name, number or tensor as for baselines, in place of all of these.
        in_turn: of several baselines, such as rows of data, not their middle but eight at a time, others under each
            set, as evenly as the sets allow; of LIME on a table what its samples have where they do not match the row.
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

    def way(name: str, baselines: Tensor, replacement: object) -> Way:
        hiding = InTurn.of(kind.hiding(inputs, parts, baselines), AT_ONCE)
        absent = baselines[0] if len(baselines) == 1 else kind.middle(baselines)
        return Way(name, kind.called(replacement, inputs), hiding, absent)

    if fill is not None:
        values, replacement = session.baseline(fill)
        return [way("as asked", values[None], replacement)]
    found = []
    method_baseline = _method_baseline(session, explanation, in_turn=in_turn)
    if method_baseline is not None:
        found.append(way(OWN, *method_baseline))
    usual = kind.absent(inputs)
    if method_baseline is None or (usual == "blur" and method_baseline[1] != usual):
        values, replacement = session.baseline(usual)
        found.append(way(usual, values[None], replacement))
    imputing = kind.imputing(inputs)
    return found if imputing is None else [*found, Way("imputation", "what its neighbors suggest", imputing)]


def difference_from_absent(model: Model, explanation: Explanation) -> Tensor | None:
    """Return the inputs minus what an additive map takes for absent, (N, ...): of several baselines their middle.

    None where the map claims no sum, is not over the inputs' own values, or has no such numbers.
    """
    inputs = explanation.inputs
    alike = all(values.shape == inputs.shape[1:] for values in explanation.values)
    if claim_of(explanation) != "additive" or not inputs.is_floating_point() or not alike:
        return None
    with model.explaining("distance", inputs, list(explanation.target)) as session:
        method_baseline = None if explained_layer(explanation) is not None else _method_baseline(session, explanation)
        return None if method_baseline is None else session.inputs - method_baseline[0][0]


def _in_place_of_words(kind: Input, inputs: Tensor, explanation: Explanation) -> str:
    """Return what stands in place of hidden words: what the method put there, or what the kind takes for absent."""
    entry, replaced = all_methods().get(explanation.method), explanation.options.get("hide") or explanation.baseline
    if entry is None or not entry.needs_gradient:
        return str(replaced or "removed")
    return str(replaced) if replaced in ("mask", "removed") else kind.absent(inputs)


def _method_baseline(
    session: Session, explanation: Explanation, *, in_turn: bool = False
) -> tuple[Tensor, object] | None:
    """Return what the method itself took for absent, (B, N, ...), and its name, or None where it has no such thing.

    in_turn: of several that it took, all of them; else their middle.
    """
    if explanation.options.get("run", {}).get("baseline_of") == "inputs":
        return _at_layer(session, explanation)
    kind, inputs, training = session.kind, session.inputs, explanation.options.get("background")
    if isinstance(training, dict):
        return _in_training(TrainingSummary.load(training), inputs, kind.names, in_turn=in_turn)
    rows, name = None, ""
    if explanation.background is not None:
        rows = torch.stack([session.baseline(part)[0] for part in explanation.background.to(inputs)])
        name = f"{len(rows)} rows of data"
    elif isinstance(training, list | tuple):  # names of several baselines
        rows, name = session.background(training)[0], str(explanation.baseline)
    if rows is not None and len(rows) == 1:
        return rows, "its baseline"
    if rows is not None:
        return (rows, f"{name}, in turn") if in_turn else (kind.middle(rows)[None], f"the middle of {name}")
    if explanation.baseline == "segment_mean" and explanation.segments is not None:
        return segment_means(inputs, explanation.segments.long())[None], "the mean color of its segment"
    named = None
    if explanation.baseline not in (None, "given", "data"):
        named = session.baseline(explanation.baseline)
    elif claim_of(explanation) == "additive" and "zero" in kind.baselines(inputs):
        named = session.baseline("zero")
    return None if named is None else (named[0][None], named[1])


def _in_training(
    training: TrainingSummary, inputs: Tensor, names: Sequence[str], *, in_turn: bool
) -> tuple[Tensor, str]:
    """Return what LIME's samples have in each column where they do not match a row, (B, N, columns), and its name.

    A weight says what matching is worth, so that a sample which matches hides nothing. It is the middle of the training
    rows where that is asked, where columns stand in groups, and where weights are slopes of numbers.
    """
    if not in_turn or training.bins is None or any(column.parts for column in training.columns):
        middle = inputs.new_tensor(training.middle(names))
        return middle.expand_as(inputs)[None], "its mean or most frequent category in training"
    samples = TableSamples(training, inputs)
    drawn = samples.draw(1, SAMPLES // 2, torch.Generator().manual_seed(0))
    cells, codes = drawn.cells[0].to(inputs), drawn.codes[0]  # (columns, n)
    other = codes[None] != samples.own[:, :, None]  # (N, columns, n)
    # Those that do not match, one after the other and again; a column that always matches keeps its value.
    first = other.to(torch.uint8).argsort(dim=-1, stable=True, descending=True)
    count = other.sum(-1, keepdim=True)
    taken = first.gather(-1, torch.arange(SAMPLES).expand_as(first) % count.clamp_min(1))
    found = cells.expand(len(inputs), -1, -1).gather(-1, taken.to(inputs.device))
    found = torch.where(count.to(inputs.device) > 0, found, inputs[:, :, None])
    return found.permute(2, 0, 1), "what its samples have where they do not match the row"


def _at_layer(session: Session, explanation: Explanation) -> tuple[Tensor, object] | None:
    """Return what a layer puts out for the baseline of the inputs, from which a path through it began."""
    inputs, kind = session.raw_inputs, session.model.input
    if session.layer is None or not inputs.is_floating_point():
        return None
    start_at = explanation.baseline if explanation.background is None else explanation.background[0].to(inputs)
    start = Session.over(session, inputs=kind.baseline(start_at, inputs)[0], made_from=None, layer=None)
    return LayerSession.of_layer(start, session.layer).inputs[None], "what the layer puts out for the baseline"
