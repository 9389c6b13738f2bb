"""Reports in another language: one table of sentences, all of which occur, and none of which loses a value."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from markupsafe import escape

import xai
from tests.house import ROOT
from tests.reports.test_report import HOSTILE, hostile_report
from xai.auditing.sentences import templates
from xai.base.errors import InputError
from xai.plots.sequences import GATES
from xai.reports.cards import weights_card
from xai.reports.language import LANGUAGES, in_language, language, say, translated
from xai.reports.phrases import field_names, pairs
from xai.reports.presets.audit import audit_report
from xai.reports.presets.images import model_report

FOLDER = ROOT / "xai" / "reports"
KEY = re.compile(r'say\(\s*"((?:[^"\\]|\\.)*)"')
FIELD = re.compile(r"\{(\w+)\}")
ASKED = {
    key.replace("\\\\", "\\")
    for path in [*FOLDER.rglob("*.html"), *FOLDER.rglob("*.py")]
    for key in KEY.findall(path.read_text())
}
OTHERS = [name for name in LANGUAGES if name != "en"]


@pytest.mark.parametrize("name", OTHERS)
def test_every_sentence_of_the_templates_is_there_with_its_values(name: str) -> None:
    table = tomllib.loads((FOLDER / "languages" / f"{name}.toml").read_text())["sentences"]
    own = ASKED - {"{count} images"}  # the example of a docstring
    assert own - table.keys() == set()
    for english, other in table.items():
        assert set(FIELD.findall(other)) <= set(FIELD.findall(english)), english
        assert re.findall(r"<(\w+)>", other) == re.findall(r"<(\w+)>", english), english
        assert other.strip()


@pytest.mark.parametrize("name", OTHERS)
def test_drawings_say_what_they_say_in_every_language(name: str) -> None:
    table = tomllib.loads((FOLDER / "languages" / f"{name}.toml").read_text())["drawings"]
    trees = [ast.parse(path.read_text()) for path in [*FOLDER.rglob("*.py"), *(ROOT / "xai" / "plots").glob("*.py")]]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    calls = [node for node in nodes if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "translate"]
    asked = {call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)}
    assert len(asked) > 20
    assert (asked | set(GATES.values())) - table.keys() == set()
    assert {key.replace("-", "_") for key in table} - {text.replace("-", "_") for text in texts} == set(), (
        "said no more"
    )
    for english, other in table.items():
        assert set(FIELD.findall(other)) == set(FIELD.findall(english)), english


def test_a_drawing_is_in_german_and_its_names_are_not() -> None:
    columns = xai.TabularInput(["weight", "output"])
    model = xai.Model(torch.nn.Linear(2, 2), classes=["step", "value"], input=columns)
    with in_language("de"):
        drawn = weights_card(xai.kernel_shap(model, torch.ones(1, 2), "step"))["plot"]
    words = re.findall(r"<text[^>]*>([^<]*)<", drawn)
    assert "Ausgabe (step)" in words
    assert {"weight", "output"} <= set(words)


# Of the lecture only: its claims come from the networks' package, in English.
ENGLISH_ONLY = {"lecture_claim.html", "lecture_errata.html", "lecture_summary.html", "lecture_worked.html"}


@pytest.mark.parametrize("path", sorted((FOLDER / "templates").glob("*.html")), ids=lambda path: path.name)
def test_a_template_says_nothing_in_one_language_only(path: Path) -> None:
    """What is left without its tags and expressions is no sentence."""
    left = re.sub(r"<code>.*?</code>|{#.*?#}|{%.*?%}|{{.*?}}", "", path.read_text(), flags=re.DOTALL)
    words = re.findall(r"[A-Za-z]{2,}", re.sub(r"<[^>]*>", " ", left))
    assert len(words) > 5 if path.name in ENGLISH_ONLY else words == [], words


@pytest.mark.parametrize("name", OTHERS)
def test_every_finding_and_method_has_its_sentence(name: str) -> None:
    """The tables stand beside the English ones: nothing is missing, and no field is made up."""
    table = tomllib.loads((FOLDER / "languages" / f"{name}.toml").read_text())
    sentences = tomllib.loads((FOLDER / "sentences.toml").read_text())
    same = {"audits.untestable.error", "audits.errors.score.mcnemar"}  # what another library says, and a name
    english = {"audits": templates(), **{part: texts for part, texts in sentences.items() if part != "words"}}
    wanted, found = {*places(english)} - same, {*places({part: table[part] for part in english})}
    assert found - wanted == set(), "is said no more"
    missing = wanted - found  # is said in English until it is written here: a few at most
    assert len(missing) <= 6, f"write in xai/reports/languages/{name}.toml: {sorted(missing)}"
    for part, texts in english.items():
        for one, two in [*pairs(texts, table[part]), *table["phrases"].items()]:
            assert field_names(two) <= field_names(one), one


def places(table: Mapping[str, object], above: str = "") -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from places(value, f"{above}{name}.")
        else:
            yield above + name


def test_an_audit_in_german_keeps_numbers_and_names() -> None:
    rows = torch.rand(120, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    frame = pd.DataFrame(rows.numpy(), columns=["age", "income"])
    labels = (rows[:, 0] + 0.4 * rows[:, 1] > 0.7).long()
    held_out, train = slice(0, 60), slice(60, 120)
    data = xai.AuditData(frame[held_out], labels[held_out], (frame[train], labels[train]), protected=["age"])
    model = xai.Model.from_callable(answers, classes=["tree", "field"], input=xai.TabularInput(names=list(frame)))
    result = xai.audit(model, data, ["performance", "calibration", "bias", "data"], seed=0)
    page = audit_report(result, language="de").html()
    text = re.sub(r"<script.*?</script>|<style.*?</style>", "", page, flags=re.DOTALL)
    assert language() == "en"
    with in_language("de"):
        for finding in result.findings:
            said = translated(finding.text)
            assert said != finding.text, said
            assert set(re.findall(r"\d[\d.,]*\d|\d", said)) >= set(re.findall(r"\d[\d.,]*\d", finding.text)), said
            assert str(escape(said)) in text
    assert "What to do" not in text
    assert "Was zu tun ist" in text


def answers(rows: np.ndarray) -> np.ndarray:
    second = 1 / (1 + np.exp(-6 * (rows[:, 0] - 0.5)))
    return np.stack([1 - second, second], 1)


def test_a_class_is_never_said_in_other_words() -> None:
    with in_language("de"):
        text = 'Of the class it finds least often, "tree", it finds 40 %.'
        assert translated(text) == 'Von der Klasse, die es am seltensten findet, "tree", findet es 40 %.'
        text = "Supported: removing what it marks lowers the score of noise more than 39 of 39 control maps do."
        said = translated(text)
        assert "Wert von noise" in said
        assert translated("an unknown sentence, <b>not</b> ours") == "an unknown sentence, <b>not</b> ours"


def test_what_checks_find_on_images_is_said_in_german() -> None:
    chapters = hostile_report()[0].data()["sections"]
    explained = [one for example in chapters["examples"]["examples"] for one in example["explanations"]]
    evidence = [item for made in [*explained, *chapters["units"]["units"]] for item in made["evidence"]]
    with in_language("de"):
        assert [item["text"] for item in evidence if translated(item["text"]) == item["text"]] == []
        assert [item["control"] for item in evidence if translated(item["control"]) == item["control"]] == []


def test_a_report_in_german_says_it_in_german_and_stays_safe() -> None:
    _, model = hostile_report()
    german = model_report(model, steps=2, units=1, language="de")
    page = german.html()
    assert '<html lang="de">' in page
    assert "Was als Nächstes zu tun ist" in page
    assert "What to do next" not in page
    assert "<img src=x" not in page
    assert german.request["language"] == "de"
    assert language() == "en"  # as before
    assert "What to do next" in model_report(model, steps=2, units=1).html()


def test_values_are_escaped_in_every_language() -> None:
    for name in LANGUAGES:
        with in_language(name):
            assert "<img" not in say("The image {name}", name=HOSTILE)
            assert "&lt;img" in say("The image {name}", name=HOSTILE)


def test_a_language_that_has_no_file_is_named() -> None:
    _, model = hostile_report()
    with pytest.raises(InputError, match="language: expected one of en, de"):
        model_report(model, steps=2, units=1, language="xx")
    assert language() == "en"
