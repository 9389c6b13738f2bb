"""What a run was asked: methods, checks and options, resolved once, so that every worker and every resumption agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Protocol, runtime_checkable

import msgspec

from xai.base.arguments import whole_number
from xai.base.digest import value_digest
from xai.base.errors import InputError, describe
from xai.base.frames import is_pandas
from xai.base.json_values import as_plain
from xai.base.name_lists import chosen_names
from xai.evidence.levels import KNOWN, PER_SECOND, checks_of, cost_per_row, elements_of
from xai.methods import Check, Method, all_methods
from xai.model.model import Model
from xai.model.written_targets import is_written, read_target
from xai.results.named_target import NamedTarget

__all__ = ["Settings", "by_name", "resolve"]

SHARD_SECONDS, SHARD_MEBIBYTES = 20.0, 64
MOST_ROWS = 1024
FEWEST_ROWS, MOST_SHARES = 16, 64  # a data set is cut into up to so many shards before shards become long
MOST_SHARDS = 20_000  # files of one folder, above which shards become longer than their work asks for


@runtime_checkable
class Saved(Protocol):
    """A value that says of itself what is saved."""

    def to_dict(self) -> dict[str, object]:
        """Return what it holds."""
        ...


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the results depend on, as the manifest holds it.

    checks: names, resolved. options, check_options: by method and check; what is no plain value stands as its SHA-256.
    shard_rows: rows of a shard, which is explained as one batch.
    """

    methods: list[str]
    checks: list[str]
    target: int | list[int] | str | None  # a written target function: pixel:40,60
    options: dict[str, dict[str, object]]
    check_options: dict[str, dict[str, object]]
    seed: int
    shard_rows: int
    keep_inputs: bool
    device: str


def resolve(
    model: Model,
    *,
    methods: Sequence[str] | None,
    checks: Sequence[str] | str | None,
    target: object,
    options: Mapping[str, Mapping[str, object]],
    check_options: Mapping[str, Mapping[str, object]],
    seed: int,
    shard_rows: int | None,
    keep_inputs: bool,
    device: str,
    total: int | None = None,
) -> Settings:
    """Return the settings, checked; raises InputError before any work for what cannot be. total: rows, where known."""
    known = {name: spec for name, spec in all_methods().items() if spec.kind in ("attribution", "surrogate")}
    asked = [methods] if isinstance(methods, str) else [] if methods is None else chosen_names("methods", methods)
    chosen = asked or [default_method(model)]
    for name in chosen:
        if name not in known or not known[name].takes(model.input.kind):
            wanted = f"methods for {model.input.kind} inputs among " + ", ".join(
                name for name, spec in known.items() if spec.takes(model.input.kind)
            )
            raise InputError("methods", expected=wanted, got=repr(name))
    _check_options("options", options, {name: known[name] for name in chosen}, {"model", "inputs", "target", "seed"})
    if device not in ("cpu", "cuda"):
        raise InputError("device", expected="'cpu' or 'cuda'", got=repr(device))
    elements = elements_of(model)
    names = [check for check in checks_of(checks, chosen, elements) if _can_be_made(check, model)]
    _check_options(
        "check_options", check_options, {name: KNOWN[name] for name in names}, {"model", "explanation", "seed"}
    )
    size = shard_rows
    size = _rows(model, chosen, names, elements, total) if size is None else whole_number("shard_rows", size, 1)
    return Settings(
        methods=chosen,
        checks=names,
        target=_target(model, target),
        options=_as_saved(options),
        check_options=_as_saved(check_options),
        seed=whole_number("seed", seed),
        shard_rows=size,
        keep_inputs=bool(keep_inputs),
        device=device,
    )


def default_method(model: Model) -> str:
    """Return what is made where no method is named: integrated gradients, or LIME of what takes no gradient."""
    return "integrated_gradients" if any(True for _ in model.network.parameters()) else "lime_segments"


def _can_be_made(check: str, model: Model) -> bool:
    """Say whether a check can be: without weights there are none to replace."""
    return KNOWN[check].access == "agnostic" or any(True for _ in model.network.parameters())


def _rows(model: Model, methods: Sequence[str], checks: Sequence[str], elements: int, total: int | None) -> int:
    """Return the rows of a shard: about twenty seconds of one core's work, by a fixed rule, and not too many bytes.

    Of few rows, fewer, so that there is something for each worker; how many workers there are does not count.
    """
    by_work = SHARD_SECONDS * PER_SECOND / (cost_per_row(methods, checks) * max(1, elements))
    blank = model.input.blank()
    bytes_each = 4 * (1 if blank is None else blank.numel()) * (1 + len(methods))
    most = MOST_ROWS if total is None else max(FEWEST_ROWS, -(-total // MOST_SHARES))
    least = 1 if total is None else -(-total // MOST_SHARDS)
    return max(1, min(MOST_ROWS, most, max(int(by_work), least), SHARD_MEBIBYTES * 2**20 // bytes_each))


def _target(model: Model, target: object) -> int | list[int] | str | None:
    if isinstance(target, NamedTarget):
        if target.written is None:
            raise InputError("target", expected="one that a file can hold, such as pixel:40,60", got=str(target))
        target = target.written
    if isinstance(target, str) and target not in (model.classes or ()) and is_written(target):
        read_target(target)  # says what is wrong with it before any row is read
        return target
    if isinstance(target, str):
        if model.classes is None or (target not in model.classes and not target.isdecimal()):
            known = ", ".join((model.classes or [])[:10])
            raise InputError("target", expected=f"a class among {known}, or its number", got=repr(target))
        return model.classes.index(target) if target in model.classes else int(target)
    if target is None or (isinstance(target, int) and not isinstance(target, bool)):
        return target
    if isinstance(target, tuple | list) and len(target) == 2:
        return [whole_number("target", item) for item in target]
    raise InputError("target", expected="None, a class, or a pair (a, b): the same for every row", got=describe(target))


def by_name(argument: str, options: Mapping[str, Mapping[str, object]] | None) -> dict[str, dict[str, object]]:
    """Return keyword arguments by the name of what takes them; raises InputError for anything else.

    >>> by_name("options", {"smoothgrad": {"samples": 3}})
    {'smoothgrad': {'samples': 3}}
    """
    wanted = "a dictionary of keyword arguments by name"
    if options is not None and not isinstance(options, Mapping):
        raise InputError(argument, expected=wanted, got=describe(options))
    for name, entries in (options or {}).items():
        if not isinstance(entries, Mapping) or not all(isinstance(key, str) for key in (name, *entries)):
            raise InputError(argument, expected=wanted, got=f"{describe(entries)} for {name!r}")
    return {name: dict(entries) for name, entries in (options or {}).items()}


def _check_options(
    argument: str, options: Mapping[str, Mapping[str, object]], known: Mapping[str, Method | Check], reserved: set[str]
) -> None:
    """Raise InputError for options of what is not made, or of names that it does not take."""
    for name, entries in options.items():
        if name not in known:
            raise InputError(argument, expected=f"among {', '.join(known)}", got=repr(name))
        taken = signature(known[name].load()).parameters
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values()):
            continue  # checked where it is called
        wrong = [key for key in entries if key not in taken or key in reserved]
        if wrong:
            wanted = f"keyword arguments among {', '.join(sorted(set(taken) - reserved))}"
            raise InputError(f"{argument}: {name}", expected=wanted, got=repr(wrong[0]))


def _as_saved(options: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, object]]:
    return {name: {key: _saved(value) for key, value in entries.items()} for name, entries in options.items()}


def _saved(value: object) -> object:
    plain = value.to_dict() if isinstance(value, Saved) and not is_pandas(value) else value
    if isinstance(plain, dict | list | tuple | str | int | float | bool | None):
        return as_plain(plain)
    return f"sha256:{value_digest(value)}"
