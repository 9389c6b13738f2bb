"""The house's rules, held by walking the source: who may import whom, how long a file may be, what may not occur."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for part in ("xai", "models") for path in (ROOT / part).rglob("*.py"))

# Lower may not import higher. A package imports itself and those before it.
ORDER = [
    "base", "inputs", "network", "results", "model",
    "attribution", "lime", "visualization", "sequences", "global_explanations",
    "evidence", "auditing", "plots", "reports", "cli",
]  # fmt: skip
SIDE_BY_SIDE = [
    {"inputs", "network", "results"},
    {"attribution", "lime", "visualization", "sequences", "global_explanations"},
]


def imports_of(path: Path) -> set[str]:
    """Return every module that a file imports, at the top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def package_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return parts[1] if parts[0] == "xai" and len(parts) > 2 else parts[-1].removesuffix(".py")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    imported = imports_of(path)
    if path.is_relative_to(ROOT / "models"):
        for name in imported:
            assert not name.startswith("xai") or name.startswith(
                ("xai.base", "xai.network", "xai.inputs", "xai.model")
            ), f"models imports {name}"
        return
    assert not any(name == "models" or name.startswith("models.") for name in imported), "xai imports models"
    own = package_of(path)
    if own not in ORDER:
        return
    for name in imported:
        parts = name.split(".")
        if parts[0] != "xai" or len(parts) < 2 or parts[1] not in ORDER:
            continue
        assert ORDER.index(parts[1]) <= ORDER.index(own), f"{own} imports {name}"
        beside = any({own, parts[1]} <= group for group in SIDE_BY_SIDE)
        assert parts[1] == own or not beside, f"{own} imports its neighbor {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_short_and_says_what_it_is(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 310, "a file holds one idea"
    assert ast.get_docstring(ast.parse(text)), "a file begins with what it is"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_pickle_no_print_no_assert(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not imports_of(path) & {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
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
            assert not public or ast.get_docstring(node), f"{path.name}: {node.name}"


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


def test_every_public_name_resolves() -> None:
    import xai

    for name in xai.__all__:
        assert getattr(xai, name) is not None
    assert set(xai.__all__) <= set(dir(xai))
    with pytest.raises(AttributeError, match="no_such_name"):
        xai.no_such_name  # noqa: B018
