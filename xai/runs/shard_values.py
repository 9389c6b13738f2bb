"""The values of one shard: the explanations of all its methods in one safetensors file, the inputs once."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import torch
from safetensors.torch import save
from torch import Tensor

from xai.base.errors import FolderError
from xai.base.reading import parse_json
from xai.base.tensor_file import TensorFile, open_tensors
from xai.results.explanation import Explanation
from xai.results.explanation_file import explanation_fields, explanation_parts

__all__ = ["encode_values", "read_inputs", "read_values"]

WANTED = "the values of a run"
LISTS = ("values", "standard_error")


class Header(msgspec.Struct):
    """What a file says of one method: its explanation without tensors, the rows of the shard that it holds, where
    their inputs stand, and which lists are one tensor."""

    explanation: dict[str, object]
    rows: list[int]
    inputs: str
    stacked: list[str]


def encode_values(made: Mapping[str, tuple[Explanation | None, list[int]]], keep_inputs: bool) -> bytes:
    """Return the content of the file: explanations by method, each with the rows of the shard that it holds."""
    tensors: dict[str, Tensor] = {}
    headers, shared = {}, {}
    for method, (explanation, rows) in made.items():
        if explanation is None:
            continue
        parts, plain = explanation_parts(explanation)
        inputs = parts.pop("inputs")
        key = shared.setdefault(tuple(rows), f"inputs.{len(shared)}")
        tensors[key] = inputs if keep_inputs else inputs.new_zeros(len(inputs), 0)
        stacked = [name for name in LISTS if _stack(parts, name, len(rows))]
        tensors |= {f"{method}/{name}": part for name, part in parts.items()}
        headers[method] = Header(plain, rows, key, stacked)
    plain = {method: msgspec.structs.asdict(header) for method, header in headers.items()}
    return save(tensors, {"run": json.dumps(plain)})


def _stack(parts: dict[str, Tensor], name: str, count: int) -> bool:
    """Put the vectors of a list into one tensor where they are equally long: a thousand names cost more than they."""
    keys = [f"{name}.{row}" for row in range(count)]
    rows = [parts[key] for key in keys if key in parts]
    if len(rows) < count or len({part.shape for part in rows}) != 1:
        return False
    for key in keys:
        del parts[key]
    parts[name] = torch.stack(rows)
    return True


def read_values(path: str | Path, method: str | None = None) -> dict[str, tuple[Explanation, list[int]]]:
    """Return what `encode_values` encoded, of one method or of all; raises FolderError for any other file."""
    found = {}
    with _opened(path) as (file, headers):
        for name, header in headers.items():
            if method is not None and name != method:
                continue
            prefix = f"{name}/"
            tensors = {key.removeprefix(prefix): file.read(key) for key in file.entries if key.startswith(prefix)}
            tensors["inputs"] = file.read(header.inputs)
            for field in header.stacked:
                tensors |= {f"{field}.{row}": part for row, part in enumerate(tensors.pop(field))}
            found[name] = Explanation(**explanation_fields(header.explanation, tensors, path)), header.rows
    return found


def read_inputs(path: str | Path, method: str, positions: Sequence[int]) -> Tensor:
    """Return the inputs alone of what stands at some positions of a method's explanation, (n, ...)."""
    with _opened(path) as (file, headers):
        return file.read(headers[method].inputs)[list(positions)]


@contextmanager
def _opened(path: str | Path) -> Generator[tuple[TensorFile, dict[str, Header]]]:
    """Open the file of a shard, with what it says of each method; raises FolderError for any other file."""
    try:
        with open_tensors(path, WANTED) as file:
            plain = parse_json(file.metadata.get("run", "{}"), str(path))
            yield file, msgspec.convert(plain, dict[str, Header])
    except FileNotFoundError as error:
        raise FolderError("run", expected=WANTED, got=f"no file at {path}") from error
    except (KeyError, TypeError, AttributeError, msgspec.ValidationError) as error:
        raise FolderError(str(path), expected=WANTED, got="a header of another form") from error
