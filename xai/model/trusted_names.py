"""What a model folder may name without being trusted. A factory is code, so this is a list and nothing is guessed.

Module classes of torch.nn, of this distribution's package `models` and of packages that the user has allowed in a
settings file; the factories that `models` itself lists; and the networks that torchvision and timm list by name.
Arguments are numbers, strings, booleans and lists of those.
"""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import msgspec
from torch import nn

from xai.base.errors import FolderError, describe
from xai.model.catalogs import CATALOGS, listed_network
from xai.model.configured import by_settings
from xai.model.installed import import_installed, reference_module
from xai.model.user_settings import allowed_packages

__all__ = ["Known", "check_arguments", "find_known"]

TORCH = "torch.nn.modules."  # where the classes that torch.nn names are defined


@dataclass(frozen=True)
class Known:
    """A factory that needs no trust. nested: it takes tables and builds by another factory; ours: its code is known."""

    build: Callable
    nested: bool = False
    ours: bool = True


def find_known(module: str, name: str, folder: Path | None) -> Known | None:
    """Return the factory that "module:name" is, or None where it needs trust; nothing else is imported to find out."""
    if not name.isidentifier() or name.startswith("_") or any(part.startswith("_") for part in module.split(".")):
        return None
    top = module.partition(".")[0]
    if module == "torch.nn" or module.startswith(TORCH):
        found = _class(sys.modules.get(module), name, TORCH)
        return None if found is None else Known(found)
    if top == "models":
        return _reference(module, name)
    if module in CATALOGS:
        listed = listed_network(module, name, folder)
        return None if listed is None else Known(listed)
    if any(module == package or module.startswith(f"{package}.") for package in allowed_packages(folder)):
        found = _class(import_installed(module, folder), name, f"{top}.")
        return None if found is None else Known(by_settings(found), nested=hasattr(found, "config_class"), ours=False)
    return None


def check_arguments(known: Known, factory: str, arguments: Mapping[str, object]) -> None:
    """Raise FolderError for an argument that the factory does not take, or that is no plain value of its type."""
    for name, value in arguments.items():
        if not (_is_plain(value) or (isinstance(value, list) and all(map(_is_plain, value))) or known.nested):
            wanted = "a number, string, boolean or a list of those"
            raise FolderError(f"arguments: {_shown(name)}", expected=wanted, got=describe(value))
    try:
        inspect.signature(known.build).bind(**arguments)
    except (TypeError, ValueError) as error:
        raise FolderError("arguments", expected=f"those of {factory} to build a network", got=str(error)) from error
    hints = _hints(known.build)
    for name, value in arguments.items():
        try:
            msgspec.convert(value, hints.get(name, object))
        except msgspec.ValidationError as error:
            wanted = f"what {factory} takes to build a network"
            raise FolderError(
                f"arguments: {_shown(name)}", expected=wanted, got=f"{describe(value)}: {error}"
            ) from error
        except TypeError:  # an annotation that is no plain type, such as a callable
            continue


def _reference(module: str, name: str) -> Known | None:
    listed = reference_module("models.factories")
    factory = f"{module}:{name}"
    if listed is not None and factory in listed.FACTORIES | listed.WRAPPERS:
        return Known(getattr(reference_module(module), name), nested=factory in listed.WRAPPERS)
    found = _class(reference_module(module), name, "models.")
    return None if found is None else Known(found)


def _class(module: ModuleType | None, name: str, defined_in: str) -> type[nn.Module] | None:
    """Return the module class of this name; one that has another name, or was made elsewhere, does not count."""
    found = vars(module).get(name) if module is not None else None
    if not isinstance(found, type) or not issubclass(found, nn.Module) or found is nn.Module:
        return None
    return found if found.__name__ == name and f"{found.__module__}.".startswith(defined_in) else None


def _is_plain(value: object) -> bool:
    return isinstance(value, bool | int | float | str)


def _hints(build: Callable) -> dict[str, object]:
    try:
        return typing.get_type_hints(build.__init__ if isinstance(build, type) else build)
    except Exception:  # an annotation that cannot be resolved says nothing
        return {}


def _shown(name: str) -> str:
    return name if name.isidentifier() and len(name) <= 80 else describe(name)
