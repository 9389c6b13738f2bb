"""The model card: what the makers of a model say of it, for whoever signs off on its use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from xai.base.errors import FolderError, InputError, describe
from xai.base.reading import MEBIBYTE, as_kind, parse_toml, read_plain

__all__ = ["UNWRITTEN", "ModelCard", "read_card", "read_card_file"]

# What a model.toml without a card ends with, so that its reader knows what could stand there.
UNWRITTEN = """
# What an audit shows to whoever signs off, besides what it finds itself:
# [card]
# intended_use = "what it is for, and who uses it"
# out_of_scope = "what it must not be used for"
# data = "what it learned from, from where and when"
# limits = ["what is known to go wrong", "as many as there are"]
"""


class ModelCard(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True, frozen=True):
    """What the makers of a model say of it, after Mitchell et al. 2019, arXiv:1810.03993; "" where they say nothing.

    intended_use: what it is for, and for whom. out_of_scope: what it must not be used for. data: what it learned from,
    and when that was gathered. limits: what is known to go wrong, a sentence each.
    """

    intended_use: str = ""
    out_of_scope: str = ""
    data: str = ""
    limits: list[str] = []


def read_card(card: ModelCard | Mapping[str, object] | None) -> ModelCard:
    """Return a card from its fields by name; raises InputError for an unknown one, or one of another type.

    >>> read_card({"intended_use": "To sort mail."}).intended_use
    'To sort mail.'
    """
    if isinstance(card, ModelCard):
        return card
    if card is not None and not isinstance(card, Mapping):
        raise InputError("card", expected=f"a dict of {', '.join(ModelCard.__struct_fields__)}", got=describe(card))
    return as_kind(dict(card or {}), ModelCard, "card", error=InputError)


def read_card_file(path: str | Path) -> ModelCard:
    """Return the card in a TOML file that holds its fields; raises FolderError for anything else."""
    try:
        return parse_toml(read_plain(Path(path), "a TOML file", limit=MEBIBYTE), ModelCard, str(path))
    except FileNotFoundError as error:
        raise FolderError("card", expected="a TOML file", got=f"no file at {path}") from error
