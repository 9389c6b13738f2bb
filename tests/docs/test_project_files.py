"""What stands around the code: how to install it, cite it, and report on it."""

from __future__ import annotations

import re
import runpy
import subprocess
import tomllib

import pytest
import yaml

from tests.house import ROOT
from tests.test_public_api import STUB

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
README = (ROOT / "README.md").read_text()
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def test_the_readme_lists_the_extras() -> None:
    section = re.search(r"^## Install\n.*?(?=^## )", README, re.S | re.M).group(0)
    assert re.findall(r"^\| `(\w+)` \|", section, re.M) == list(PROJECT["optional-dependencies"])
    commands = re.findall(r"^pip install (.*?)(?: +#.*)?$", section, re.M)
    assert commands
    for command in commands:
        options, _, what = command.rpartition(" ")
        assert options == "-c constraints.txt", "without it, pip takes what was never tested"
        extras = re.fullmatch(r"'?\.(?:\[([\w,]+)\])?'?", what).group(1)
        assert set((extras or "dev").split(",")) <= PROJECT["optional-dependencies"].keys()


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
def test_the_checkout_holds_nothing_by_accident() -> None:
    """What a test or an example wrote into the folder it ran in must not be committed with the rest."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    written = {"CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "SECURITY.md"}
    folders = {".ci", ".github", "benchmarks", "docs", "models", "reports", "tests", "xai"}
    known = written | folders | {".gitignore", "constraints.txt", "pyproject.toml"}
    assert {name.split("/")[0] for name in listed.splitlines()} == known


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 120


def test_the_citation_is_that_of_the_package() -> None:
    """What version 1.2.0 of the Citation File Format requires, and what the package says of itself."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    assert all(isinstance(citation[key], str) and citation[key] for key in ("message", "title", "version"))
    assert citation["license"] == PROJECT["license"] == "BSD-3-Clause"
    assert citation["keywords"] == PROJECT["keywords"]
    assert citation["title"].startswith(PROJECT["name"])
    holder = citation["authors"][0]["name"]
    assert re.search(rf"^Copyright \(c\) \d{{4}}, {holder}$", (ROOT / "LICENSE").read_text(), re.M)


def test_the_documentation_names_every_family_of_public_names() -> None:
    families = runpy.run_path(str(ROOT / "docs" / "conf.py"))["FAMILIES"]
    assert {home.split(".")[1] for home in STUB.values()} == set(families)


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.name)
def test_issue_forms_are_forms(form) -> None:
    """GitHub shows nothing of a form with a wrong key: what its schema requires."""
    content = yaml.safe_load(form.read_text())
    assert content.keys() == {"name", "description", "labels", "body"}
    ids = [field["id"] for field in content["body"]]
    assert len(set(ids)) == len(ids)
    for field in content["body"]:
        assert field["type"] in ("textarea", "input", "dropdown", "checkboxes")
        assert field.keys() <= {"type", "id", "attributes", "validations"}
        assert field["attributes"].keys() <= {"label", "description", "placeholder", "render", "value"}
        assert field["attributes"]["label"]
    assert any(field.get("validations") == {"required": True} for field in content["body"])


def test_there_are_forms_and_a_checklist() -> None:
    assert {path.name for path in FORMS} == {"bug.yml", "feature.yml"}
    checklist = (ROOT / ".github" / "PULL_REQUEST_TEMPLATE.md").read_text()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"`make ([a-z]+)`", checklist)) <= targets


def test_nothing_that_a_build_writes_is_kept() -> None:
    """What tutorials, the documentation and the gallery write stays out of the repository."""
    import subprocess

    command = ["git", "-C", str(ROOT), "ls-files", "docs", "reports", "runs"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("no checkout")
    made = r"docs/(auto_|api\.md|methods\.md|sg_|_build/)|docs/(tutorials|course)/\w+/|reports/gallery/|runs/"
    assert [name for name in done.stdout.splitlines() if re.match(made, name)] == []
