"""The parts of an input that a method hides, what stands in their place, and what hiding one alone takes away."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xai.base.errors import InputError, describe
from xai.inputs.hiding import Hiding, masked_scores
from xai.inputs.parts import Parts
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["absent_parts", "occluded_parts", "parts_of", "scores_under"]


def parts_of(session: Session, segments: object, channels: str = "together") -> Parts:
    """Return the parts that the inputs are cut into: of texts each word where it stands.

    channels: of a series, "apart" where each channel of a window is a part of its own.
    """
    kind, inputs = session.kind, session.inputs
    if not kind.axes(inputs):
        wanted = "images, volumes, rows, series or texts; other numbers have no parts that one could hide"
        raise InputError("inputs", expected=wanted, got=describe(inputs))
    if channels != "together":
        return kind.parts(inputs, (segments, channels), session.seed or 0)
    how = segments if inputs.is_floating_point() else ("words" if segments is None else segments, "position")
    return kind.parts(inputs, how, session.seed or 0)


def absent_parts(session: Session, chosen: object, argument: str = "baseline") -> tuple[Any, str | float]:
    """Return what stands where a part is hidden, for `Input.hiding`, and its name.

    Args:
        session: The call at work.
        chosen: A name, number, tensor or several of those; of texts "mask", "removed" or a string. None is "zero", or
            what a text has for it.
        argument: What an error calls it.
    """
    if session.inputs.is_floating_point():
        return session.background("zero" if chosen is None else chosen)
    if chosen is None:
        chosen = session.kind.absent(session.inputs)
    if not isinstance(chosen, str):
        wanted = "of texts 'mask', 'removed' or a string in place of a word"
        raise InputError(argument, expected=wanted, got=describe(chosen))
    return chosen, chosen


def scores_under(session: Session, hiding: Hiding, masks: Tensor, rows: Tensor) -> Tensor:
    """Return the score of each row under each mask, (R, S); of texts one after the other, as they differ in length."""
    if not len(masks):
        return torch.zeros(len(rows), 0, dtype=torch.float64, device=rows.device)
    groups = [rows] if session.inputs.is_floating_point() else rows.split(1)
    return torch.cat([masked_scores(session, hiding, masks, group, once=False) for group in groups])


def occluded_parts(
    session: Session, segments: object, baseline: object, of: str, channels: str = "together"
) -> Explanation:
    """Return by how much the output falls when each part alone is hidden."""
    parts = parts_of(session, segments, channels)
    if session.inputs.is_floating_point():
        reference, name = session.baseline("zero" if baseline is None else baseline)
        hiding = session.kind.hiding(session.inputs, parts, reference[None])
    else:
        hidden, name = absent_parts(session, baseline)
        hiding = session.kind.hiding(session.inputs, parts, hidden)
    full, values = session.scores(session.inputs, session.rows), []
    for row, count in zip(session.rows.split(1), parts.counts(), strict=True):
        alone = ~torch.eye(count, dtype=torch.bool, device=session.inputs.device)
        fall = full[row, None] - masked_scores(session, hiding, alone, row, once=False)
        values.append(fall[0].to(torch.float32 if session.inputs.dtype != torch.float64 else torch.float64))
    options: dict[str, object] = {"of": of, "baseline": name}
    if parts.cut != "groups":
        options["segments"] = parts.cut
    elif segments is not None:  # of the caller; those of the input need no words
        options["segments"] = segments
    if parts.over == "steps":
        options |= {"segments": segments if isinstance(segments, int | None) else parts.cut, "channels": channels}
    fields: dict[str, Any] = {"row_names": parts.names} if parts.names else {}
    if parts.over == "segments":
        fields["names"] = ()  # those of columns are not those of segments
    return session.explanation(
        "occlusion", values, parts.over, segments=parts.labels, baseline=name, options=options, **fields
    )
