"""Sentences stand apart from statistics: each template is used, and numbers are written in one way."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

from xai.auditing.limits import CHANGES, LIMITS
from xai.auditing.sentences import FORMATS, plain_number, sentence, templates

SOURCE = "\n".join(path.read_text() for path in (Path(__file__).parents[2] / "xai" / "auditing").rglob("*.py"))
SHARED = {"untestable", "bias", "triggers", "robustness", "explanations", "power", "versions", "weights"}
FIELDS = [
    (name, outcome, field, spec)
    for name, outcomes in templates().items()
    for outcome, text in outcomes.items()
    for _, field, spec, _ in string.Formatter().parse(text)
    if field is not None
]


def test_each_finding_has_a_template_and_each_template_a_finding() -> None:
    own = set(templates()) - SHARED
    shared = ("robustness", "explanations")
    named = {name for name in {**LIMITS, **CHANGES} if name.partition(".")[0] not in shared}
    named.add("robustness.least_change")
    triggers = {
        name for name in named if re.match(r"shortcuts\.(one|planted|borrowed|shared|typical|global|word)_", name)
    }
    assert own - {"explanations.changed"} == named - triggers - {"explanations.moved"}


def test_no_template_is_left_over() -> None:
    words = {node.value for node in ast.walk(ast.parse(SOURCE.replace("from __future__ import annotations", "")))
             if isinstance(node, ast.Constant) and isinstance(node.value, str)}  # fmt: skip
    outcomes = {outcome for found in templates().values() for outcome in found}
    # A control is also found by the outcome that it belongs to.
    assert {name for name in outcomes if name not in words and name.removeprefix("control_") not in words} == set()


def test_a_fact_has_a_name_and_a_format() -> None:
    assert all(field.isidentifier() for *_, field, _ in FIELDS)
    known = {spec for *_, spec in FIELDS if spec in FORMATS or re.fullmatch(r"(\.\d[fg]|g)?", spec)}
    assert {spec for *_, spec in FIELDS} == known
    assert set(FORMATS) <= known


def test_numbers_are_written_in_one_way() -> None:
    facts = {"found": 7631, "rows": 12_000, "share": 7631 / 12_000}
    text = sentence("data.duplicates", "text", facts)
    assert text == "7,631 of 12,000 held-out rows (63.6 %) stand in the training data too."
    assert sentence("data.balance", "text", {"rarest": "a {b}", "share": 0.5, "even": 0.5}).startswith(
        'The rarest class, "a {b}", has 50.0 %'
    )
    assert [plain_number(value, 4) for value in (76315.2, 0.25, -1234567.0, 3.14159)] == [
        "76,315", "0.25", "-1,234,567", "3.142",
    ]  # fmt: skip
