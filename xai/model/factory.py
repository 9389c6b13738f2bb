"""From "module:callable" to a network. A factory is code, so what may run without being trusted is narrow."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import typing
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from xai.base.errors import FolderError

__all__ = ["build_network"]


def build_network(folder: Path | None, factory: str, arguments: dict[str, object], trust_code: bool) -> nn.Module:
    """Call the factory and return its network, drawn without touching the global random state.

    folder: the model folder that names the factory; None where none does, and then only installed code will do.
    """
    build = _find(folder, factory, trust_code)
    with torch.random.fork_rng(devices=[]):
        try:
            network = build(**arguments)
        except Exception as error:
            got = f"{type(error).__name__}: {error}"
            raise FolderError("factory", expected=f"{factory} to build a network", got=got, operation="load") from error
    if not isinstance(network, nn.Module):
        raise FolderError(
            "factory", expected=f"{factory} to return a torch.nn.Module", got=type(network).__name__, operation="load"
        )
    return network


def _find(folder: Path | None, factory: str, trust_code: bool) -> Callable:
    module_name, _, name = factory.partition(":")
    if not module_name or not name:
        wanted = "'package.module:callable' or 'file.py:callable'"
        raise FolderError("factory", expected=wanted, got=repr(factory), operation="load")
    of_file = module_name.endswith(".py")
    if of_file and (folder is None or not trust_code):
        wanted = f"--trust-code (trust_code=True), since {factory} is code of the folder itself"
        raise FolderError("factory", expected=wanted, got="none", operation="load")
    module = _file_module(folder, module_name) if of_file else _installed_module(module_name, folder, trust_code)
    found: object = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        where = getattr(module, "__file__", None) or module_name
        raise FolderError(
            "factory", expected=f"a callable named {name!r} in {module_name}", got=f"none in {where}", operation="load"
        )
    if not of_file and not trust_code and not _builds_a_network(found):
        wanted = f"{factory} to be a torch.nn.Module class or annotated to return one, or --trust-code"
        raise FolderError("factory", expected=wanted, got="neither", operation="load")
    return found


def _builds_a_network(found: Callable) -> bool:
    # Without this, "os:system" with arguments of its choosing would be a model folder.
    if isinstance(found, type):
        return issubclass(found, nn.Module)
    try:
        returns = typing.get_type_hints(found).get("return")
    except Exception:  # an annotation that cannot be resolved says nothing
        return False
    return isinstance(returns, type) and issubclass(returns, nn.Module)


def _installed_module(name: str, folder: Path | None, trust_code: bool) -> object:
    try:
        spec = importlib.util.find_spec(name.partition(".")[0])
    except (ImportError, ValueError):
        spec = None
    # A model folder on the path (a notebook started in it, say) must not pass for an installed package.
    places = [spec.origin, *(spec.submodule_search_locations or ())] if spec is not None else []
    home = None if folder is None else folder.resolve()
    inside = home and any(place and Path(place).resolve().is_relative_to(home) for place in places)
    if inside and not trust_code:
        wanted = f"--trust-code (trust_code=True), since {name} is code of the folder itself"
        raise FolderError("factory", expected=wanted, got="none", operation="load")
    try:
        return importlib.import_module(name)
    except Exception as error:
        top = sys.modules.get(name.partition(".")[0])
        where = f" (the {top.__name__!r} imported here is {top.__file__})" if getattr(top, "__file__", None) else ""
        got = f"{type(error).__name__}: {error}{where}"
        raise FolderError("factory", expected=f"the installed module {name}", got=got, operation="load") from error


def _file_module(folder: Path, name: str) -> object:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise FolderError("factory", expected=f"a file inside {folder}", got=name, operation="load")
    # A name that no import statement can take: a user's network.py or models.py shadows nothing.
    unique = f"xai_factory_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(unique, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[unique]
        raise FolderError(
            str(path), expected="a file that runs", got=f"{type(error).__name__}: {error}", operation="load"
        ) from error
    return module
