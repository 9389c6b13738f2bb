"""The public names: what runs, what type checkers see, old names, and one version said in one place."""

from __future__ import annotations

import ast
import importlib
import re
import runpy
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import xai
from tests.house import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def stub_names() -> dict[str, str]:
    """Return where the stub says that each name lives."""
    tree = ast.parse((ROOT / "xai" / "__init__.pyi").read_text())
    names = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.asname == f"_{alias.name}":  # a module that is public under another name, below
                    continue
                assert alias.asname == alias.name, f"{alias.name}: only `import X as X` is public in a stub"
                names[alias.name] = node.module
        elif isinstance(node, ast.Assign):
            names[ast.unparse(node.targets[0])] = "xai.model." + ast.unparse(node.value).removeprefix("_")
        else:
            assert ast.unparse(node) == "__version__: str"
    return names


STUB = stub_names()


def test_every_public_name_resolves() -> None:
    for name in xai.__all__:
        assert getattr(xai, name) is not None
    assert set(xai.__all__) <= set(dir(xai))
    with pytest.raises(AttributeError, match="no_such_name"):
        xai.no_such_name  # noqa: B018


def test_the_stub_has_the_public_names_and_no_other() -> None:
    assert sorted([*STUB, "__version__"]) == sorted(xai.__all__)


@pytest.mark.parametrize(("name", "home"), STUB.items(), ids=list(STUB))
def test_the_stub_names_the_very_object(name: str, home: str) -> None:
    module = importlib.import_module(home)
    public = getattr(xai, name)
    found = module if public is module else getattr(module, name, None) or importlib.import_module(f"{home}.{name}")
    assert found is getattr(xai, name)


def test_a_type_checker_reads_the_stub(tmp_path: Path) -> None:
    """It knows the arguments of a public function, and that a name does not exist."""
    (tmp_path / "use.py").write_text(
        "import xai; from typing_extensions import reveal_type\n"
        "reveal_type(xai.__version__)\n"
        "reveal_type(xai.objectives.channel)\n"
        "def use(model: xai.Model) -> xai.Explanation:\n"
        "    return xai.saliency(model, [[1.0]], no_such_argument=1)\n"
        "xai.no_such_name\n"
    )
    command = [sys.executable, "-m", "ty", "check", "--python", sys.prefix, "--extra-search-path", str(ROOT)]
    command += ["--output-format", "concise", str(tmp_path / "use.py")]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    lines = {int(line): rule for line, rule in re.findall(r"use\.py:(\d+):\d+: \w+\[([\w-]+)\]", said)}
    assert lines == {
        2: "revealed-type",
        3: "revealed-type",
        5: "unknown-argument",
        6: "missing-attribute",
    }, said
    assert "Unknown" not in said


def test_importing_is_cheap() -> None:
    code = "import sys, xai; xai.__version__; sys.exit(len({'torch', 'numpy', 'click'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_old_public_name_warns_and_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(xai._RENAMED, "explain_by_gradient", "saliency")
    with pytest.warns(DeprecationWarning, match=r"xai.explain_by_gradient is now xai.saliency") as caught:
        assert xai.explain_by_gradient is xai.saliency
    assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning, match="xai.saliency") as caught:
        from xai import explain_by_gradient
    assert {warning.filename for warning in caught} == {__file__}
    assert explain_by_gradient is xai.saliency
    assert "explain_by_gradient" not in dir(xai)


def test_old_public_names_lead_to_public_names() -> None:
    for old, new in xai._RENAMED.items():
        assert old not in xai.__all__
        assert new in xai.__all__


def test_one_version() -> None:
    """The build reads it from `xai/__init__.py`; whatever else says it agrees."""
    assert "version" not in PYPROJECT["project"]
    assert PYPROJECT["project"]["dynamic"] == ["version"]
    assert PYPROJECT["tool"]["hatch"]["version"]["path"] == "xai/__init__.py"
    said = subprocess.run([sys.executable, "-m", "xai", "--version"], capture_output=True, text=True, check=True).stdout
    assert said.split()[-1] == xai.__version__
    assert runpy.run_path(str(ROOT / "docs" / "conf.py"))["release"] == xai.__version__
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == xai.__version__
    newest = re.search(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.M).group(1)
    assert newest in (xai.__version__, "Unreleased")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build the wheel as pip does, with the builder that is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    code = f"from hatchling.build import build_wheel; build_wheel({str(folder)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_says_its_license_and_version(wheel: zipfile.ZipFile) -> None:
    home = f"xai_toolkit-{xai.__version__}.dist-info"
    metadata = wheel.read(f"{home}/METADATA").decode()
    assert re.search(rf"^Version: {re.escape(xai.__version__)}$", metadata, re.M)
    assert re.search(r"^License-Expression: BSD-3-Clause$", metadata, re.M)
    licenses = set(re.findall(r"^License-File: (.+)$", metadata, re.M))
    notices = {str(path.relative_to(ROOT)) for path in (ROOT / "models" / "datasets" / "data").glob("*.NOTICE")}
    assert licenses == {"LICENSE", *notices}
    for name in licenses:
        assert wheel.read(f"{home}/licenses/{name}") == (ROOT / name).read_bytes()


def test_the_wheel_is_typed(wheel: zipfile.ZipFile) -> None:
    assert {"xai/py.typed", "xai/__init__.pyi"} <= set(wheel.namelist())
    assert "Typing :: Typed" in PYPROJECT["project"]["classifiers"]
