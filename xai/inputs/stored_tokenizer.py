"""The tokenizer of a model folder: the file that tokenizers writes, and what such a file does not say."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from xai.base.errors import FolderError, InputError, describe, one_line
from xai.base.extras import import_extra
from xai.base.reading import MEBIBYTE, read_plain
from xai.inputs.base import Input
from xai.inputs.text import TextInput
from xai.inputs.tokenizers import PlainTokenizer, Tokenizer

__all__ = ["StoredTokenizer", "with_tokenizer", "without_tokenizer"]

LARGEST = 128 * MEBIBYTE
NONE = -1  # in place of an id: there is no such token


class StoredTokenizer(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The section [tokenizer] of model.toml. What is left out is found in the file, by the names that are usual.

    file: in the folder, as the package tokenizers writes it; padding and the longest text stand in it. sha256: of the
    file; another one is refused. mask, unknown: ids, -1 for none. special: ids of tokens that are no part of a text.
    token_types: whether the network is told which text of a pair a token is of.
    """

    file: str = "tokenizer.json"
    sha256: str | None = None
    mask: int | None = None
    unknown: int | None = None
    special: list[int] | None = None
    token_types: bool | None = None


def without_tokenizer(input: Input) -> tuple[Input, StoredTokenizer | None, dict[str, bytes]]:
    """Return a kind of input without its tokenizer, what a model folder says of that, and the files beside it.

    Raises FolderError for a tokenizer that no file can hold.
    """
    if not isinstance(input, TextInput) or input.tokenizer is None:
        return input, None, {}
    stored, content = _store(input.tokenizer)
    return msgspec.structs.replace(input, tokenizer=None), stored, {stored.file: content}


def with_tokenizer(input: Input, folder: Path, stored: StoredTokenizer | None) -> Input:
    """Return a kind of input with the tokenizer of a model folder; no code of the folder is run for it.

    Raises FolderError for another kind than texts without a vocabulary, and where there is no such file.
    """
    if stored is None:
        return input
    if not isinstance(input, TextInput) or input.vocabulary:
        wanted = "an input of texts without a vocabulary"
        raise FolderError(f"{folder / 'model.toml'}: tokenizer", expected=wanted, got=input.kind)
    return msgspec.structs.replace(input, tokenizer=_read(folder, stored, input.length))


def _store(tokenizer: Tokenizer) -> tuple[StoredTokenizer, bytes]:
    """Return what a model folder says of a tokenizer, and the content of its file, whose name is made of its digest."""
    if tokenizer.rules is None:
        raise FolderError("model", expected="a fast tokenizer, which one file holds", got=describe(tokenizer))
    rules = type(tokenizer.rules).from_str(tokenizer.rules.to_str())
    number, side = tokenizer.padding
    rules.enable_padding(direction=side, pad_id=number, pad_token=tokenizer.name(number))
    if tokenizer.longest is None:
        rules.no_truncation()
    else:
        rules.enable_truncation(tokenizer.longest, direction=tokenizer.cut_from)
    content = rules.to_str().encode()
    digest = hashlib.sha256(content).hexdigest()
    stored = StoredTokenizer(
        file=f"tokenizer-{digest[:12]}.json",
        sha256=digest,
        mask=NONE if tokenizer.mask is None else tokenizer.mask,
        unknown=NONE if tokenizer.unknown is None else tokenizer.unknown,
        special=sorted(tokenizer.special),
        token_types=tokenizer.typed,
    )
    return stored, content


def _read(folder: Path, stored: StoredTokenizer, longest: int | None) -> Tokenizer:
    """Return the tokenizer; longest: the most tokens that the network reads, None is what the file says."""
    path, wanted = folder / stored.file, "a file of a tokenizer, as the package tokenizers writes it"
    if Path(stored.file).name != stored.file:
        raise FolderError("tokenizer: file", expected="the name of a file in the folder", got=describe(stored.file))
    try:
        content = read_plain(path, wanted, limit=LARGEST)
    except FileNotFoundError as error:
        raise FolderError("tokenizer: file", expected=wanted, got=f"no file {path}") from error
    if stored.sha256 is not None and (got := hashlib.sha256(content).hexdigest()) != stored.sha256:
        declared = f"the one of model.toml (sha256 {stored.sha256[:12]}...; without that line any is taken)"
        raise FolderError(str(path), expected=declared, got=f"another ({got[:12]}...)")
    tokenizer = PlainTokenizer(_parsed(content, path, wanted), longest)
    _check_ids(stored, tokenizer, path)
    if stored.mask is not None:
        tokenizer.mask = None if stored.mask == NONE else stored.mask
    if stored.unknown is not None:
        tokenizer.unknown = None if stored.unknown == NONE else stored.unknown
    if stored.special is not None:
        tokenizer.special = frozenset(stored.special)
    if stored.token_types is not None:
        tokenizer.typed = stored.token_types
    return tokenizer


def _parsed(content: bytes, path: Path, wanted: str) -> Any:
    try:
        package = import_extra("tokenizers", "texts")
    except InputError as error:
        raise FolderError(f"tokenizer: {error}") from error
    try:
        return package.Tokenizer.from_str(content.decode())
    except BaseException as error:  # a panic of its compiled code is no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise FolderError(str(path), expected=wanted, got=one_line(error)) from error


def _check_ids(stored: StoredTokenizer, tokenizer: Tokenizer, path: Path) -> None:
    given = {"mask": stored.mask, "unknown": stored.unknown, "padding": tokenizer.padding[0]}
    for name, number in [*given.items(), *(("special", number) for number in stored.special or ())]:
        if number is not None and not NONE <= number < tokenizer.size:
            wanted = f"an id below {tokenizer.size}, or {NONE} for none"
            raise FolderError(f"{path}: {name}", expected=wanted, got=str(number))
