"""The plan of the house, for every test that holds the code or the documents to it."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for part in ("xai", "models") for path in (ROOT / part).rglob("*.py"))

# A package imports itself and every package of the layers below, none beside it and none above. docs/house.md draws it.
LAYERS = [
    ("cli",),
    ("reports",),
    ("plots",),
    ("runs",),
    ("auditing",),
    ("evidence",),
    ("adapters",),
    ("attribution", "lime", "visualization", "sequences", "global_explanations"),
    ("model",),
    ("inputs", "network", "results"),
    ("base",),
]
LEVEL = {package: level for level, layer in enumerate(reversed(LAYERS)) for package in layer}

# What `models` may import of `xai`.
MODELS_IMPORT = ("base", "inputs", "network", "model")

# Names that several files of `xai` may have, since they mean the same in each.
SHARED_FILE_NAMES = {
    "__init__", "audit", "by_type", "digest", "explanations", "image", "images", "limits", "parts", "performance",
    "plan", "pooled", "progress", "run", "sentences", "sequences", "series", "settings", "text", "tokens", "tree",
}  # fmt: skip

# Files that import upward, and circles of files: none.
UPWARD: set[tuple[str, str]] = set()
KNOWN_CIRCLE: set[str] = set()


def packages() -> set[str]:
    """Return the packages directly inside `xai`."""
    return {path.parent.name for path in (ROOT / "xai").glob("*/__init__.py")}


def imports_of(path: Path, types: bool = True) -> set[str]:
    """Return every module that a file imports, at the top or inside a function; `a.b.c` for `from a.b import c`, too.

    types: also what it imports for annotations only, under `if TYPE_CHECKING`.
    """
    tree = ast.parse(path.read_text())
    unseen = set() if types else {id(inner) for node in ast.walk(tree) if _for_types(node) for inner in _body(node)}
    found = set()
    for node in ast.walk(tree):
        if id(node) in unseen:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _body(node: ast.If) -> list[ast.AST]:
    return [inner for statement in node.body for inner in ast.walk(statement)]


def module_of(path: Path, root: Path = ROOT) -> str:
    """Return the name by which a file is imported.

    >>> module_of(ROOT / "xai" / "lime" / "__init__.py")
    'xai.lime'
    """
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Return the groups of files in which each imports all others, directly or through them.

    >>> circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [{"b", "c"}]
    True
    """
    reached = {name: _reachable(graph, name) for name in graph}
    groups = {frozenset(other for other in reached[name] if name in reached[other]) for name in graph}
    return [set(group) for group in sorted(groups, key=sorted) if group]


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    """Return what can be reached from a file, the file itself only where a way leads back."""
    found: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += graph[name]
    return found


def import_graph(paths: list[Path], root: Path = ROOT) -> dict[str, set[str]]:
    """Return which of these files each imports when it runs, by module name.

    What is imported for annotations only makes no circle.
    """
    modules = {module_of(path, root): path for path in paths}
    return {name: imports_of(path, types=False) & modules.keys() for name, path in modules.items()}
