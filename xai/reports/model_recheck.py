"""An explanation report made again, or one of its parts, and compared number by number."""

from __future__ import annotations

import json
from collections.abc import Sequence

from xai.auditing.differences import Difference, Recheck, differences_between, numbers_in
from xai.auditing.remake import draw_parts, other_versions, with_threads
from xai.base.errors import FolderError, InputError, XaiError, describe
from xai.inputs.image_files import LabelledImages
from xai.model.folder import read_description
from xai.model.model import Model
from xai.reports.escape import script_json
from xai.reports.model_report import images_digest, model_report
from xai.reports.page import Report
from xai.reports.report_schema import OF_THE_DATA

__all__ = ["remake_model_report"]

EXPLANATIONS, UNITS = "explanations", "visualizations"
SETTINGS = ("methods", "options", "target", "examples", "layers", "units", "steps", "size", "seed")
TIMED = ("seconds",)
COUNTED = (*TIMED, "examples", "visualization")  # facts that say how much was made


def remake_model_report(
    numbers: dict,
    model: Model,
    data: LabelledImages | None,
    images: LabelledImages | None,
    *,
    sample: float,
    seed: int | None,
    tolerance: float,
) -> tuple[Recheck, str | None]:
    """Return what in the data of an explanation report comes out otherwise, and its page where all was made again.

    The parts of which a share is drawn are the explanations, whose evidence compares each with the others, and the
    visualizations, which are made in one batch. The rest (performance, facts, layers) is always made again.
    """
    for argument, given in (("data", data), ("images", images)):
        if given is not None and not isinstance(given, LabelledImages):
            raise InputError(
                argument, expected="LabelledImages for a report on images", got=describe(given), operation="recheck"
            )
    sections, request = numbers["sections"], numbers["request"]
    if "provenance" not in sections or any(name not in request for name in SETTINGS):
        raise FolderError(
            "report", expected="what it was made with", got="a report that does not say it", operation="recheck"
        )
    notes = other_versions(request.get("versions", {}))
    own = {"weights": model.digest(), "data": images_digest(data), "images": images_digest(images)}
    others = tuple(differences_between({name: request.get(name) for name in own}, own, "made from"))
    total = numbers_in(sections)
    if others:
        notes = (*notes, "the model or the images are others: nothing was computed again")
        return Recheck(others, total, 0, 1.0, (), tuple(own), notes), None
    parts = [name for name, section in ((EXPLANATIONS, "examples"), (UNITS, "units")) if section in sections]
    drawn = draw_parts(parts, sample, seed) if parts else []
    settings = {name: request[name] for name in SETTINGS} | {"target": _target(request["target"])}
    whole = drawn == parts
    if EXPLANATIONS not in drawn:
        settings, images = settings | {"examples": 0}, None
    if UNITS not in drawn:
        settings = settings | {"units": 0}
    try:
        with with_threads(request.get("versions", {}).get("threads")):
            about = {"title": str(numbers.get("title")), "origin": _origin(model, sections["provenance"])}
            made = model_report(model, data, images, **settings, **about)
    except (XaiError, *OF_THE_DATA) as error:
        reason = f"{type(error).__name__}: {error}"
        return Recheck((Difference("request", request, reason),), total, 0, 1.0, (), tuple(own), notes), None
    fresh = _plain(made)
    before, after = (
        (_timeless(sections, TIMED), _timeless(fresh["sections"], TIMED))
        if whole
        else (_part(sections, drawn), _part(fresh["sections"], drawn))
    )
    found = [*differences_between(before, after, "sections", tolerance)]
    if whole:
        heads = [{**plain, "sections": None, "sha256": None} for plain in (numbers, fresh)]
        found += differences_between(*heads, "data of the page")
    chance = len(drawn) / len(parts) if parts else 1.0
    check = Recheck(tuple(found), total, numbers_in(before), chance, tuple(drawn), (*own, "numbers"), notes)
    return check, made.html() if whole and tolerance == 0 else None


def _plain(report: Report) -> dict:
    """Return a report's data as it comes out of its page."""
    return json.loads(script_json(report.data()))


def _timeless(sections: dict, left_out: Sequence[str]) -> dict:
    provenance = sections["provenance"]
    facts = {name: value for name, value in provenance["facts"].items() if name not in left_out}
    return {**sections, "provenance": {**provenance, "facts": facts}}


def _part(sections: dict, drawn: Sequence[str]) -> dict:
    """Return of the sections what was made again."""
    kept = _timeless(sections, COUNTED)
    for part, section in ((EXPLANATIONS, "examples"), (UNITS, "units")):
        if part not in drawn:
            kept.pop(section, None)
    return kept


def _target(target: object) -> object:
    """Return a target as it was before JSON made lists of pairs."""
    return [tuple(item) if isinstance(item, list) else item for item in target] if isinstance(target, list) else target


def _origin(model: Model, provenance: dict) -> dict:
    """Return how the network came about as its folder says; the report's own word only where there is no folder."""
    said = provenance.get("origin") or {}
    return read_description(model.source).origin if said and model.source is not None else said
