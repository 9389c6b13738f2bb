"""A report in which one number was altered is caught, and a model in which one weight was; the untouched one holds."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

import xai
from tests.auditing.test_audit import table_data, table_model
from tests.model.test_hostile_results import spoiled
from xai.auditing.audit_data import AuditData
from xai.auditing.differences import Recheck, differences_between, numbers_in
from xai.base.errors import FolderError, InputError, XaiError
from xai.reports.escape import script_json
from xai.reports.page import seal, sealed
from xai.reports.presets.audit import audit_report
from xai.reports.recheck import DATA, recheck, visible_differences
from xai.reports.report_schema import check_page

CHECKS = ["performance", "calibration"]


def audited(frame: pd.DataFrame) -> AuditData:
    train = table_data(seed=1)
    return AuditData(frame, frame["label"], train=(train, train["label"]))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the report of an audit."""
    result = xai.audit(table_model(), audited(table_data()), CHECKS)
    return audit_report(result, table_model(), audited(table_data())).html()


def altered(page: str, change: Callable[[dict], object]) -> str:
    """Return a page whose data were changed, sealed anew as a forger would."""
    text = DATA.findall(page)[0]
    plain = json.loads(text)
    change(plain)
    plain["sha256"] = "0" * 64
    return seal(page.replace(text, script_json(plain)))


def rewritten(page: str, change: Callable[[dict], object]) -> str:
    """Return the page that an honest rendering of changed findings would be: the best forgery there is."""
    plain = json.loads(DATA.findall(page)[0])["sections"]["audit"]["audit"]
    change(plain)
    if plain["findings"][0]["details"].get("worst", [0])[0] == 10**6:
        return altered(page, lambda whole: change(audit_of(whole)))
    return audit_report(xai.AuditResult.from_dict(plain), table_model(), audited(table_data())).html()


def checked(page: str, tmp_path: Path, **changes: object) -> Recheck:
    file = tmp_path / "report.html"
    file.write_text(page)
    given = {"model": table_model(), "data": audited(table_data()), **changes}
    return recheck(file, given.pop("model"), given.pop("data"), **given)


def audit_of(plain: dict) -> dict:
    return plain["sections"]["audit"]["audit"] if "sections" in plain else plain


def places(value: object, path: tuple = ()) -> list[tuple]:
    """Return the path to every number of plain data."""
    if isinstance(value, dict | list):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        return [place for name, item in parts for place in places(item, (*path, name))]
    return [path] if isinstance(value, int | float) and not isinstance(value, bool) else []


def put(plain: dict, path: tuple, change: Callable) -> None:
    for name in path[:-1]:
        plain = plain[name]
    plain[path[-1]] = change(plain[path[-1]])


def test_an_untouched_report_holds(page: str, tmp_path: Path) -> None:
    found = checked(page, tmp_path)
    assert found.differences == ()
    assert found.chance == 1.0
    assert found.numbers == found.recomputed > 100
    assert "visible page" in found.covered
    result = json.loads(DATA.findall(page)[0])["sections"]["audit"]["audit"]
    xai.AuditResult.from_dict(result).save(tmp_path / "audit.json")
    assert recheck(tmp_path / "audit.json", table_model(), audited(table_data())).passed


def test_every_number_of_the_findings_is_compared(page: str) -> None:
    """Each number, altered by one unit in its last place, is one difference at its own place."""
    plain = audit_of(json.loads(DATA.findall(page)[0]))
    for path in places(plain["findings"]):
        other = json.loads(json.dumps(plain["findings"]))
        put(other, path, lambda value: value + 1 if isinstance(value, int) else value * (1 + 2**-51) + 1e-300)
        found = list(differences_between(other, plain["findings"]))
        assert len(found) == 1, path
        assert str(path[-1]).lstrip("0") in found[0].where or path[-1] == 0


KINDS: dict[str, Callable[[dict], object]] = {
    "score": lambda plain: put(plain, ("findings", 0, "score"), lambda value: value + 1e-12),
    "interval": lambda plain: put(plain, ("findings", 0, "details", "interval", 1), lambda value: value + 1e-9),
    "threshold": lambda plain: put(plain, ("findings", 1, "threshold"), lambda value: value / 2),
    "table": lambda plain: put(plain, ("findings", 0, "details", "tables", 0, "rows", 1, "value"), lambda value: 0.01),
    "curve": lambda plain: put(plain, ("findings", 3, "details", "panels", 0, "series", 0, "y", 0), lambda value: 0.5),
    "a row that is none": lambda plain: put(plain, ("findings", 0, "details", "worst", 0), lambda value: 10**6),
    "status": lambda plain: put(plain, ("findings", 0, "status"), lambda value: "warn"),
    "sentence": lambda plain: put(plain, ("findings", 0, "text"), lambda value: "All is well."),
    "weights": lambda plain: put(plain, ("model", "weights"), lambda value: "0" * 64),
    "rows held out": lambda plain: put(plain, ("data", "held_out"), lambda value: value + 1),
    "rows given": lambda plain: put(plain, ("data", "total", "train"), lambda value: value + 1),
    "seed": lambda plain: put(plain, ("options", "seed"), lambda value: 1),
    "rows": lambda plain: put(plain, ("options", "rows"), lambda value: 100),
    "checks": lambda plain: put(plain, ("options", "checks", 0), lambda value: "luck"),
    "a finding gone": lambda plain: plain["findings"].pop(2),
    "another order": lambda plain: plain["findings"].reverse(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_altered_number_is_caught_even_where_the_page_agrees(kind: str, page: str, tmp_path: Path) -> None:
    forged = rewritten(page, KINDS[kind])
    assert sealed(forged)
    found = checked(forged, tmp_path)
    assert not found.passed
    assert all(len(str(item).splitlines()) == 1 for item in found.differences)


@pytest.mark.parametrize("kind", ["curve", "interval", "rows"])
def test_a_number_altered_in_the_data_alone_is_caught(kind: str, page: str, tmp_path: Path) -> None:
    assert not checked(altered(page, lambda plain: KINDS[kind](audit_of(plain))), tmp_path).passed


def test_a_number_altered_in_the_visible_page_alone_is_caught(page: str, tmp_path: Path) -> None:
    body = DATA.sub("", page)
    numbers = [found.start() for found in re.finditer(r"(?<=[> ])\d+\.?\d*(?= %|<| to|;|\))", body)]
    assert len(numbers) > 100
    for place in numbers[:: len(numbers) // 6]:
        where = page.index(body[place : place + 60])
        digit = "7" if page[where] != "7" else "3"
        forged = page[:where] + digit + page[where + 1 :]
        assert not sealed(forged)
        again = seal(forged.replace(json.loads(DATA.findall(page)[0])["sha256"], "0" * 64))
        assert sealed(again)
        found = checked(again, tmp_path)
        assert [item.where.partition(",")[0] for item in found.differences] == ["page"]


def test_what_cannot_be_computed_again_is_covered_by_the_checksum(page: str, tmp_path: Path) -> None:
    seconds = audit_of(json.loads(DATA.findall(page)[0]))["seconds"]["performance"]
    slip = page.replace(json.dumps(seconds), json.dumps(seconds + 1e-6))
    assert [item.where for item in checked(slip, tmp_path).differences] == ["page"]
    policy = page.replace("default-src &#39;none&#39;", "default-src *")
    assert policy != page
    assert not checked(policy, tmp_path).passed
    assert not checked(page + "\n", tmp_path).passed


def test_one_other_weight_row_or_label_is_caught(page: str, tmp_path: Path) -> None:
    model = table_model()
    with torch.no_grad():
        model.network.weight[1, 0].mul_(1 + 2**-22)
    found = checked(page, tmp_path, model=model)
    assert found.differences[0].where == "model / weights"
    assert found.recomputed == 0
    frame = table_data()
    frame.loc[7, "size"] += 1e-6
    assert [item.where for item in checked(page, tmp_path, data=audited(frame)).differences][-1] == "data / digest"
    frame = table_data()
    frame.loc[7, "label"] = "no" if frame.loc[7, "label"] == "yes" else "yes"
    assert "data / digest" in [item.where for item in checked(page, tmp_path, data=audited(frame)).differences]


def test_a_sample_catches_as_often_as_it_says(page: str, tmp_path: Path) -> None:
    """One number of the second check is altered; half of the checks are drawn: it is caught in half of the draws."""
    forged = rewritten(page, lambda plain: put(plain, ("findings", 3, "score"), lambda value: value + 1e-6))
    caught = []
    for seed in range(12):
        found = checked(forged, tmp_path, sample=0.5, seed=seed)
        assert found.chance == 0.5
        assert len(found.parts) == 1
        assert found.recomputed < found.numbers
        caught.append(not found.passed)
        assert caught[-1] == (found.parts == ("calibration",))
    assert 2 <= sum(caught) <= 10  # 6 expected, spread 1.7
    assert checked(page, tmp_path, sample=0.5).passed
    with pytest.raises(InputError, match="sample"):
        checked(page, tmp_path, sample=1.5)


def test_a_report_without_raw_data_holds(tmp_path: Path) -> None:
    result = xai.audit(table_model(), audited(table_data()), ["complexity"])
    report = audit_report(result, table_model(), audited(table_data()), raw_data=False)
    assert checked(report.html(), tmp_path).passed


def test_threads_are_as_in_the_report_and_put_back(page: str, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    forged = rewritten(page, lambda plain: put(plain, ("versions", "threads"), lambda value: "2"))
    assert checked(forged, tmp_path).passed
    assert torch.get_num_threads() == before
    old = rewritten(page, lambda plain: put(plain, ("versions", "numpy"), lambda value: "1.0"))
    assert "numpy 1.0" in checked(old, tmp_path).notes[0]


@pytest.mark.parametrize("text", ["", "{", "<html></html>", '{"schema_version": 1}', "[]"])
def test_what_is_no_report(text: str, tmp_path: Path) -> None:
    with pytest.raises(FolderError):
        checked(text, tmp_path)
    with pytest.raises(FolderError):
        recheck(tmp_path / "missing.html", table_model())


def test_pages_that_cannot_be_made_again_are_told_so(page: str, tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="other pages cannot be made again"):
        checked(altered(page, lambda whole: whole.update(request={})), tmp_path)


@pytest.mark.timeout(10)
def test_scripts_that_begin_and_never_end_are_no_reason_to_wait(tmp_path: Path) -> None:
    opening = '<script type="application/json" id="data">'
    with pytest.raises(FolderError, match="a page with its numbers"):
        checked(opening * 60_000, tmp_path)
    page = f"before{opening}{{}}</script>after"
    assert not visible_differences(page, page.replace("{}", "[]"))
    assert len(visible_differences(page + opening * 60_000, page)) == 1


def test_a_tolerance_lets_last_digits_pass() -> None:
    assert not list(differences_between({"a": 1.0}, {"a": 1.0 + 1e-9}, tolerance=1e-6))
    assert list(differences_between({"a": 1.0}, {"a": 1.0 + 1e-3}, tolerance=1e-6))
    assert list(differences_between({"a": True}, {"a": 1}))
    assert list(differences_between({"a": [1]}, {"a": [1, 2]}))
    assert numbers_in({"a": [1, 2.0, True, "3"], "b": {"c": 4}}) == 3


def test_data_of_another_form_are_refused_or_differ(page: str, tmp_path: Path) -> None:
    """Whatever stands in a report's data, an entry at a time: a named error, or a difference."""
    plain = json.loads(DATA.findall(page)[0])
    audit = audit_of(plain)

    def with_audit(changed: dict) -> dict:
        return {**plain, "sections": {**plain["sections"], "audit": {**plain["sections"]["audit"], "audit": changed}}}

    def forged(changed: dict) -> str:
        return altered(page, lambda whole: (whole.clear(), whole.update(changed)))

    cases = [changed for _, changed in spoiled(plain)]
    cases += [{**plain, "request": changed} for _, changed in spoiled(plain["request"])]
    cases += [with_audit(changed) for _, changed in spoiled(audit)]
    readable = []
    for changed in cases:
        with contextlib.suppress(FolderError):
            readable.append(check_page(json.loads(json.dumps(changed)), "report"))
    assert len(readable) < 0.7 * len(cases)
    bare = {**audit["findings"][0], "details": {}}
    chosen = [with_audit({**audit, "findings": [bare, *audit["findings"][1:]]}), *readable[:: len(readable) // 2]]
    for changed in chosen:
        with contextlib.suppress(XaiError):
            assert not checked(forged(changed), tmp_path).passed
