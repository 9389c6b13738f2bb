"""Networks of torchvision with the preprocessing that was published for them."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from xai.adapters.preprocessing import published_input
from xai.base.errors import InputError, describe, describe_error, names_errors, one_line
from xai.base.extras import import_extra
from xai.model.model import Model

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["from_torchvision"]

# Where nothing was published for a network that is handed over: what all of the package's classifiers share.
USUAL: dict[str, Any] = {"crop": 224, "resize": 256, "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


@names_errors("from_torchvision")
def from_torchvision(
    network: str | nn.Module, weights: object = None, *, size: int | None = None, **arguments: object
) -> Model:
    """Return a classifier or a segmentation network of torchvision as a model, with its preprocessing and class names.

    Files are read as published: the shorter side is resized, the middle is cut out. Pixels lie in 0..1; the network's
    own mean and standard deviation are a step behind them. Nothing is downloaded. What a segmentation network says of
    one pixel is explained by `target=xai.targets.pixel(y, x)`, of a region by `xai.targets.region(mask)`; of a file the
    middle is a square, where torchvision takes any shape.

    Args:
        network: A name of `torchvision.models.list_models()`, which gives a network with random weights, or a network.
        weights: Published weights, a `Weights` entry or its name ("DEFAULT", "IMAGENET1K_V1"). Of a name they are read
            from torch's cache, where they were downloaded before. Of a network they say which it holds, and with that
            its preprocessing and classes; its numbers are not touched.
        size: Side of the images in pixels where it is not the published one.
        arguments: For the network's constructor, such as num_classes; with a name only.

    Returns:
        The model. Its classes are named where the network has as many outputs as the published weights.

    Raises:
        InputError: torchvision is not installed or cannot be imported, it has no such network of this name, or the
            weights are unknown or not there.

    >>> import xai
    >>> model = xai.from_torchvision("resnet18")  # doctest: +SKIP
    >>> model.input.shape, model.input.resize, model.classes[1]  # doctest: +SKIP
    ((3, 224, 224), 256, 'goldfish')
    """
    package = import_extra("torchvision.models", "vision")
    made = network if isinstance(network, nn.Module) else None
    if made is not None and arguments:
        raise InputError(next(iter(arguments)), expected="arguments with a name only", got="a network")
    build, published = _builder(package, network) if made is None else (None, None)
    entry = None if weights is None else _entry(package, weights, published)
    known = entry if published is None else entry or published.DEFAULT
    name = str(network) if made is None else type(made).__name__
    settings = USUAL if known is None else _preprocessing(known, name)
    if made is None:
        made = _made(build, name, arguments)
        if entry is not None:
            _fill(made, entry)
    side = size or getattr(made, "image_size", None)  # a vision transformer has one size
    classes = None if known is None else list(known.meta["categories"])
    if classes is not None and len(classes) != _outputs(made, len(classes)):
        classes = None
    return Model(made, classes=classes, input=published_input(settings, side), name=name)


def _builder(package: ModuleType, name: object) -> tuple[Any, Any]:
    """Return what builds a network of this name, and the weights that were published for it."""
    if not isinstance(name, str):
        raise InputError("network", expected="a name or a torch.nn.Module", got=describe(name))
    try:
        build = package.get_model_builder(name)
        return build, package.get_model_weights(build)
    except (ValueError, KeyError) as error:
        wanted = "a name of torchvision.models.list_models()"
        raise InputError("network", expected=wanted, got=describe(name)) from error


def _entry(package: ModuleType, weights: object, published: Any) -> Any:
    """Return an entry of published weights from what names it."""
    if isinstance(weights, str):
        try:
            return package.get_weight(weights) if published is None or "." in weights else published[weights]
        except (ValueError, KeyError) as error:
            wanted = "'ResNet50_Weights.IMAGENET1K_V2', say"
            if published is not None:
                wanted = f"one of {', '.join(item.name for item in published)}"
            raise InputError("weights", expected=wanted, got=repr(weights)) from error
    if not isinstance(weights, package.WeightsEnum):
        raise InputError("weights", expected="published weights or their name", got=describe(weights))
    return weights


def _made(build: Any, name: str, arguments: dict[str, object]) -> nn.Module:
    _refuse_downloads(arguments)
    try:
        with torch.random.fork_rng(devices=[]):
            takes = inspect.signature(build).parameters
            without = {key: None for key in ("weights", "weights_backbone") if key in takes}
            return build(**without, **arguments).eval()
    except Exception as error:
        got = describe_error(error)
        raise InputError("arguments", expected=f"those of {name}", got=got) from error


def _refuse_downloads(arguments: dict[str, object]) -> None:
    for name in arguments:
        if name.startswith("pretrained") or name == "weights_backbone":
            raise InputError(name, expected="none: nothing is downloaded here", got=repr(arguments[name]))


def _fill(network: nn.Module, entry: Any) -> None:
    """Read published weights from torch's cache into a network."""
    path = Path(torch.hub.get_dir(), "checkpoints", entry.url.rpartition("/")[2])
    if not path.is_file():
        wanted = f"them at {path}, since nothing is downloaded here (torchvision.models.get_model(..., weights=) does)"
        raise InputError("weights", expected=wanted, got="no such file")
    try:
        network.load_state_dict(entry.get_state_dict(progress=False, map_location="cpu", weights_only=True))
    except Exception as error:
        raise InputError("weights", expected=f"those of this network in {path}", got=one_line(error)) from error


def _preprocessing(entry: Any, name: str) -> dict[str, Any]:
    """Return what was published with weights of a network that scores classes, of an image or of its pixels."""
    made = entry.transforms()
    resized = getattr(made, "resize_size", ())
    cut = getattr(made, "crop_size", resized)  # for segmentation nothing is cut out
    if len(cut) != 1 or len(resized) != 1 or "categories" not in entry.meta:
        wanted = "one from an image to scores of classes, or of classes by pixel"
        raise InputError("network", expected=wanted, got=name)
    (crop,), (resize,) = cut, resized
    return {
        "crop": crop,
        "resize": resize,
        "mean": made.mean,
        "std": made.std,
        "interpolation": made.interpolation.value,
    }


def _outputs(network: nn.Module, default: int) -> int:
    """Return how many scores a classifier puts out: as many as its last layer with weights."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    if not layers:
        return default
    return layers[-1].out_features if isinstance(layers[-1], nn.Linear) else layers[-1].out_channels
