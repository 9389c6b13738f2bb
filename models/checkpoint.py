"""Where a training run stands after an epoch, in one safetensors file: tensors, and the rest as JSON in its header.

One file, moved into place whole: a run that is killed at any moment leaves the epoch before or this one, never half.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import torch
from safetensors.torch import save
from torch import Tensor, nn

from xai.base.errors import FolderError, InputError
from xai.base.files import write_atomically
from xai.base.reading import as_kind, parse_json
from xai.base.tensor_file import open_tensors

__all__ = ["Position", "load_checkpoint", "save_checkpoint", "save_weights"]

WANTED = "a checkpoint of a training run"


Value = TypeVar("Value")


class Header(msgspec.Struct, forbid_unknown_fields=True):
    """What stands beside the tensors; curves: none before the first epoch's end; groups: the optimizer's settings."""

    epoch: int
    settings: dict[str, object]
    curves: dict[str, list[float | None]] | None
    groups: list[dict[str, object]]
    numbers: dict[str, object]


@dataclass
class Position:
    """All that the rest of a run depends on. generators: by name; best: the weights that a stopping rule kept."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    generators: dict[str, torch.Generator]
    settings: dict[str, object]
    epoch: int = 0
    curves: dict[str, list[float]] | None = None
    best: dict[str, Tensor] | None = None


def save_checkpoint(path: Path, position: Position) -> None:
    """Write where a run stands."""
    tensors = {f"network.{name}": tensor for name, tensor in position.network.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in (position.best or {}).items()}
    tensors |= {f"random.{name}": made.get_state() for name, made in position.generators.items()}
    tensors["random.global"] = torch.get_rng_state()
    state = position.optimizer.state_dict()
    numbers: dict[str, object] = {}
    for parameter, entries in state["state"].items():
        for name, value in entries.items():
            key = f"optimizer.{parameter}.{name}"
            (tensors if isinstance(value, Tensor) else numbers)[key] = value
    header = {
        "epoch": position.epoch,
        "settings": position.settings,
        "curves": position.curves,
        "groups": state["param_groups"],
        "numbers": numbers,
    }
    copies = {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
    write_atomically(path, save(copies, metadata={"training": json.dumps(header)}))


def load_checkpoint(path: Path, position: Position) -> bool:
    """Put a run back to where the file says; False where there is none.

    Raises InputError where the file is of a run with other settings, FolderError where it cannot be read.
    """
    try:
        with open_tensors(path, WANTED) as file:
            plain = parse_json(file.metadata.get("training", "null"), str(path))
            header = msgspec.to_builtins(as_kind(plain, Header, str(path), wanted=WANTED))
            tensors = file.read_all()
    except FileNotFoundError:
        return False
    # Through JSON, as the file's were: a tuple is a list there.
    ours, theirs = json.loads(json.dumps(position.settings)), header["settings"]
    other = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    if other:
        wanted = f"{other[0]} = {theirs.get(other[0])!r} as in {path}; delete that file to start afresh"
        raise InputError("settings", expected=wanted, got=repr(ours.get(other[0])), operation="train")
    try:
        position.network.load_state_dict(_part(tensors, "network."))
    except RuntimeError as error:
        raise FolderError(str(path), expected="weights of this network", got="others", operation="train") from error
    entries: dict[int, dict[str, object]] = {}
    for key, value in {**_part(tensors, "optimizer."), **_part(header["numbers"], "optimizer.")}.items():
        parameter, _, name = key.partition(".")
        entries.setdefault(int(parameter), {})[name] = value
    groups = [{k: tuple(v) if k == "betas" else v for k, v in group.items()} for group in header["groups"]]
    position.optimizer.load_state_dict({"state": entries, "param_groups": groups})
    for name, made in position.generators.items():
        made.set_state(tensors[f"random.{name}"])
    torch.set_rng_state(tensors["random.global"])
    position.epoch, position.curves = header["epoch"], header["curves"]
    position.best = _part(tensors, "best.") or None
    return True


def save_weights(path: Path, network: nn.Module) -> None:
    """Write a network's weights alone, as a model folder holds them."""
    state = {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}
    write_atomically(path, save(state))


def _part(values: Mapping[str, Value], prefix: str) -> dict[str, Value]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
