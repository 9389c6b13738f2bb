"""Networks that torchvision and timm list by name: a model folder may name one, with plain arguments and no downloads.

The functions behind the names are these packages' own. What would make one read or fetch weights is not taken.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import ModuleType

from torch import nn

from xai.base.errors import FolderError, describe
from xai.model.installed import import_installed

__all__ = ["CATALOGS", "listed_network"]

FETCHING = ("weights", "weights_backbone", "checkpoint_path", "cache_dir", "progress")
Build = Callable[..., nn.Module]


def listed_network(module: str, name: str, folder: Path | None) -> Build | None:
    """Return what builds the network that a catalog lists under a name, with random weights; None where it lists none.

    module: one of CATALOGS. folder: the model folder that asks: neither its code nor the current folder's is run.
    Raises FolderError where the package is not installed or cannot be imported; what is returned raises it for
    arguments that would fetch weights.
    """
    build = CATALOGS[module](import_installed(module, folder), name)
    if build is None or not f"{getattr(build, '__module__', '')}.".startswith(f"{module}."):
        return None  # one that another package has added to the list
    takes = inspect.signature(build).parameters
    without = {key: value for key, value in WITHOUT.items() if key in takes}

    @wraps(build)
    def random_network(**arguments: object) -> nn.Module:
        for key, value in arguments.items():
            if key in FETCHING or key.startswith("pretrained"):
                wanted = "none: weights come from the model folder, and nothing is downloaded"
                raise FolderError(f"arguments: {key}", expected=wanted, got=describe(value))
        return build(**without, **arguments)

    return random_network


def _of_torchvision(package: ModuleType, name: str) -> Build | None:
    return package.get_model_builder(name) if name in package.list_models() else None


def _of_timm(package: ModuleType, name: str) -> Build | None:
    return package.model_entrypoint(name) if package.is_model(name) else None


# By module: how it is asked for a name. Several networks of torchvision fetch a backbone unless they are told not to.
CATALOGS: dict[str, Callable[[ModuleType, str], Build | None]] = {
    "torchvision.models": _of_torchvision,
    "timm.models": _of_timm,
}
WITHOUT = {"weights": None, "weights_backbone": None}
