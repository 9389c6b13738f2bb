"""What a kind of input is, only `xai/inputs` asks: all else asks the kind, so that a new kind is one new file."""

from __future__ import annotations

import ast
from pathlib import Path

from xai.inputs import INPUT_KINDS

ROOT = Path(__file__).parent.parent
KINDS = set(INPUT_KINDS)


def count_kind_tests(source: str) -> int:
    """Count comparisons of a kind's name, isinstance of a kind, and questions for the axes of an input."""
    tree = ast.parse(source)
    named = {  # kind = model.input.kind
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _is_kind(node.value, set())
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            found += any(_is_kind(part, named) for part in (node.left, *node.comparators))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            names = {part.id for part in ast.walk(node.args[1]) if isinstance(part, ast.Name)}
            found += bool(names & KINDS)
        elif isinstance(node, ast.Attribute) and node.attr == "ndim":
            found += _last(node.value) == "inputs"
    return found


def _is_kind(node: ast.expr, named: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in named
    return isinstance(node, ast.Attribute) and node.attr == "kind" and _last(node.value) == "input"


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def test_what_counts_as_a_test_of_a_kind() -> None:
    assert count_kind_tests("if model.input.kind == 'text': pass") == 1
    assert count_kind_tests("kind = model.input.kind\nif kind not in ('image', 'text'): pass") == 1
    assert count_kind_tests("isinstance(model.input, TabularInput | TextInput)") == 1
    assert count_kind_tests("WHAT[rows.inputs.ndim] if case.inputs.ndim == 4 else values.ndim") == 2
    assert count_kind_tests("spec.kind == 'attribution' and spec.takes(model.input.kind)") == 0
    assert count_kind_tests("CORRUPTIONS.get(model.input.kind, corrupt)(batch)") == 0


def test_no_kind_is_tested_outside_its_home() -> None:
    paths = [path for path in (ROOT / "xai").rglob("*.py") if not path.is_relative_to(ROOT / "xai" / "inputs")]
    found = {str(path.relative_to(ROOT)): count_kind_tests(path.read_text()) for path in paths}
    tested = {name: count for name, count in found.items() if count}
    assert not tested, "ask the kind of input (xai/inputs/base.py) in place of testing what it is"
