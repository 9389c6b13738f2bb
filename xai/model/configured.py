"""Networks that are built from a config, as those of transformers: a model folder holds the config's settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from torch import nn

from xai.base.errors import FolderError, describe

__all__ = ["by_settings", "configured"]

# What a config says of its origin; the names of classes stand in the description.
LEFT_OUT = ("transformers_version", "architectures", "model_type", "dtype", "id2label", "label2id")
# What names code, kernels or weights that lie elsewhere.
FETCHING = ("auto_map", "quantization_config", "trust_remote_code", "use_pretrained_backbone", "use_timm_backbone")


def by_settings(build: Callable) -> Callable:
    """Return what builds a network from the settings of its config, of a class that takes one; anything else as it is.

    What is returned takes the settings by name, and the names of those that are None as `unset`. It raises FolderError
    for one that names code or weights elsewhere, also within another: a config may hold others.
    """
    config = getattr(build, "config_class", None)
    if not isinstance(build, type) or config is None:
        return build

    @wraps(build, updated=())
    def built(*, unset: Sequence[str] = (), **settings: object) -> nn.Module:
        _refuse_fetching(settings, "arguments")
        twice = [name for name in unset if not isinstance(name, str) or name in settings]
        if twice:
            raise FolderError("arguments: unset", expected="names that have no value beside", got=describe(twice[0]))
        return build(config(**settings, **dict.fromkeys(unset)))

    del built.__wrapped__  # whose signature takes the config
    return built


def _refuse_fetching(value: object, where: str) -> None:
    if isinstance(value, Mapping):
        for name, part in value.items():
            fetches = name in FETCHING or "implementation" in str(name)
            if fetches and part not in (None, False):
                raise FolderError(f"{where}: {name}", expected="none: nothing is fetched", got=describe(part))
            _refuse_fetching(part, f"{where}: {name}")
    elif isinstance(value, list):
        for part in value:
            _refuse_fetching(part, where)


def configured(network: nn.Module) -> tuple[str, dict[str, object]]:
    """Return the factory and the arguments of a network that has a config: settings that are not its class's own.

    Raises FolderError for another network.
    """
    config: Any = getattr(network, "config", None)
    if not hasattr(network, "config_class") or not hasattr(config, "to_dict"):
        wanted = "one, but for a network of transformers with its config"
        raise FolderError("factory", expected=wanted, got=f"none, for a {type(network).__name__}")
    usual = type(config)().to_dict()
    said = {name: value for name, value in config.to_dict().items() if not name.startswith("_")}
    own = {name: value for name, value in said.items() if name not in LEFT_OUT and value != usual.get(name, Ellipsis)}
    arguments = {name: value for name, value in own.items() if value is not None}
    if unset := sorted(own.keys() - arguments.keys()):
        arguments["unset"] = unset
    labels = getattr(config, "id2label", None)
    if isinstance(labels, Mapping):
        arguments["num_labels"] = len(labels)
    made = type(network)
    return f"{made.__module__}:{made.__qualname__}", arguments
