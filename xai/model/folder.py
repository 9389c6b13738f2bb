"""The model folder: model.toml says what the network is, weights.safetensors holds its numbers. No pickle anywhere."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from xai.base.errors import FolderError, XaiError, describe, names_errors
from xai.base.files import check_writable, write_atomically
from xai.inputs.known import KnownInput
from xai.inputs.tensor import TensorInput
from xai.model.factory import build_network
from xai.model.model import Model
from xai.model.outputs import OUTPUTS, TASKS

__all__ = ["Description", "load", "read_description", "save_model"]

FILE, WEIGHTS = "model.toml", "weights.safetensors"


class Description(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The content of model.toml.

    factory: "package.module:callable" of an installed package, or "file.py:callable" of the folder itself.
    arguments: keyword arguments of the factory. origin: free facts about the training, shown in reports.
    """

    factory: str
    task: str
    output: str
    name: str | None = None
    classes: list[str] | None = None
    arguments: dict[str, object] = {}
    input: KnownInput = TensorInput()
    origin: dict[str, str | int | float | bool] = {}


@names_errors("load")
def load(folder: str | Path, *, trust_code: bool = False) -> Model:
    """Read a model folder.

    trust_code: run a factory that is a file of the folder. Code runs when it is loaded: trust it first.
    Raises FolderError for a folder without model.toml, an unknown key or wrong type in it, or weights that do not fit.
    """
    folder = Path(folder)
    description = read_description(folder)
    network = build_network(folder, description.factory, description.arguments, trust_code)
    _load_weights(network, folder / WEIGHTS)
    try:
        model = Model(
            network.eval(),
            task=description.task,
            output=description.output,
            classes=description.classes,
            input=description.input,
            name=description.name or folder.resolve().name,
        )
    except XaiError as error:
        raise FolderError(f"{folder / FILE}: {error}") from error
    model.source = folder
    return model


def read_description(folder: str | Path) -> Description:
    """Return the content of model.toml, checked; raises FolderError."""
    path = Path(folder) / FILE
    if not Path(folder).is_dir():
        raise FolderError(
            "folder", expected=f"a model folder with {FILE}", got=f"no folder at {folder}", operation="load"
        )
    try:
        description = msgspec.toml.decode(path.read_bytes(), type=Description)
    except FileNotFoundError as error:
        raise FolderError(
            "folder", expected=f"a model folder with {FILE}", got=f"none in {folder}", operation="load"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise FolderError(str(path), expected="a readable TOML file", got=str(error), operation="load") from error
    except (msgspec.DecodeError, XaiError) as error:  # a ValidationError is a DecodeError
        raise FolderError(f"load: {path}: {_one_line(error)}") from error
    for key, value, known in (("task", description.task, TASKS), ("output", description.output, OUTPUTS)):
        if value not in known:
            raise FolderError(
                f"{path}: {key}", expected=f"one of {', '.join(known)}", got=repr(value), operation="load"
            )
    return description


@names_errors("save_model")
def save_model(
    model: Model,
    folder: str | Path,
    *,
    factory: str,
    arguments: dict[str, object] | None = None,
    origin: dict[str, str | int | float | bool] | None = None,
) -> Path:
    """Write a model as a folder that `load` reads; the weights first, so that a folder with model.toml is whole."""
    folder = Path(folder)
    if model.forward is not None:
        wanted = "a network that is called with the batch alone, since a folder holds no function"
        raise FolderError("model", expected=wanted, got="one with forward=")
    description = Description(
        factory=factory,
        task=model.task,
        output=model.output,
        name=model.name,
        classes=model.classes,
        arguments=arguments or {},
        input=model.input,
        origin=origin or {},
    )
    check_writable(folder / FILE)
    state, seen = {}, set()
    for name, tensor in model.network.state_dict().items():
        identity = (tensor.data_ptr(), tuple(tensor.shape), tensor.stride())
        if identity in seen and tensor.numel():
            continue  # a tied weight is stored once
        seen.add(identity)
        state[name] = tensor.detach().cpu().contiguous()
    try:
        text = msgspec.toml.encode(description)
    except (TypeError, ValueError) as error:
        raise FolderError("arguments, origin", expected="what TOML can hold", got=str(error)) from error
    weights = save(state)
    (folder / FILE).unlink(missing_ok=True)  # never an old description beside new weights
    write_atomically(folder / WEIGHTS, weights)
    write_atomically(folder / FILE, text)
    return folder


def _load_weights(network: nn.Module, path: Path) -> None:
    wanted = {name: value for name, value in network.state_dict().items() if isinstance(value, Tensor)}
    try:
        with safe_open(str(path), framework="pt") as file:
            names = set(file.keys())
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in names}
            _check_fit(wanted, names, shapes, path)
            state = {name: file.get_tensor(name) for name in names}
    except FileNotFoundError as error:
        raise FolderError(
            "folder", expected=f"weights in {path.name}", got=f"no file {path}", operation="load"
        ) from error
    except (OSError, SafetensorError) as error:
        raise FolderError(str(path), expected="a safetensors file", got=_one_line(error), operation="load") from error
    for name, value in state.items():
        if value.is_floating_point() != wanted[name].is_floating_point():
            raise FolderError(
                f"{path}: {name}", expected=str(wanted[name].dtype), got=str(value.dtype), operation="load"
            )
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise FolderError(f"{path}: {name}", expected="finite weights", got="NaN or infinity", operation="load")
    network.load_state_dict(state, strict=False)


def _check_fit(wanted: dict[str, Tensor], names: set[str], shapes: dict[str, tuple], path: Path) -> None:
    unknown = sorted(names - wanted.keys())
    present = {wanted[name].data_ptr() for name in names & wanted.keys()}
    missing = sorted(name for name in wanted.keys() - names if wanted[name].data_ptr() not in present)
    wrong = sorted(name for name in names & wanted.keys() if shapes[name] != tuple(wanted[name].shape))
    if missing or unknown:
        got = f"{len(missing)} missing ({', '.join(missing[:3])}), {len(unknown)} unknown ({', '.join(unknown[:3])})"
        raise FolderError(str(path), expected=f"the {len(wanted)} tensors of the network", got=got, operation="load")
    if wrong:
        name = wrong[0]
        raise FolderError(
            f"{path}: {name}", expected=describe(wanted[name]), got=f"shape {shapes[name]}", operation="load"
        )


def _one_line(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error)).strip()
