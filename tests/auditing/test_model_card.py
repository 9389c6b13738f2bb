"""The model card of an audit: what its makers say, what the findings add, on the page, in JSON and when rechecked."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.auditing.planted import said
from xai.auditing.audit_data import AuditData
from xai.auditing.audit_run import audit
from xai.auditing.model_card import filled_card
from xai.auditing.remake import remake
from xai.model.card import ModelCard
from xai.model.model import Model
from xai.reports.presets.audit import audit_report
from xai.results.audit_result import AuditResult
from xai.results.finding import Finding

CARD = {"intended_use": "To sort <b>mail</b>.", "data": "Letters of 1998.", "limits": ["Never tried on parcels."]}


@pytest.fixture(scope="module")
def model() -> Model:
    return said(torch.empty(0), card=CARD)


@pytest.fixture(scope="module")
def data() -> AuditData:
    """Return 60 rows of which a third is answered rightly, and nothing else that is known of them."""
    answers = torch.eye(2).repeat(30, 1) * 0.8 + 0.1
    return AuditData(answers, [0 if row % 3 else 1 - row % 2 for row in range(60)], name="letters")


@pytest.fixture(scope="module")
def result(model: Model, data: AuditData) -> AuditResult:
    return audit(model, data, ["performance"])


def test_a_card_says_what_its_makers_say_and_what_was_found(result: AuditResult) -> None:
    card = result.card
    assert {name: card[name] for name in CARD} == CARD
    assert card["out_of_scope"] == ""
    assert card["audited_on"] == {"name": "letters", "held_out": 60, "train": 0}
    for name, status in (("failed", "fail"), ("to_look_at", "warn"), ("not_testable", "untestable")):
        found = [{"check": item.check, "text": item.text} for item in result.findings if item.status == status]
        assert card[name] == found
    assert "performance.skill" in [item["check"] for item in card["failed"] + card["to_look_at"]]
    assert "performance.overfitting" in [item["check"] for item in card["not_testable"]]
    assert len(card["not_told"]) == 3
    seen = {item.check for item in result.findings if item.status == "pass" and "could_have_seen" in item.details}
    assert set(card["could_have_seen"]) == seen


def test_what_was_told_is_not_missed() -> None:
    def found(*checks: str) -> list[Finding]:
        return [Finding(check, "pass", 0.0, 1.0, "none", "It holds.") for check in checks]

    about = {"name": "letters", "held_out": 60, "train": 60, "protected": ["sex"]}
    every = found("performance.new_entities", "performance.latest", "bias.labels")
    assert filled_card(ModelCard(), every, about)["not_told"] == []
    missed = filled_card(ModelCard(), found("performance.skill", "bias.labels"), {**about, "train": 0, "protected": []})
    assert [what.split()[0] for what in missed["not_told"]] == ["who", "which", "whose", "when"]
    assert filled_card(ModelCard(), found("data.drift"), {**about, "protected": []})["not_told"] == []


def test_the_page_and_the_file_have_it(result: AuditResult, tmp_path: Path) -> None:
    page = str(audit_report(result).html())
    assert "To sort &lt;b&gt;mail&lt;/b&gt;." in page
    assert "Never tried on parcels." in page
    assert "whose each row is (entity)" in page
    assert "Steckbrief" in audit_report(result, language="de").html()
    assert AuditResult.load(result.save(tmp_path / "audit.json")) == result
    old = {name: value for name, value in result.to_dict().items() if name != "card"}  # of before there were cards
    assert "Nobody said what it is for." in audit_report(AuditResult.from_dict(old)).html()


def test_a_recheck_holds_the_card_to_the_model_and_the_findings(
    result: AuditResult, model: Model, data: AuditData
) -> None:
    assert remake(result, [model], data).passed
    other = said(torch.empty(0), card={**CARD, "limits": []})
    assert [str(item) for item in remake(result, [other], data).differences] == [
        "card / limits / #0: reported Never tried on parcels., recomputed nothing"
    ]
    without = remake(result, [said(torch.empty(0))], data)
    assert without.passed
    assert "no card" in " ".join(without.notes)
    hidden = AuditResult.from_dict({**result.to_dict(), "card": {**result.card, "failed": [], "to_look_at": []}})
    assert not remake(hidden, [model], data).passed
