"""An explanation as one safetensors file: its tensors, and the rest as JSON in the header. No pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Sized
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import torch
from safetensors.torch import save
from torch import Tensor

from xai.base.deprecated import RenamedKeys
from xai.base.errors import FolderError, InputError, describe, one_line
from xai.base.files import write_atomically
from xai.base.reading import as_kind, parse_json
from xai.base.tensor_file import open_tensors
from xai.results.finding import Finding
from xai.results.named_target import NamedTarget

if TYPE_CHECKING:
    from xai.results.explanation import Explanation

__all__ = [
    "SCHEMA_VERSION",
    "explanation_fields",
    "explanation_parts",
    "read_explanation",
    "with_old_keys",
    "write_explanation",
]

SCHEMA_VERSION = 1
WANTED = "a saved explanation"
REQUIRED, OPTIONAL = ("inputs", "prediction", "values"), ("standard_error", "segments", "background")
PER_ROW = ("values", "standard_error")  # may be a tensor for each row
TENSORS = (*REQUIRED, *OPTIONAL)

# Old keys; they work for one more version.
RENAMED_DIAGNOSTICS = {"unsettled": "undecided"}
RENAMED_RUN = {"rectifiers": "relus"}  # of options["run"]


def with_old_keys(options: dict[str, Any], diagnostics: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return both fields of an explanation such that their old keys still work, with a warning."""
    rows = tuple(_renamed(row, RENAMED_DIAGNOSTICS) for row in diagnostics)
    if isinstance(options.get("run"), dict):
        options = {**options, "run": _renamed(options["run"], RENAMED_RUN)}
    return {"options": options, "diagnostics": rows}


def _renamed(plain: Mapping[str, Any], new_names: dict[str, str]) -> dict[str, Any]:
    known = {*new_names, *new_names.values()}
    return RenamedKeys(plain, new_names) if any(key in known for key in plain) else dict(plain)


class Saved(msgspec.Struct, forbid_unknown_fields=True):
    """What stands beside the tensors; see `Explanation`."""

    method: str
    target: list[int | list[int] | dict[str, str | None]]
    over: str
    options: dict[str, object]
    model_digest: str
    names: list[str]
    classes: list[str]
    baseline: str | int | float | None
    row_names: list[list[str]] | None
    diagnostics: list[dict[str, object]]
    evidence: list[list[Finding]]
    seed: int | None
    schema_version: int
    pooled: list[Finding] = []  # older files have none


def explanation_parts(explanation: Explanation) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return an explanation as its tensors by name, and the rest as JSON has it."""
    tensors = {}
    for name in TENSORS:
        value = getattr(explanation, name)
        if isinstance(value, Tensor):
            tensors[name] = value
        elif value is not None:
            tensors |= {f"{name}.{row}": part for row, part in enumerate(value)}
    plain = {
        entry.name: getattr(explanation, entry.name)
        for entry in fields(explanation)
        if entry.name not in (*TENSORS, "evidence", "pooled", "remake")
    }
    plain["target"] = [
        {"name": target.name, "written": target.written} if isinstance(target, NamedTarget) else target
        for target in explanation.target
    ]
    plain["pooled"] = [finding.to_dict() for finding in explanation.pooled]
    plain["evidence"] = [[finding.to_dict() for finding in row] for row in explanation.evidence]
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, plain


def write_explanation(explanation: Explanation, path: str | Path) -> Path:
    """Write everything to one file; raises OutputError where it cannot be written."""
    tensors, plain = explanation_parts(explanation)
    return write_atomically(path, save(tensors, {"explanation": json.dumps(plain)}))


def read_explanation(path: str | Path) -> dict[str, Any]:
    """Return the fields of what `write_explanation` wrote; raises FolderError for any other file."""
    try:
        with open_tensors(path, WANTED) as file:
            if "explanation" not in file.metadata:
                raise _refused(path, "no explanation in its header")
            return explanation_fields(parse_json(file.metadata["explanation"], str(path)), file.read_all(), path)
    except FileNotFoundError as error:
        raise FolderError("path", expected=WANTED, got=f"no file at {path}") from error


def explanation_fields(plain: Any, tensors: dict[str, Tensor], path: str | Path) -> dict[str, Any]:
    """Return the fields of what `explanation_parts` took apart; `path` names the file in a FolderError."""
    version = plain.get("schema_version") if isinstance(plain, dict) else None
    if version != SCHEMA_VERSION:
        raise FolderError("schema_version", expected=str(SCHEMA_VERSION), got=version)
    saved = as_kind(plain, Saved, str(path), wanted=WANTED)
    try:  # as they were written: a whole number stays one
        evidence = tuple(tuple(Finding(**item) for item in row) for row in plain["evidence"])
        pooled = tuple(Finding(**item) for item in plain.get("pooled", ()))
    except (InputError, TypeError) as error:
        raise _refused(path, f"a finding of another form ({one_line(error)})") from error
    found = _gathered(tensors, path)
    _check_rows(saved, found, path)
    return dict(
        **found,
        method=saved.method,
        target=tuple(_target(target, path) for target in saved.target),
        over=saved.over,
        options=saved.options,
        model_digest=saved.model_digest,
        names=tuple(saved.names),
        classes=tuple(saved.classes),
        baseline=saved.baseline,
        row_names=None if saved.row_names is None else tuple(map(tuple, saved.row_names)),
        diagnostics=tuple(saved.diagnostics),
        evidence=evidence,
        pooled=pooled,
        seed=saved.seed,
    )


def _target(saved: int | list[int] | dict[str, str | None], path: str | Path) -> int | tuple[int, int] | NamedTarget:
    """Return a target as it was; checked here, since msgspec corrupts memory with bounded numbers beside tuples."""
    if isinstance(saved, dict):
        name = saved.get("name")
        if name is None or set(saved) != {"name", "written"}:
            raise _refused(path, f"a target {describe(saved)}")
        return NamedTarget(name, saved["written"])
    pair = saved if isinstance(saved, list) else [saved]
    if min(pair, default=-1) < 0 or (isinstance(saved, list) and len(saved) != 2):
        raise _refused(path, f"a class {describe(saved)}")
    return (pair[0], pair[1]) if isinstance(saved, list) else saved


def _gathered(tensors: dict[str, Tensor], path: str | Path) -> dict[str, Tensor | list[Tensor]]:
    """Return the tensors by field; those of single rows as a list."""
    found: dict[str, Tensor | list[Tensor]] = {name: tensors.pop(name) for name in TENSORS if name in tensors}
    for name in PER_ROW:
        count = sum(key.startswith(f"{name}.") for key in tensors)
        rows = [tensors.pop(key) for row in range(count) if (key := f"{name}.{row}") in tensors]
        if count and (name in found or len(rows) < count):
            raise _refused(path, f"{name} that are incomplete, or there twice")
        if count:
            found[name] = rows
    missing = [name for name in REQUIRED if name not in found]
    if missing or tensors:
        raise _refused(path, f"no {', '.join(missing)}" if missing else f"an unknown tensor {next(iter(tensors))!r}")
    return found


def _check_rows(saved: Saved, found: dict[str, Tensor | list[Tensor]], path: str | Path) -> None:
    """Everything that is there per row is there for each row, and tensors hold numbers."""
    for name, value in found.items():
        if isinstance(value, Tensor) and (value.ndim == 0 or value.dtype == torch.complex64):
            raise _refused(path, f"{name} that are no rows of numbers")
    rows = len(found["inputs"])
    per_row: dict[str, Sized] = {
        name: found[name] for name in ("prediction", "values", "standard_error", "segments") if name in found
    }
    per_row |= {name: getattr(saved, name) for name in ("target", "diagnostics", "evidence")}
    if saved.row_names is not None:
        per_row["row_names"] = saved.row_names
    for name, value in per_row.items():
        if len(value) != rows:
            raise _refused(path, f"{len(value)} {name} for {rows} rows")
    if not isinstance(saved.options.get("run", {}), dict):
        raise _refused(path, "options that do not say how it was run")
    background = found.get("background")
    if isinstance(background, Tensor) and background.ndim < 2:
        raise _refused(path, "a background that has no rows")


def _refused(path: str | Path, got: str) -> FolderError:
    return FolderError(str(path), expected=WANTED, got=got)
