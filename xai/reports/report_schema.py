"""What the data of a report must look like before anything is made from them: a report may come from anybody."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from jinja2 import TemplateError

from xai.base.errors import FolderError
from xai.base.reading import as_kind
from xai.results.audit_result import AuditResult

__all__ = ["OF_THE_DATA", "check_audit", "check_page"]

CALLS = ("audit_report", "comparison_report", "model_report")
# What making or rendering a result from data of a right form, but a wrong content, ends in.
OF_THE_DATA = (ArithmeticError, AttributeError, LookupError, RecursionError, TemplateError, TypeError, ValueError)
Count = Annotated[int, msgspec.Meta(ge=0, le=10_000)]  # what a report asks for costs whoever checks it


class Request(msgspec.Struct):
    """What is asked for again: of an audit the first two, of a model the others."""

    call: str = ""
    raw_data: bool = False
    versions: dict[str, str] = {}
    methods: list[str] = []
    options: dict[str, dict[str, object]] = {}
    target: int | str | list[int | str | list[int | str]] | None = None
    examples: Count = 0
    layers: list[str] | None = None
    units: Count = 0
    steps: Count = 0
    size: Count | None = None
    seed: int = 0
    language: str = "en"
    weights: str = ""
    data: str | None = None
    images: str | None = None


class Page(msgspec.Struct, forbid_unknown_fields=True):
    """The data of a page."""

    toolkit: str
    title: str
    request: Request
    sections: dict[str, dict[str, object] | list[object] | None]
    sha256: str


class Provenance(msgspec.Struct):
    """The section of a report on a model that says how it was made."""

    facts: dict[str, object]
    origin: dict[str, object] | None = None


class Options(msgspec.Struct):
    """What an audit was asked for."""

    checks: list[str]
    rows: Annotated[int, msgspec.Meta(ge=0)]
    seed: int


class Data(msgspec.Struct):
    """What an audit says of its data."""

    protected: list[str] = []


class Compared(msgspec.Struct):
    """The models of a comparison."""

    a: dict[str, object] = msgspec.field(name="A")
    b: dict[str, object] = msgspec.field(name="B")
    replicas: list[object] = []


def check_page(plain: Any, path: str) -> dict:
    """Return the data of a page; raises FolderError where they are those of no report."""
    page = as_kind(plain, Page, path, wanted="a page with its numbers")
    if page.request.call not in CALLS:
        wanted = "one by xai audit or xai compare, or by xai report on images: other pages cannot be made again"
        raise FolderError("report", expected=wanted, got=path, operation="recheck")
    if page.request.call == "model_report":
        provenance = plain["sections"].get("provenance")
        as_kind(provenance, Provenance, f"{path}: provenance", wanted="what a report was made with")
    else:
        section = plain["sections"].get("audit")
        check_audit(section.get("audit") if isinstance(section, dict) else None, path)
    return plain


def check_audit(plain: Any, path: str) -> dict:
    """Return the data of an audit or a comparison; raises FolderError for others."""
    result = AuditResult.from_dict(plain)
    wanted = "a saved audit"
    as_kind(result.options, Options, f"{path}: options", wanted=wanted)
    as_kind(result.data, Data, f"{path}: data", wanted=wanted)
    if result.compared:
        as_kind(result.model, Compared, f"{path}: model", wanted=wanted)
    return plain
