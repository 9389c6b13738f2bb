"""A report held against the model and the data: its numbers are computed again, its visible text is rendered again."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path

from xai.auditing.audit_data import AuditData
from xai.auditing.differences import Difference, Recheck, differences_between
from xai.auditing.remake import remake, with_threads
from xai.base.errors import FolderError, InputError, XaiError, describe, names_errors
from xai.inputs.image_files import LabelledImages
from xai.model.model import Model
from xai.reports.audit_report import audit_report
from xai.reports.comparison_report import comparison_report
from xai.reports.model_recheck import remake_model_report
from xai.reports.page import sealed
from xai.results.audit_result import AuditResult

__all__ = ["read_report", "recheck", "visible_differences"]

CONTEXT = 30  # characters shown before a difference
SECONDS = re.compile(r'(?<=<th scope="row">seconds</th><td><code>)[^<]*')  # nobody can measure them again
DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.S)


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

    report: what `xai audit`, `xai compare` or `xai report` wrote (HTML, or the JSON of the first two). data, images:
    what it was made on. other, replicas: of a comparison, version B and the replicas of A, in their order; model is A.
    sample: the share of the checks (or methods) that are computed again; `chance` says how likely one altered number
    is caught. seed: of that draw, by default unforeseeable. tolerance: by how much a number may be off, as a share of
    it, where the report was made on another machine; 0 asks for the same bits.
    Raises FolderError for a file that is no report, InputError for data of another kind.

    What is compared: the weights, the rows, each number and word of the results, and the visible page, rendered again.
    Only how many seconds it took cannot be computed again; the page's checksum covers them, against a slip alone.
    """
    page, numbers = read_report(report)
    settings = {"sample": sample, "seed": seed, "tolerance": tolerance}
    if page is None:
        return _remade(AuditResult.from_dict(numbers), model, _audit_data(data), other, replicas, settings)
    call = numbers.get("request", {}).get("call")
    if call in ("audit_report", "comparison_report"):
        result = AuditResult.from_dict(numbers["sections"].get("audit", {}).get("audit"))
        found = _remade(result, model, _audit_data(data), other, replicas, settings)
        raw = bool(numbers["request"].get("raw_data"))
        again, visible = None, []
        if found.recomputed:
            again, visible = _rendered(page, result, model, other, data, raw, str(numbers.get("title")))
    elif call == "model_report":
        found, again = remake_model_report(numbers, model, data, images, **settings)
        visible = [] if again is None else visible_differences(SECONDS.sub("", page), SECONDS.sub("", again))
    else:
        raise FolderError("report", expected="one by xai audit or xai report", got=str(report))
    if not sealed(page):
        visible.append(Difference("page", "a checksum of other characters", "that of these"))
    covered = found.covered if again is None else (*found.covered, "visible page")
    return replace(found, differences=(*found.differences, *visible), covered=covered)


def _remade(
    result: AuditResult,
    model: Model,
    data: AuditData,
    other: Model | None,
    replicas: Sequence[Model],
    settings: dict,
) -> Recheck:
    """Return where an audit, or a comparison, comes out otherwise; raises InputError where a version is missing."""
    if not result.compared:
        return remake(result, [model], data, **settings)
    wanted = len(result.model.get("replicas", ()))
    if other is None or len(replicas) != wanted:
        given = f"{'no' if other is None else 'a'} version B and {len(replicas)} replicas"
        said = f"version B and {wanted} replicas of A, as the comparison had (--other, --replica)"
        raise InputError("other, replicas", expected=said, got=given, operation="recheck")
    return remake(result, [model, other, *replicas], data, **settings)


def _rendered(
    page: str, result: AuditResult, model: Model, other: Model | None, data: AuditData, raw_data: bool, title: str
) -> tuple[str | None, list[Difference]]:
    """Return the page of an audit rendered from the report's own results, and what on it is otherwise."""
    try:
        with with_threads(result.versions.get("threads")):
            about = {"raw_data": raw_data, "title": title}
            if result.compared:
                again = comparison_report(result, model, other, data, **about).html()
            else:
                again = audit_report(result, model, data, **about).html()
    except (XaiError, LookupError, TypeError, ValueError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        return None, [Difference("page", "as it is", f"its data cannot be rendered: {reason}")]
    return again, [*_data_differences(page, again), *visible_differences(page, again)]


def read_report(path: str | Path) -> tuple[str | None, dict]:
    """Return a report's page and its data, or None and the data of an audit's JSON; raises FolderError otherwise."""
    try:
        text = Path(path).read_bytes().decode()
        if text.lstrip().startswith("{"):
            return None, json.loads(text)
        found = DATA.findall(text)
        if len(found) != 1:
            raise FolderError("report", expected="a page with its numbers", got=str(path), operation="recheck")
        plain = json.loads(found[0])
    except (OSError, ValueError) as error:
        if isinstance(error, FolderError):
            raise
        raise FolderError("report", expected="a report that can be read", got=str(path), operation="recheck") from error
    if not isinstance(plain, dict) or not isinstance(plain.get("sections"), dict):
        raise FolderError("report", expected="a page with its numbers", got=str(path), operation="recheck")
    return text, plain


def visible_differences(page: str, again: str) -> list[Difference]:
    """Return the lines of a page, but for its data, that are not those of the page rendered again."""
    left, right = (DATA.sub("", text).splitlines() for text in (page, again))
    found = []
    for kind, first, last, start, stop in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        lines = range(first, max(last, first + 1))
        for number, said, rendered in zip_longest(lines, left[first:last], right[start:stop], fillvalue=""):
            place = f"page, line {(number or lines[-1]) + 1}"
            found.append(Difference(place, *_around(str(said), str(rendered))))
    return found


def _around(said: str, rendered: str) -> tuple[str, str]:
    """Return both lines from a little before where they part."""
    pairs = enumerate(zip_longest(said, rendered))
    start = max(0, next((place for place, (a, b) in pairs if a != b), 0) - CONTEXT)
    return said[start:], rendered[start:]


def _data_differences(page: str, again: str) -> list[Difference]:
    """Return what in the data is not what stands in it when it is written again; its checksum apart."""
    texts = [DATA.findall(text)[0] for text in (page, again)]
    left, right = ({**json.loads(text), "sha256": ""} for text in texts)
    found = list(differences_between(left, right, "data of the page"))
    if not found and texts[0].rpartition('"sha256"')[0] != texts[1].rpartition('"sha256"')[0]:
        found.append(Difference("data of the page", *_around(*texts)))
    return found


def _audit_data(data: object) -> AuditData:
    if not isinstance(data, AuditData):
        raise InputError(
            "data", expected="an AuditData for the report of an audit", got=describe(data), operation="recheck"
        )
    return data
