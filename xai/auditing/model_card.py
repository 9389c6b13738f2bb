"""The model card of an audit: what the makers of a model say of it, and what the findings add to that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xai.model.card import ModelCard
from xai.results.finding import Finding

__all__ = ["declared_card", "filled_card"]

FOUND = {"failed": "fail", "to_look_at": "warn", "not_testable": "untestable"}  # lists of a card, by status


def filled_card(card: ModelCard, findings: Sequence[Finding], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model card as plain data: what its makers say, and beside it what an audit found.

    intended_use, out_of_scope, data: texts, "" where nobody said so. limits: the makers' own. audited_on: the rows.
    failed, to_look_at, not_testable: findings, each with its sentence. could_have_seen: by finding that holds, the
    smallest effect that it would have seen. not_told: what nobody said of the data, so that it was not tested.

    Args:
        card: What the makers say.
        findings: Of the audit.
        data: What the audit says of its data.
    """
    return {
        **{name: getattr(card, name) for name in ModelCard.__struct_fields__},
        "audited_on": {name: data[name] for name in ("name", "held_out", "train")},
        **{
            name: [{"check": item.check, "text": item.text} for item in findings if item.status == status]
            for name, status in FOUND.items()
        },
        "could_have_seen": {
            item.check: item.details["could_have_seen"] for item in findings if "could_have_seen" in item.details
        },
        "not_told": _not_told(findings, data),
    }


def declared_card(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the makers said of a filled card; {} of one that is empty."""
    return {name: card[name] for name in ModelCard.__struct_fields__ if name in card}


def _not_told(findings: Sequence[Finding], data: Mapping[str, Any]) -> list[str]:
    """Return what nobody said of the data, so that what follows from it was not tested."""
    made = {finding.check for finding in findings}
    chapters = {name.partition(".")[0] for name in made}
    known = {
        "who the rows are (protected columns or groups)": bool(data["protected"]) or "bias" not in chapters,
        "which rows it learned from": bool(data["train"]),
        "whose each row is (entity)": "performance.new_entities" in made or "performance" not in chapters,
        "when each row was (time)": "performance.latest" in made or "performance" not in chapters,
    }
    return [what for what, present in known.items() if not present]
