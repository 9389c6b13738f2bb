"""From "module:callable" to a network. A factory is code: what trusted_names.py does not list is named first."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path

import torch
from torch import nn

from xai.base.errors import FolderError, describe, describe_error, one_line
from xai.model.configured import by_settings
from xai.model.dry_build import rehearse
from xai.model.installed import file_of
from xai.model.trusted_names import Known, check_arguments, find_known
from xai.model.user_settings import settings_file

__all__ = ["build_network", "find_callable"]

LONGEST = 200  # letters of a factory's name
MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
# What the folder that is being loaded may do, for a factory that builds by another one.
_OUTER: ContextVar[tuple[Path | None, bool]] = ContextVar("outer", default=(None, False))


def build_network(folder: Path | None, factory: str, arguments: dict[str, object], trust_code: bool) -> nn.Module:
    """Call the factory and return its network, drawn without touching the global random state.

    folder: the model folder that names the factory; None where a factory builds by another, and then that of the outer
    one and its trust count. Raises FolderError for a factory that needs trust and has none (it says what would run),
    for arguments that it does not take, and for one that fails.
    """
    if folder is None:
        folder, trusted = _OUTER.get()
        trust_code = trust_code or trusted
    build, known = _find(folder, factory, trust_code)
    if known is not None and not trust_code:
        check_arguments(known, factory, arguments)
    token = _OUTER.set((folder, trust_code))
    try:
        with torch.random.fork_rng(devices=[]):
            if known is not None and known.ours and not known.nested:
                rehearse(build, arguments)
            network = build(**arguments)
    except FolderError:
        raise
    except Exception as error:
        got = describe_error(error)
        raise FolderError("factory", expected=f"{factory} to build a network", got=got) from error
    finally:
        _OUTER.reset(token)
    if not isinstance(network, nn.Module):
        raise FolderError("factory", expected=f"{factory} to return a torch.nn.Module", got=type(network).__name__)
    return network


def _find(folder: Path | None, factory: str, trust_code: bool) -> tuple[Callable, Known | None]:
    module_name, _, name = factory.partition(":")
    of_file = module_name.endswith(".py")
    readable = len(factory) <= LONGEST and factory.isprintable()
    if not readable or not (of_file or MODULE.fullmatch(module_name)) or not MODULE.fullmatch(name):
        wanted = "'package.module:callable' or 'file.py:callable'"
        raise FolderError("factory", expected=wanted, got=describe(factory))
    known = None if of_file else find_known(module_name, name, folder)
    if known is not None:
        return known.build, known
    if not trust_code:
        location = str(folder / module_name) if of_file and folder is not None else file_of(module_name)
        wanted = (
            f"a module class of torch.nn, of this distribution's models or of a package allowed in {settings_file()}, "
            f"or --trust-code (trust_code=True), which would run {name} of {module_name} ({location})"
        )
        raise FolderError("factory", expected=one_line(wanted), got=factory)
    return by_settings(find_callable(folder, module_name, name)), None


def find_callable(folder: Path | None, module_name: str, name: str) -> Callable:
    """Import a module, or run a file inside the folder, and return what is named in it: code, for who trusts it.

    Raises FolderError where there is none.
    """
    module = _file_module(folder, module_name) if module_name.endswith(".py") else _module(module_name)
    found: object = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        where = getattr(module, "__file__", None) or module_name
        wanted = f"a callable named {name!r} in {module_name}"
        raise FolderError("factory", expected=wanted, got=f"none in {where}")
    return found


def _module(name: str) -> object:
    try:
        return importlib.import_module(name)
    except Exception as error:
        top = sys.modules.get(name.partition(".")[0])
        file = getattr(top, "__file__", None)
        where = f" (the {name.partition('.')[0]!r} imported here is {file})" if file else ""
        got = f"{describe_error(error)}{where}"
        raise FolderError("factory", expected=f"the installed module {name}", got=got) from error


def _file_module(folder: Path | None, name: str) -> object:
    path = None if folder is None else (folder / name).resolve()
    if folder is None or path is None or not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise FolderError("factory", expected=f"a file inside {folder}", got=name)
    # A name that no import statement can take: a user's network.py or models.py shadows nothing.
    unique = f"xai_factory_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(unique, path)
    if spec is None or spec.loader is None:
        raise FolderError("factory", expected=f"a Python file inside {folder}", got=name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[unique]
        got = describe_error(error)
        raise FolderError(str(path), expected="a file that runs", got=got) from error
    return module
