"""Networks that are built from a config, as those of transformers: a model folder holds the config's settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from torch import nn

from xai.base.errors import FolderError, describe

__all__ = ["by_settings", "configured"]

# What a config says of its origin; the names of classes stand in the description.
LEFT_OUT = ("transformers_version", "architectures", "model_type", "dtype", "id2label", "label2id")
# What names code, kernels or weights that lie elsewhere.
FETCHING = ("auto_map", "quantization_config", "trust_remote_code")


def by_settings(build: Callable) -> Callable:
    """Return what builds a network from the settings of its config, of a class that takes one; anything else as it is.

    What is returned takes the settings by name, and the names of those that are None as `unset`. It raises FolderError
    for one that names code or weights elsewhere.
    """
    config = getattr(build, "config_class", None)
    if not isinstance(build, type) or config is None:
        return build

    @wraps(build, updated=())
    def built(*, unset: list[str] = [], **settings: object) -> nn.Module:  # noqa: B006
        for name, value in settings.items():
            if name in FETCHING or "implementation" in name:
                raise FolderError(f"arguments: {name}", expected="none: nothing is fetched", got=describe(value))
        return build(config(**settings, **dict.fromkeys(unset)))

    del built.__wrapped__  # whose signature takes the config
    return built


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
