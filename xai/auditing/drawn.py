"""Audit data that come one row at a time: which rows are kept, with the metadata of these rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xai.base.errors import InputError
from xai.inputs.base import Input
from xai.inputs.streams import draw_rows, is_stream

if TYPE_CHECKING:
    from xai.auditing.audit_data import AuditData

__all__ = ["drawn_fields"]

BESIDE = ("groups", "masks", "entity", "time", "weights")
BESIDE_TRAINING = ("train_groups", "train_entity", "train_time", "train_weights")


def drawn_fields(data: AuditData, most: int) -> dict[str, object]:
    """Return new values for the fields that come one row at a time; {} where none does.

    Metadata that were given for each row are kept for the same rows.
    """
    fields: dict[str, object] = {}
    if is_stream(data.inputs):
        drawn = draw_rows(data.inputs, most, Input(), argument="inputs")
        fields |= {"inputs": drawn.rows, "numbers": drawn.numbers, "total": drawn.total}
        fields["labels"] = drawn.labels if data.labels is None else drawn.beside(data.labels, "labels")
        fields |= {name: drawn.beside(getattr(data, name), name) for name in BESIDE}
    if is_stream(data.train):
        drawn = draw_rows(data.train, most, Input(), argument="train")
        if drawn.labels is None:
            raise InputError("train", expected="items (row, label)", got="rows without labels")
        fields |= {"train": (drawn.rows, drawn.labels), "train_numbers": drawn.numbers, "train_total": drawn.total}
        fields |= {name: drawn.beside(getattr(data, name), name) for name in BESIDE_TRAINING}
    return fields
