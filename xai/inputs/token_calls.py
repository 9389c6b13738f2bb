"""How a network is called with tokens: by name, with those of the tensors that it takes."""

from __future__ import annotations

import inspect
from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from xai.inputs.token_numbers import unpack

__all__ = ["NETWORK", "call_network", "handed"]

NETWORK = ("input_ids", "attention_mask", "token_type_ids")


def handed(numbers: Tensor, typed: bool) -> dict[str, Tensor]:
    """Return what a network of Hugging Face is called with, by name, from packed numbers (N, L)."""
    named = unpack(numbers)._asdict()
    found = dict(zip(NETWORK, named.values(), strict=True))
    return found if typed else {name: found[name] for name in NETWORK[:2]}


def call_network(network: nn.Module, tensors: dict[str, Tensor]) -> object:
    """Call a network with those of the tensors that it takes: by name, or the ids alone as its first argument."""
    taken = _taken(network)
    with _padding_known(network, tensors):
        if taken is None or NETWORK[0] in taken:
            return network(**{name: part for name, part in tensors.items() if taken is None or name in taken})
        beside = {name: part for name, part in tensors.items() if name in taken and name != NETWORK[0]}
        return network(tensors[NETWORK[0]], **beside)


def _taken(network: nn.Module) -> set[str] | None:
    """Return the names of the arguments that a network takes, None where it takes any."""
    try:
        parameters = inspect.signature(network.forward).parameters.values()
    except (TypeError, ValueError):  # compiled to something else
        return set()
    names = {part.name for part in parameters if part.kind in (part.POSITIONAL_OR_KEYWORD, part.KEYWORD_ONLY)}
    wrapper = not names and any(part.kind is part.VAR_KEYWORD for part in parameters)  # hands on what it gets
    return None if wrapper else names


@contextmanager
def _padding_known(network: nn.Module, tensors: dict[str, Tensor]) -> Generator[None]:
    """Tell a network that finds the end of a text by its padding, and was told of none, which id that is.

    An id that no text has: so the end is found where the attention mask has it.
    """
    config = getattr(network, "config", None)
    if config is None or getattr(config, "pad_token_id", 0) is not None:
        yield
        return
    ids, mask = tensors[NETWORK[0]], tensors[NETWORK[1]]
    used = set(ids[mask.bool()].tolist())
    free = next(number for number in range(len(used) + 1) if number not in used)
    config.pad_token_id = free
    tensors[NETWORK[0]] = torch.where(mask.bool(), ids, free)
    try:
        yield
    finally:
        config.pad_token_id = None
