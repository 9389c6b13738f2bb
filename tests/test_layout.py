"""The house's rules, held by walking the source: who may import whom, how long a file may be, what may not occur."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import xai
from tests.house import (
    KNOWN_CIRCLE,
    LAYERS,
    LEVEL,
    MODELS_IMPORT,
    ROOT,
    SHARED_FILE_NAMES,
    SOURCES,
    UPWARD,
    circles,
    import_graph,
    imports_of,
    packages,
)


def package_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return parts[1] if parts[0] == "xai" and len(parts) > 2 else parts[-1].removesuffix(".py")


def test_the_plan_names_every_package_once() -> None:
    assert len(LEVEL) == sum(map(len, LAYERS))
    assert set(LEVEL) == packages()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    imported = imports_of(path)
    if path.is_relative_to(ROOT / "models"):
        for name in imported:
            parts = name.split(".")
            assert parts[0] != "xai" or parts[1:2] == [] or parts[1] in MODELS_IMPORT, f"models imports {name}"
        return
    assert not any(name == "models" or name.startswith("models.") for name in imported), "xai imports models"
    own = package_of(path)
    if own not in LEVEL:
        return
    for name in imported:
        parts = name.split(".")
        if parts[0] != "xai" or len(parts) < 2 or parts[1] not in LEVEL or parts[1] == own:
            continue
        if (str(path.relative_to(ROOT / "xai")), parts[1]) not in UPWARD:
            assert LEVEL[parts[1]] < LEVEL[own], f"{own} imports {name}, which is not below it"


def test_no_two_files_of_one_name_mean_different_things() -> None:
    names = Counter(path.stem for path in SOURCES if path.is_relative_to(ROOT / "xai"))
    assert {name for name, count in names.items() if count > 1} == SHARED_FILE_NAMES


def test_exceptions_are_needed() -> None:
    for name, package in UPWARD:
        imported = imports_of(ROOT / "xai" / name)
        assert any(module.startswith(f"xai.{package}") for module in imported), f"{name}: delete its line in UPWARD"


def test_files_import_each_other_in_no_circle() -> None:
    found = circles(import_graph(SOURCES))
    new = [sorted(circle) for circle in found if not circle <= KNOWN_CIRCLE]
    assert not new, "files that import each other, directly or through others"
    assert set().union(*found) == KNOWN_CIRCLE, "the circle is smaller now: KNOWN_CIRCLE shrinks with it"


def test_a_circle_is_found(tmp_path: Path) -> None:
    """Through an import inside a function, and through `from package import file`; not through annotations."""
    files = {
        "one.py": "def call():\n    from deep import two",
        "deep/__init__.py": "",
        "deep/two.py": "import three",
        "three.py": "from one import call",
        "four.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import five",
        "five.py": "import four, one",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    graph = import_graph(sorted(tmp_path.rglob("*.py")), tmp_path)
    assert circles(graph) == [{"one", "deep.two", "three"}]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_library_does_not_call_itself_by_its_public_names(path: Path) -> None:
    """`xai.verify` inside a package would be an arrow upward that no import shows; `xai.__version__` is none."""
    if path.is_relative_to(ROOT / "xai" / "cli") or not path.is_relative_to(ROOT / "xai"):
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "xai":
            assert node.attr == "__version__", f"xai.{node.attr}"
        if isinstance(node, ast.ImportFrom) and node.module == "xai":
            assert not {alias.name for alias in node.names} & set(xai.__all__)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_short_and_says_what_it_is(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 310, "a file holds one idea"
    assert ast.get_docstring(ast.parse(text)), "a file begins with what it is"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_pickle_no_print_no_assert(path: Path) -> None:
    tree = ast.parse(path.read_text())
    # One file may read joblib: a pipeline that a user hands to `xai audit` together with --trust-code.
    allowed = {"joblib"} if path == ROOT / "xai" / "cli" / "fitted_model.py" else set()
    assert not imports_of(path) & ({"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"} - allowed)
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree)), "assert is no check of user input"
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert not any(isinstance(call, ast.Name) and call.id == "print" for call in calls)
    attributes = {
        (call.value.id, call.attr)
        for call in calls
        if isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name)
    }
    assert ("torch", "load") not in attributes, "torch.load reads pickles"
    assert ("torch", "save") not in attributes


def test_every_public_function_says_what_it_does() -> None:
    for path in SOURCES:
        for node in ast.parse(path.read_text()).body:
            public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            form = public and "overload" in map(ast.unparse, node.decorator_list)  # types of a call, without a body
            assert not public or form or ast.get_docstring(node), f"{path.name}: {node.name}"


@pytest.mark.parametrize(
    "statement", ["import xai", "import xai.cli.main", "import xai.methods; xai.methods.all_methods()"]
)
def test_torch_is_imported_only_when_needed(statement: str) -> None:
    code = f"{statement}; import sys; sys.exit(int('torch' in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_help_does_not_import_torch() -> None:
    code = (
        "import sys; sys.argv = ['xai', '--help']\n"
        "from xai.cli.main import run\n"
        "try: run()\n"
        "except SystemExit: sys.exit(int('torch' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "explain" in done.stdout
