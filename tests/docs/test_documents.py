"""The documents are true: their code runs, their files exist, their commands are the ones there are."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests import optional

ROOT = Path(__file__).parents[2]
MADE = ("api.md", "architectures.md", "methods.md")  # by the build of the documentation
PAGES = [path for folder in ("docs", "docs/howto") for path in sorted((ROOT / folder).glob("*.md"))]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(path for path in PAGES if path.name not in MADE)]
README = (ROOT / "README.md").read_text()
EXAMPLES = [
    pytest.param(document, code, id=f"{document.name}-{number}")
    for document in DOCUMENTS
    for number, code in enumerate(re.findall(r"^```python\n(.*?)^```", document.read_text(), re.S | re.M))
]
# What an example must print or write, where that shows that it does what its page says.
SAYS = {"audit.md": ["performance.skill"], "compare.md": ["errors.by_group", "region = north"]}


@pytest.fixture(scope="session")
def trained(digits_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the model folders that examples load, trained on little."""
    from models.recipes import train_recipe

    home = tmp_path_factory.mktemp("examples")
    shutil.copytree(digits_folder, home / "runs" / "mnist-cnn")
    train_recipe("spelling-attention", home / "runs" / "spelling-attention", epochs=1, rows=60)
    return home


@pytest.mark.parametrize(("document", "code"), EXAMPLES)
def test_every_example_runs(
    document: Path,
    code: str,
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    for name in optional.NEEDED:
        if re.search(rf"^(?:import|from) {name}\b|from_{name}", code, re.M):
            optional.NEEDED[name]()
    (tmp_path / "runs").symlink_to(trained / "runs")
    monkeypatch.chdir(tmp_path)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        exec(compile(code, document.name, "exec", dont_inherit=True), {"__name__": "example"})
    written = [(tmp_path / name).read_text() for name in re.findall(r'save\("(\w+\.html)"\)', code)]
    said = "\n".join([capsys.readouterr().out, *written])
    assert all(words in said for words in SAYS.get(document.name, []))


def test_the_readme_shows_all_three_uses() -> None:
    assert README.count("```python") >= 3
    for use in ("## Explain", "## Audit", "## Analyze"):
        assert use in README


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_pictures_exist(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        assert target.startswith("http") or (document.parent / target).exists(), target


def test_commands_are_the_ones_there_are() -> None:
    from xai.cli.main import COMMANDS

    for document in DOCUMENTS:
        for command in re.findall(r"^xai ([a-z]+)", document.read_text(), re.M):
            assert command in COMMANDS
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    for target in re.findall(r"(?:^|`)make ([a-z]+)", README, re.M):
        assert target in targets


def test_a_method_of_another_package_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    from xai import methods

    class Point:
        name = "third_party"

        @staticmethod
        def load() -> methods.Method:
            return replace(methods.METHODS["saliency"], summary="from elsewhere")

    monkeypatch.setattr(methods, "entry_points", lambda group: [Point] if group == "xai.methods" else [])
    found = methods.all_methods()
    assert found["third_party"].load().__name__ == "saliency"
    assert found["saliency"] is methods.METHODS["saliency"]


def test_ci_calls_the_readmes_test_command() -> None:
    assert "make test" in README
    assert re.search(r"^XAI_BROWSER=required make test$", (ROOT / ".ci" / "run").read_text(), re.M)


def test_no_document_names_a_machine() -> None:
    for path in [*DOCUMENTS, *ROOT.glob("*.toml"), *ROOT.glob("*.txt"), ROOT / "Makefile", ROOT / ".ci" / "run"]:
        assert not re.search(r"/work/|/root/|/home/|file://|index-url", path.read_text()), path.name


HOW_TOS = sorted(path for path in (ROOT / "docs" / "howto").glob("*.md") if path.name != "index.md")
SCRIPTS = [path for folder in ("tutorials", "course") for path in sorted((ROOT / "docs" / folder).glob("plot_*.py"))]


def test_there_are_how_tos_one_question_each() -> None:
    assert len(HOW_TOS) >= 20
    listed = (ROOT / "docs" / "howto" / "index.md").read_text().split()
    for path in HOW_TOS:
        text = path.read_text()
        assert re.match(r"# How do I .*\?\n", text), path.name
        assert text.count("```python") == 1, path.name
        assert path.stem in listed


def test_every_chapter_of_the_lecture_has_a_page() -> None:
    chapters = [path.stem.split("_", 2)[2] for path in SCRIPTS if path.parent.name == "course"]
    wanted = ["neuron", "feedforward", "convolution", "recurrent", "attention", "regularization", "explaining"]
    assert chapters == wanted


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_tutorials_are_scripts_that_become_notebooks(script: Path) -> None:
    """The build executes them all, and fails where one does; here: a title, then blocks that begin with text."""
    text = script.read_text()
    compile(text, script.name, "exec")
    title = text.split("\n")[1:3]
    assert len(title[1]) >= len(title[0])
    assert set(title[1]) == {"="}
    assert text.count("# %%\n# ") >= 3
    assert not re.search(r"/work/|/root/|/home/|noqa", text)


def test_the_fastest_tutorial_runs(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import runpy

    import matplotlib

    (tmp_path / "runs").symlink_to(trained / "runs")
    monkeypatch.chdir(tmp_path)
    matplotlib.use("agg")
    script = next(path for path in SCRIPTS if path.stem == "plot_1_first_report")
    runpy.run_path(str(script))
    assert (tmp_path / "first.html").stat().st_size < 200_000
