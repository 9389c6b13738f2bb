"""LIME for parts of any kind of input: parts are hidden, and a surrogate says what each contributed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Unpack

import torch
from torch import Tensor

from xai.base.errors import InputError, describe, names_errors
from xai.inputs.hiding import Hiding, masked_scores
from xai.inputs.parts import Parts
from xai.lime.neighborhood import fit_masks, note_fits
from xai.lime.rounds import Fitted
from xai.lime.settings import Settings, SurrogateSettings, read_settings
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["explain_parts", "lime_segments"]


@names_errors("lime_segments")
def lime_segments(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    segments: object = None,
    baseline: object = None,
    layer: str | None = None,
    **settings: Unpack[SurrogateSettings],
) -> Explanation:
    """Return one weight per part of an input of any kind: how much showing the part adds to the target.

    The kind of input says what its parts are and how one is hidden: segments of an image, columns of a table, steps of
    a series, or what a kind of your own calls its parts. `lime_image`, `lime_text`, `lime_series` and `lime_tabular`
    have the settings that their kinds of input know besides.

    Args:
        model: whose input is of any kind that has parts of numbers.
        inputs: a batch (N, ...), or another form that the kind takes.
        target: a class, one per row, or a pair; None for the predicted ones.
        segments: None for the kind's own parts, a name that it knows, or labels: the part of each position, any whole
            numbers, of one input or of each.
        baseline: what stands where a part is hidden, as for `occlusion`; None for what the kind takes for absent.
        layer: whose output to hide parts of in place of the inputs.
        settings: see `xai.lime.settings.SurrogateSettings`: samples, most_samples (5,000), top, confidence, surrogate,
            features, penalty, kernel_width (0.25 of cosine distance), of, seed, exact, batch_size.

    Returns:
        values: a list of (d,) per input, in units of `of`, with `standard_error` beside it (sampling only); `segments`
        holds the part of each position. Diagnostics as for `lime_image`.

    Raises:
        InputError, TargetError or NetworkError: for what cannot be explained so; texts have `lime_text`.

    Source: Ribeiro, Singh, Guestrin 2016, arXiv:1602.04938.

    >>> model = Model(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2)))
    >>> e = lime_segments(model, torch.rand(1, 6, 2), segments=[0, 0, 0, 1, 1, 1], samples=100)
    >>> e.values[0].shape, e.over
    (torch.Size([2]), 'segments')
    """
    fit, run = read_settings("lime_segments", SurrogateSettings, **settings)
    with model.explaining("lime_segments", inputs, target, layer=layer, scores_only=True, **run) as session:
        kind = session.kind
        if not session.inputs.is_floating_point() or not kind.axes(session.inputs):
            wanted = "inputs of numbers with parts; explain texts with lime_text, or at a layer"
            raise InputError("inputs", expected=wanted, got=describe(session.inputs))
        parts = kind.parts(session.inputs, segments, run["seed"])
        hidden, name = session.baseline(kind.absent(session.inputs) if baseline is None else baseline)
        hiding = kind.hiding(session.inputs, parts, hidden[None])
        chosen = {key: value for key, value in fit.options().items() if key != "engine"}
        options = {"baseline": name, "of": run["of"], **chosen}
        if parts.over == "segments":
            options["segments"] = parts.cut
        return explain_parts(session, "lime_segments", parts, hiding, fit, baseline=name, options=options)


def explain_parts(
    session: Session,
    method: str,
    parts: Parts,
    hiding: Hiding,
    settings: Settings,
    *,
    neighborhood: str = "half",
    original: Callable[[int], Fitted] | None = None,
    **fields: object,
) -> Explanation:
    """Fit a surrogate of each input over its parts, and return the explanation.

    Args:
        session: the call at work.
        method: its name.
        parts: those of the inputs.
        hiding: how they are hidden.
        settings: of the surrogate.
        neighborhood: "half" or "sizes", see `mask_distribution`.
        original: fits one row in place of ours, the library lime say.
        fields: what else the explanation holds.
    """
    counts = parts.counts()

    def fit(row: int) -> Fitted:
        number = torch.tensor([row], device=session.inputs.device)

        def answer(masks: Tensor) -> Tensor:
            return masked_scores(session, hiding, masks, number)[0]

        return fit_masks(counts[row], neighborhood, answer, settings, session.generator(row))

    fits = [(original or fit)(row) for row in range(len(session))]
    network = session.scores(session.inputs, session.rows).tolist()
    whole = [fitted.intercept + float(fitted.weights.sum()) for fitted in fits]
    names: Sequence = parts.names or [range(count) for count in counts]
    note_fits(session, fits, network, whole, names)
    errors = [fitted.standard_error.to(torch.float32) for fitted in fits if fitted.standard_error is not None]
    if parts.names:
        fields["row_names"] = parts.names
    if parts.over == "segments":
        fields["names"] = ()
    return session.explanation(
        method,
        [fitted.weights.to(torch.float32) for fitted in fits],
        parts.over,
        standard_error=errors or None,
        segments=parts.labels,
        **fields,
    )
