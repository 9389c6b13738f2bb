"""Networks of timm with the preprocessing that was published for them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from xai.adapters.preprocessing import published_input
from xai.base.errors import InputError, describe, describe_error, names_errors
from xai.base.extras import import_extra
from xai.model.model import Model

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["from_timm"]


@names_errors("from_timm")
def from_timm(network: str | nn.Module, *, size: int | None = None, **arguments: object) -> Model:
    """Return a classifier of timm as a model, with its published preprocessing and class names.

    Files are read as timm's validation reads them: resized by the published part, the middle is cut out. Pixels lie in
    0..1; the network's own mean and standard deviation are a step behind them. Nothing is downloaded: for trained
    weights, make the network with `timm.create_model(name, pretrained=True)` and hand it over.

    Args:
        network: A name of `timm.list_models()`, which gives a network with random weights, or a network of timm.
        size: Side of the images in pixels where it is not the published one.
        arguments: For the network's constructor, such as num_classes or img_size; with a name only.

    Returns:
        The model. Its classes are named where timm knows the names for as many outputs.

    Raises:
        InputError: timm is not installed or cannot be imported, it has no network of this name, or the network was not
            made by it.

    >>> import xai
    >>> xai.from_timm("resnet18").input.shape  # doctest: +SKIP
    (3, 224, 224)
    """
    package = import_extra("timm", "vision")
    data = import_extra("timm.data", "vision")
    if isinstance(network, str):
        made, name = _made(package, network, arguments), network
    elif not isinstance(network, nn.Module):
        raise InputError("network", expected="a name or a torch.nn.Module", got=describe(network))
    elif arguments:
        raise InputError(next(iter(arguments)), expected="arguments with a name only", got="a network")
    else:
        known: Any = getattr(network, "pretrained_cfg", None)
        if not known:
            got = type(network).__name__
            raise InputError("network", expected="a network of timm, which says its preprocessing", got=got)
        made, name = network, str(known.get("architecture") or type(network).__name__)
    return Model(made, classes=_names(data, made), input=published_input(_preprocessing(data, made), size), name=name)


def _made(package: ModuleType, name: str, arguments: dict[str, object]) -> nn.Module:
    """Return a network with random weights; a name of a hub or a folder would read or download them."""
    if not package.is_model(name.partition(".")[0]) or ":" in name or "/" in name:
        raise InputError("network", expected="a name of timm.list_models()", got=describe(name))
    for argument in arguments:
        if argument.startswith("pretrained") or argument in ("checkpoint_path", "cache_dir"):
            wanted = "none: nothing is downloaded here (hand over timm.create_model(..., pretrained=True))"
            raise InputError(argument, expected=wanted, got=describe(arguments[argument]))
    try:
        with torch.random.fork_rng(devices=[]):
            return package.create_model(name, pretrained=False, **arguments).eval()
    except Exception as error:
        got = describe_error(error)
        raise InputError("arguments", expected=f"those of {name}", got=got) from error


def _preprocessing(data: ModuleType, network: nn.Module) -> dict[str, Any]:
    published = data.resolve_model_data_config(network)
    channels, height, width = published["input_size"]
    if height != width or published["crop_mode"] not in ("center", "squash"):
        got = f"{height} x {width}, {published['crop_mode']}"
        raise InputError("network", expected="one of square images that are resized and cut", got=got)
    part = math.floor(height / published["crop_pct"])
    return {
        "channels": channels,
        "crop": height,
        "resize": part if published["crop_mode"] == "center" else (part, part),
        "mean": published["mean"],
        "std": published["std"],
        "interpolation": published["interpolation"],
    }


def _names(data: ModuleType, network: nn.Module) -> list[str] | None:
    """Return the names of the outputs: those of the weights, or those of the part of ImageNet that they stand for."""
    known: Any = network.pretrained_cfg
    outputs = getattr(network, "num_classes", 0)
    names = known.get("label_names")
    described = known.get("label_descriptions") or {}
    if names is not None and len(names) == outputs:
        return [str(described.get(name, name)) for name in names]
    subset = data.infer_imagenet_subset(network)
    if subset is None:
        return None
    part = data.ImageNetInfo(subset)
    if part.num_classes() != outputs:
        return None
    return [part.index_to_description(number) for number in range(outputs)]
