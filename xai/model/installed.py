"""Where a module's file lies, found without running it, and never in the current folder or beside a model folder."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.metadata
import importlib.util
import json
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from xai.base.errors import FolderError, describe_error

__all__ = ["file_of", "find_module", "import_installed", "reference_home", "reference_module"]

REFERENCE = "models"
_LOCK = threading.RLock()
_OURS: dict[str, ModuleType] = {}


def find_module(name: str, path: Sequence[str] | None = None) -> ModuleSpec | None:
    """Return where a module lies; unlike `importlib.util.find_spec` this runs no package above it."""
    spec, searched = None, None if path is None else list(path)
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        try:
            spec = PathFinder.find_spec(".".join(parts[:count]), searched)
        except (ImportError, ValueError, OSError):
            return None
        if spec is None:
            return None
        searched = list(spec.submodule_search_locations or ())
    return spec


def file_of(name: str) -> str:
    """Say which file a module's name stands for on this machine.

    >>> file_of("sys"), file_of("no_such_module")
    ('a module of Python itself', 'a module that is not installed')
    """
    if name in sys.builtin_module_names:
        return "a module of Python itself"
    spec = find_module(name)
    return "a module that is not installed" if spec is None else str(spec.origin or name)


def reference_home() -> Path:
    """Return the folder of this distribution's packages: the one that the running xai was imported from."""
    return Path(__file__).resolve().parents[2]


def reference_module(name: str) -> ModuleType | None:
    """Import a module of this distribution's `models`, whatever else is called so; None where it has no such module.

    Where the name `models` belongs to somebody else's package, that is what `import models` still gives afterwards.
    """
    home = str(reference_home())
    if find_module(name, [home]) is None:
        return None
    with _LOCK:
        present = sys.modules.get(REFERENCE)
        found = importlib.util.find_spec(REFERENCE) if present is None else present.__spec__
        if found is not None and _lies_in(found, home):
            return importlib.import_module(name)
        foreign = _of_reference()
        _leave(foreign)
        sys.modules.update(_OURS)
        try:
            if REFERENCE not in sys.modules:
                _load(find_module(REFERENCE, [home]))
            return importlib.import_module(name)
        finally:
            _OURS.update(_of_reference())
            _leave(_OURS)
            sys.modules.update(foreign)


def import_installed(name: str, folder: Path | None) -> ModuleType:
    """Import a module of an installed package; raises FolderError where it would come from anywhere else.

    folder: the model folder that names it. Its own code, what lies beside it and the current folder are not searched;
    a package that is installed from a folder of its own (editable) is found by what its distribution recorded.
    """
    top = name.partition(".")[0]
    path = _search_path(folder)
    package = find_module(top, path) or find_module(top, list(_editable_folders(path)))
    if package is None:
        raise FolderError("factory", expected=f"the installed package {top}", got=file_of(top))
    with _LOCK:
        present = sys.modules.get(top)
        if present is not None and getattr(present.__spec__, "origin", None) != package.origin:
            got = f"another {top}, imported from {getattr(present, '__file__', None)}"
            raise FolderError("factory", expected=f"the installed {package.origin}", got=got)
        kept = list(sys.path)
        sys.path[:] = path  # what the package itself imports is not looked for in the current folder either
        try:
            if present is None:
                _load(package)
            return importlib.import_module(name)
        except Exception as error:
            got = describe_error(error)
            raise FolderError("factory", expected=f"the installed module {name}", got=got) from error
        finally:
            sys.path[:] = kept


def _search_path(folder: Path | None) -> list[str]:
    """Return sys.path without the current folder, the model folder and the folders around it."""
    here = Path.cwd()
    home = None if folder is None else folder.resolve()
    kept = []
    for entry in sys.path:
        location = Path(entry).resolve()
        around = home is not None and (home.is_relative_to(location) or location.is_relative_to(home))
        if location != here and not around:
            kept.append(entry)
    return kept


def _editable_folders(path: Sequence[str]) -> Iterable[str]:
    """Give the source folders of the distributions that are installed as editable."""
    for distribution in importlib.metadata.distributions(path=list(path)):
        try:
            record = json.loads(distribution.read_text("direct_url.json") or "{}")
            url = urllib.parse.urlparse(record["url"])
            if url.scheme == "file" and record["dir_info"]["editable"]:
                source = urllib.request.url2pathname(url.path)
                yield from (source, str(Path(source, "src")))
        except (KeyError, TypeError, ValueError, OSError):
            continue


def _load(spec: ModuleSpec | None) -> None:
    if spec is None or spec.loader is None:
        raise FolderError("factory", expected="an installed package with code", got="none")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(spec.name, None)
        raise


def _lies_in(spec: ModuleSpec, home: str) -> bool:
    return spec.origin is not None and Path(spec.origin).resolve().parents[1] == Path(home)


def _of_reference() -> dict[str, ModuleType]:
    prefix = f"{REFERENCE}."
    return {name: module for name, module in sys.modules.items() if name == REFERENCE or name.startswith(prefix)}


def _leave(names: Iterable[str]) -> None:
    for name in names:
        sys.modules.pop(name, None)
