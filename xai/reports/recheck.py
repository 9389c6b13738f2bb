"""A report held against the model and the data: its numbers are computed again, its visible text is rendered again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar

from xai.auditing.audit_data import AuditData
from xai.auditing.differences import Difference, Recheck, differences_between, numbers_in
from xai.auditing.remake import draw_parts, other_versions, remake, with_threads
from xai.base.errors import FolderError, InputError, XaiError, describe, describe_error, names_errors
from xai.base.reading import MEBIBYTE, parse_json, read_plain
from xai.inputs.image_files import LabelledImages
from xai.model.folder import read_description
from xai.model.model import Model
from xai.reports.escape import script_json
from xai.reports.page import sealed
from xai.reports.presets.audit import audit_report, comparison_report
from xai.reports.presets.images import ImageSettings, model_report
from xai.reports.provenance import images_digest
from xai.reports.report_schema import OF_THE_DATA, check_audit, check_page
from xai.results.audit_result import AuditResult

__all__ = ["read_report", "recheck", "visible_differences"]

LARGEST = 256 * MEBIBYTE
CONTEXT = 30  # characters shown before a difference
DATA = re.compile(r'<script type="application/json" id="(?:page-)?data">(.*?)</script>', re.S)
CLOSE = "</script>"
SECONDS = re.compile(r'(?<=<th scope="row">seconds</th><td><code>)[^<]*')
NOT_REPEATED = ("seconds",)  # nobody can measure them again
COUNTED = (*NOT_REPEATED, "examples", "visualization")  # facts that say how much was made
# What a share is drawn of: the explanations, whose evidence compares each with the others, and the visualizations,
# which are made in one batch. By part: its section, and the settings that leave it out.
PARTS = {"explanations": ("examples", {"examples": 0}), "visualizations": ("units", {"units": 0})}


Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Arguments:
    """What a report is held against, and how: the arguments of `recheck`."""

    model: Model
    data: AuditData | LabelledImages | None
    images: LabelledImages | None
    other: Model | None
    replicas: Sequence[Model]
    sample: float
    seed: int | None
    tolerance: float

    @property
    def settings(self) -> dict[str, Any]:
        return {"sample": self.sample, "seed": self.seed, "tolerance": self.tolerance}


@names_errors("recheck")
def recheck(
    report: str | Path,
    model: Model,
    data: AuditData | LabelledImages | None = None,
    *,
    images: LabelledImages | None = None,
    other: Model | None = None,
    replicas: Sequence[Model] = (),
    sample: float = 1.0,
    seed: int | None = None,
    tolerance: float = 0.0,
) -> Recheck:
    """Return what in a report is not as the model and the data say; nothing in it is trusted but what it was asked for.

    What is compared: the weights, the rows, each number and word of the results, and the visible page, rendered again.
    Only how many seconds it took cannot be computed again; the page's checksum covers them, against a slip alone.

    Args:
        report: What `xai audit`, `xai compare` or `xai report` wrote (HTML, or the JSON of the first two).
        model: The model; version A of a comparison.
        data: What the report was made on.
        images: The images that a report on images was given besides.
        other: Version B of a comparison.
        replicas: The replicas of A, in their order.
        sample: The share of the checks (or parts) that are computed again; `chance` says how likely one altered number
            is caught.
        seed: Of that draw, by default unforeseeable.
        tolerance: By how much a number may be off, as a share of it, where the report was made on another machine; 0
            asks for the same bits.

    Returns:
        The differences, none where the report holds.

    Raises:
        FolderError: The file is not a report.
        InputError: The data are of another kind.
    """
    arguments = Arguments(model, data, images, other, replicas, sample, seed, tolerance)
    page, numbers = read_report(report)
    if page is None:
        return _audit_again(AuditResult.from_dict(numbers), arguments)
    found, visible = REMAKES[numbers["request"]["call"]](page, numbers, arguments)
    covered = found.covered if visible is None else (*found.covered, "visible page")
    visible = visible or []
    if not sealed(page):
        visible.append(Difference("page", "a checksum of other characters", "that of these"))
    return replace(found, differences=(*found.differences, *visible), covered=covered)


def read_report(path: str | Path) -> tuple[str | None, dict]:
    """Return a report's page and its data, or None and the data of an audit's JSON; raises FolderError otherwise."""
    try:
        text = read_plain(path, "a report that can be read", limit=LARGEST, argument="report").decode()
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise FolderError("report", expected="a report that can be read", got=str(path)) from error
    if text.lstrip().startswith("{"):
        return None, check_audit(parse_json(text, str(path)), str(path))
    found = DATA.findall(_to_the_last_script(text)[0])
    if len(found) != 1:
        raise FolderError("report", expected="a page with its numbers", got=str(path))
    return text, check_page(parse_json(found[0], str(path)), str(path))


def _audit_page(page: str, numbers: dict, arguments: Arguments) -> tuple[Recheck, list[Difference] | None]:
    """Make an audit or a comparison again, and render the page from the report's own results."""
    result = AuditResult.from_dict(numbers["sections"]["audit"]["audit"])
    found = _audit_again(result, arguments)
    if not found.recomputed:
        return found, None
    about: dict[str, Any] = {"raw_data": bool(numbers["request"].get("raw_data")), "title": str(numbers.get("title"))}
    about["language"] = str(numbers["request"].get("language", "en"))
    try:
        with with_threads(result.versions.get("threads")):
            if result.compared:
                versions = arguments.model, arguments.other
                again = comparison_report(result, *versions, _audit_data(arguments), **about).html()
            else:
                again = audit_report(result, arguments.model, _audit_data(arguments), **about).html()
    except (XaiError, *OF_THE_DATA) as error:
        reason = describe_error(error)
        lost = [Difference("page", "as it is", f"its data cannot be rendered: {reason}")]
        return replace(found, differences=(*found.differences, *lost)), None
    return found, [*_data_differences(page, again), *visible_differences(page, again)]


def _audit_again(result: AuditResult, arguments: Arguments) -> Recheck:
    """Return where an audit, or a comparison, comes out otherwise; raises InputError where a version is missing."""
    data = _audit_data(arguments)
    if not result.compared:
        return remake(result, [arguments.model], data, **arguments.settings)
    wanted, replicas = len(result.model.get("replicas", ())), arguments.replicas
    if arguments.other is None or len(replicas) != wanted:
        got = f"{'no' if arguments.other is None else 'a'} version B and {len(replicas)} replicas"
        expected = f"version B and {wanted} replicas of A, as the comparison had (--other, --replica)"
        raise InputError("other, replicas", expected=expected, got=got)
    return remake(result, [arguments.model, arguments.other, *replicas], data, **arguments.settings)


def _image_page(page: str, numbers: dict, arguments: Arguments) -> tuple[Recheck, list[Difference] | None]:
    """Make an explanation report again, or some of its parts; the rest (performance, facts, layers) is always made."""
    wanted = "LabelledImages for a report on images"
    data = None if arguments.data is None else _of_kind("data", arguments.data, LabelledImages, wanted)
    images = None if arguments.images is None else _of_kind("images", arguments.images, LabelledImages, wanted)
    sections, request = numbers["sections"], numbers["request"]
    try:
        asked, provenance = ImageSettings.from_request(request), sections["provenance"]
    except KeyError as error:
        got = "a report that does not say it"
        raise FolderError("report", expected="what it was made with", got=got) from error
    model = arguments.model
    notes = other_versions(request.get("versions", {}))
    digests = {"weights": model.digest(), "data": images_digest(data), "images": images_digest(images)}
    others = tuple(differences_between({name: request.get(name) for name in digests}, digests, "made from"))
    total = numbers_in(sections)
    if others:
        notes = (*notes, "the model or the images are others: nothing was computed again")
        return Recheck(others, total, 0, 1.0, (), tuple(digests), notes), None
    parts = [part for part, (section, _) in PARTS.items() if section in sections]
    drawn = draw_parts(parts, arguments.sample, arguments.seed) if parts else []
    left_out = [part for part in PARTS if part not in drawn]
    for part in left_out:
        asked = replace(asked, **PARTS[part][1])
    images = None if "explanations" in left_out else images
    try:
        with with_threads(request.get("versions", {}).get("threads")):
            origin = _origin(model, provenance)
            made = model_report(model, data, images, **asked.request(), title=str(numbers.get("title")), origin=origin)
    except (XaiError, *OF_THE_DATA) as error:
        reason = describe_error(error)
        return Recheck((Difference("request", request, reason),), total, 0, 1.0, (), tuple(digests), notes), None
    fresh, whole = json.loads(script_json(made.data())), drawn == parts
    before, after = (_comparable(item["sections"], [] if whole else left_out, whole) for item in (numbers, fresh))
    found = [*differences_between(before, after, "sections", arguments.tolerance)]
    if whole:
        heads = [{**plain, "sections": None, "sha256": None} for plain in (numbers, fresh)]
        found += differences_between(heads[0], heads[1], "data of the page")
    chance = len(drawn) / len(parts) if parts else 1.0
    check = Recheck(tuple(found), total, numbers_in(before), chance, tuple(drawn), (*digests, "numbers"), notes)
    if not whole or arguments.tolerance > 0:
        return check, None
    return check, visible_differences(SECONDS.sub("", page), SECONDS.sub("", made.html()))


# By the call that a report names: how it is made again.
REMAKES: dict[str, Callable[[str, dict, Arguments], tuple[Recheck, list[Difference] | None]]] = {
    "audit_report": _audit_page,
    "comparison_report": _audit_page,
    "model_report": _image_page,
}


def _comparable(sections: dict, left_out: Sequence[str], whole: bool) -> dict:
    """Return of the sections what can be made again, without the parts that were not."""
    gone = {PARTS[part][0] for part in left_out}
    provenance, unsaid = sections["provenance"], NOT_REPEATED if whole else COUNTED
    facts = {name: value for name, value in provenance["facts"].items() if name not in unsaid}
    kept = {name: section for name, section in sections.items() if name not in gone}
    return {**kept, "provenance": {**provenance, "facts": facts}}


def _origin(model: Model, provenance: dict) -> dict:
    """Return how the network came about as its folder says; the report's own word only where there is no folder."""
    reported = provenance.get("origin") or {}
    return read_description(model.source).origin if reported and model.source is not None else reported


def _audit_data(arguments: Arguments) -> AuditData:
    return _of_kind("data", arguments.data, AuditData, "an AuditData for the report of an audit")


def _of_kind(argument: str, value: object, kind: type[Kind], wanted: str) -> Kind:
    if not isinstance(value, kind):
        raise InputError(argument, expected=wanted, got=describe(value))
    return value


def _to_the_last_script(text: str) -> tuple[str, str]:
    """Return a page up to the end of its last script, and the rest.

    Where scripts begin and never end, `DATA` would look for the end of each in all that follows.
    """
    end = text.rfind(CLOSE)
    end = 0 if end < 0 else end + len(CLOSE)
    return text[:end], text[end:]


def _without_data(text: str) -> str:
    whole, rest = _to_the_last_script(text)
    return DATA.sub("", whole) + rest


def visible_differences(page: str, again: str) -> list[Difference]:
    """Return the lines of a page, but for its data, that are not those of the page rendered again."""
    left, right = (_without_data(text).splitlines() for text in (page, again))
    found = []
    for kind, first, last, start, stop in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        lines = range(first, max(last, first + 1))
        for number, reported, rendered in zip_longest(lines, left[first:last], right[start:stop], fillvalue=""):
            where = f"page, line {(number or lines[-1]) + 1}"
            found.append(Difference(where, *_around(str(reported), str(rendered))))
    return found


def _around(reported: str, rendered: str) -> tuple[str, str]:
    """Return both lines from a little before where they part."""
    pairs = enumerate(zip_longest(reported, rendered))
    start = max(0, next((index for index, (a, b) in pairs if a != b), 0) - CONTEXT)
    return reported[start:], rendered[start:]


def _data_differences(page: str, again: str) -> list[Difference]:
    """Return what in the data is not what stands in it when it is written again; its checksum apart."""
    texts = [DATA.findall(_to_the_last_script(text)[0])[0] for text in (page, again)]
    left, right = ({**json.loads(text), "sha256": ""} for text in texts)
    found = list(differences_between(left, right, "data of the page"))
    if not found and texts[0].rpartition('"sha256"')[0] != texts[1].rpartition('"sha256"')[0]:
        found.append(Difference("data of the page", *_around(*texts)))
    return found
