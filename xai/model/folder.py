"""The model folder: model.toml says what the network is, weights.safetensors holds its numbers. No pickle anywhere."""

from __future__ import annotations

import hashlib
import math
import re
from pathlib import Path

import msgspec
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from xai.base.errors import FolderError, XaiError, describe, names_errors
from xai.base.files import check_writable
from xai.base.json_values import visible_text
from xai.base.reading import parse_toml, read_plain
from xai.base.tensor_file import DTYPES, TensorFile, open_tensors
from xai.inputs.known import KnownInput
from xai.inputs.stored_tokenizer import StoredTokenizer, with_tokenizer, without_tokenizer
from xai.inputs.tensor import TensorInput
from xai.model.card import UNWRITTEN, ModelCard, read_card
from xai.model.configured import configured
from xai.model.factory import build_network
from xai.model.folder_swap import FILE, LARGEST, WEIGHTS, find_weights, replace_model, state_of
from xai.model.model import Model
from xai.model.outputs import OUTPUTS, TASKS

__all__ = ["Description", "load", "read_description", "save_model"]

SHA256 = re.compile(r"[0-9a-f]{64}")
LARGEST_ROW = 2**28  # numbers in one input: 1 GiB, and every method takes several of them
RETRIES = 20  # of a reader while the folder is written


class Description(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The content of model.toml.

    factory: "package.module:callable" of an installed package, or "file.py:callable" of the folder itself. No trust is
    needed for a module class of torch.nn, `models` or an allowed package, and for a factory that `models` lists.
    arguments: keyword arguments of the factory. weights_sha256: of the weights' file; other weights are refused.
    tokenizer: of texts that one cuts. origin: free facts about the training, shown in reports. card: what whoever signs
    off must know, shown in audits.
    """

    factory: str
    task: str
    output: str
    weights_sha256: str | None = None
    name: str | None = None
    classes: list[str] | None = None
    output_key: str | int | None = None
    arguments: dict[str, object] = {}
    input: KnownInput = TensorInput()
    tokenizer: StoredTokenizer | None = None
    origin: dict[str, str | int | float | bool] = {}
    card: ModelCard | None = None


@names_errors("load")
def load(folder: str | Path, *, trust_code: bool = False) -> Model:
    """Read a model folder; one that is being written meanwhile gives the old or the new model, never a mixture.

    Args:
        folder: Its path.
        trust_code: Run a factory of any other kind than those that need no trust (see docs/security.md). Code runs when
            it is loaded: trust it first.

    Raises:
        FolderError: The folder has no model.toml, or one with an unknown key or a wrong type, or weights that do not
            fit.
    """
    folder = Path(folder)
    for _ in range(RETRIES):
        before = state_of(folder)
        try:
            return _load_once(folder, trust_code)
        except FolderError:
            if state_of(folder) == before:
                raise
    raise FolderError("folder", expected="one that stays as it is for a moment", got=f"{folder}, written anew")


def _load_once(folder: Path, trust_code: bool) -> Model:
    description = read_description(folder)
    network = build_network(folder, description.factory, description.arguments, trust_code)
    _load_weights(network, folder, description.weights_sha256)
    input = with_tokenizer(description.input, folder, description.tokenizer)
    try:
        model = Model(
            network.eval(),
            task=description.task,
            output=description.output,
            classes=description.classes,
            input=input,
            output_key=description.output_key,
            name=description.name or folder.resolve().name,
            card=description.card,
        )
    except XaiError as error:
        raise FolderError(f"{folder / FILE}: {error}") from error
    model.source = folder
    return model


def read_description(folder: str | Path) -> Description:
    """Return the content of model.toml, checked; raises FolderError."""
    path = Path(folder) / FILE
    if not Path(folder).is_dir():
        raise FolderError("folder", expected=f"a model folder with {FILE}", got=f"no folder at {folder}")
    try:
        content = read_plain(path, "a TOML file", limit=LARGEST)
        description = parse_toml(content, Description, str(path))
    except FileNotFoundError as error:
        foreign = Path(folder, "config.json").is_file()
        got = f"none in {folder}" + (", a folder of transformers (xai.from_transformers)" if foreign else "")
        raise FolderError("folder", expected=f"a model folder with {FILE}", got=got) from error
    for key, value, known in (("task", description.task, TASKS), ("output", description.output, OUTPUTS)):
        if value not in known:
            raise FolderError(f"{path}: {key}", expected=f"one of {', '.join(known)}", got=repr(value))
    digest, row = description.weights_sha256, math.prod(getattr(description.input, "shape", None) or ())
    if digest is not None and not SHA256.fullmatch(digest):
        raise FolderError(f"{path}: weights_sha256", expected="64 hexadecimal digits", got=describe(digest))
    if row > LARGEST_ROW:
        got = f"{row:,}"
        raise FolderError(f"{path}: input", expected=f"inputs of at most {LARGEST_ROW:,} numbers", got=got)
    return description


@names_errors("save_model")
def save_model(
    model: Model,
    folder: str | Path,
    *,
    factory: str | None = None,
    arguments: dict[str, object] | None = None,
    origin: dict[str, str | int | float | bool] | None = None,
) -> Path:
    """Write a model as a folder that `load` reads; the tokenizer of a text model goes with it.

    A model that stands there is replaced as a whole: a full disk, or a process that is killed, leaves the old one or
    the new one, and other files of the folder stay. Writers of one folder take turns.

    Args:
        model: What is written.
        folder: Where; it is made where there is none.
        factory: What builds the network: "package.module:callable", or "file.py:callable" of a file in the folder; of a
            network of transformers None, which is its class, with the settings of its config.
        arguments: Keyword arguments of the factory.
        origin: Facts on how it came about, such as the recipe, for reports.

    Raises:
        FolderError: The folder cannot hold it.
        OutputError: It cannot be written.
    """
    folder, card = Path(folder), read_card(model.card)
    if model.forward is not None:
        wanted = "a network that is called with the batch alone, since a folder holds no function"
        raise FolderError("model", expected=wanted, got="one with forward=")
    if factory is None:
        factory, arguments = configured(model.network)
    if not isinstance(factory, str) or ":" not in factory:
        wanted = '"package.module:callable" or "file.py:callable"'
        raise FolderError("factory", expected=wanted, got=describe(factory))
    input, stored, beside = without_tokenizer(model.input)
    for name in (FILE, WEIGHTS):
        check_writable(folder / name)
    weights = save(_stored(model.network))
    description = Description(
        factory=factory,
        task=model.task,
        output=model.output,
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        name=model.name,
        classes=model.classes,
        output_key=model.output_key,
        arguments=arguments or {},
        input=input,  # of another kind, it is refused by name when it is read
        tokenizer=stored,
        origin=origin or {},
        card=card if card != ModelCard() else None,
    )
    try:
        text = msgspec.toml.encode(_visible(msgspec.to_builtins(description)))
        text += b"" if description.card else UNWRITTEN.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise FolderError("arguments, origin", expected="what TOML can hold", got=str(error)) from error
    replace_model(folder, text, weights, beside)
    return folder


def _visible(plain: object) -> object:
    if isinstance(plain, dict):
        return {_visible(name): _visible(value) for name, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [_visible(value) for value in plain]
    return visible_text(plain) if isinstance(plain, str) else plain


def _stored(network: nn.Module) -> dict[str, Tensor]:
    """Return the tensors of a network as a file holds them."""
    state, seen = {}, set()
    for name, tensor in network.state_dict().items():
        identity = (tensor.data_ptr(), tuple(tensor.shape), tensor.stride())
        if identity in seen and tensor.numel():
            continue  # a tied weight is stored once
        if tensor.dtype not in DTYPES.values():
            wanted = "weights of a type that a folder holds"
            raise FolderError(name, expected=wanted, got=str(tensor.dtype).removeprefix("torch."))
        seen.add(identity)
        state[name] = tensor.detach().cpu().contiguous()
    return state


def _load_weights(network: nn.Module, folder: Path, digest: str | None) -> None:
    """Fill a network from the file that has this digest; of a folder without one, from the file that is there."""
    wanted = {name: value for name, value in network.state_dict().items() if isinstance(value, Tensor)}
    for name, value in wanted.items():
        if value.is_meta or is_lazy(value):
            raise FolderError(f"factory: {name}", expected="a tensor of a known size, with memory", got="none yet")
    path = find_weights(folder, digest)
    try:
        with open_tensors(path) as file:
            _check_fit(wanted, file, path)
            if digest is not None and (got := file.digest()) != digest:
                declared = f"the weights of {FILE} (weights_sha256 {digest[:12]}...; without that line any are taken)"
                raise FolderError(str(path), expected=declared, got=f"others ({got[:12]}...)")
            state = file.read_all()
    except FileNotFoundError as error:
        raise FolderError("folder", expected=f"weights in {path.name}", got=f"no file {path}") from error
    for name, value in state.items():
        _check_values(value, wanted[name].dtype, f"{path}: {name}")
    network.load_state_dict(state, strict=False)


def _check_values(value: Tensor, dtype: torch.dtype, where: str) -> None:
    """Numbers may be of another width than the network's, not of another kind, and must survive the conversion."""
    if (value.is_floating_point(), value.is_complex()) != (dtype.is_floating_point, dtype.is_complex):
        raise FolderError(where, expected=str(dtype), got=str(value.dtype))
    converted = value.to(dtype)
    if dtype.is_floating_point or dtype.is_complex:
        if not bool(torch.isfinite(converted).all()):
            raise FolderError(where, expected="finite weights", got=f"NaN, infinity, or more than {dtype} holds")
    elif value.dtype != dtype and converted.tolist() != value.tolist():
        raise FolderError(where, expected=f"whole numbers that {dtype} holds", got=str(value.dtype))


def _check_fit(wanted: dict[str, Tensor], file: TensorFile, path: Path) -> None:
    names, shapes = set(file.entries), {name: tuple(entry.shape) for name, entry in file.entries.items()}
    unknown = sorted(names - wanted.keys())
    present = {wanted[name].data_ptr() for name in names & wanted.keys()}
    missing = sorted(name for name in wanted.keys() - names if wanted[name].data_ptr() not in present)
    wrong = sorted(name for name in names & wanted.keys() if shapes[name] != tuple(wanted[name].shape))
    if missing or unknown:
        got = f"{len(missing)} missing ({', '.join(missing[:3])}), {len(unknown)} unknown ({', '.join(unknown[:3])})"
        raise FolderError(str(path), expected=f"the {len(wanted)} tensors of the network", got=got)
    if wrong:
        name = wrong[0]
        raise FolderError(f"{path}: {name}", expected=describe(wanted[name]), got=f"shape {shapes[name]}")
