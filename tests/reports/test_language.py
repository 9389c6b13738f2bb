"""Reports in another language: one table of sentences, all of which occur, and none of which loses a value."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.house import ROOT
from tests.reports.test_report import HOSTILE, hostile_report
from xai.base.errors import InputError
from xai.reports.language import LANGUAGES, in_language, language, say
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
