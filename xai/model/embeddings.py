"""The layer that turns numbers of words into vectors, and how a network is run with other vectors in their place."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from xai.base.errors import InputError, describe
from xai.network.hooks import StopForward, replacing

__all__ = ["find_embedding", "put_out", "reads", "vectors_of"]

Embedding = nn.Embedding | nn.EmbeddingBag


def find_embedding(network: nn.Module, ids: Tensor, mask: Tensor, run: Callable[[], object]) -> str:
    """Return the name of the embedding that reads the words: the one that the network names, or the first that does.

    Args:
        network: Whose.
        ids: What it is to read, (n, L).
        mask: Where these count, (n, L); padding may be read as another number.
        run: A forward pass on these words.

    Raises:
        InputError: There is none.
    """
    getter = getattr(network, "get_input_embeddings", None)
    try:
        first = getter() if callable(getter) else None
    except (NotImplementedError, AttributeError, TypeError):  # a network of Hugging Face that has none
        first = None
    found = [(name, part) for name, part in network.named_modules() if isinstance(part, Embedding)]
    found.sort(key=lambda item: item[1] is not first)
    for name, layer in found:

        def check(inputs: tuple, output: Tensor, layer: nn.Module = layer) -> None:
            if reads(layer, inputs, ids, mask):
                raise StopForward

        try:
            with torch.no_grad(), replacing(network, name, check, optional=True):
                run()
        except StopForward:
            return name
    got = f"{len(found)} that do not" if found else "none"
    wanted = f"an nn.Embedding that reads the words' numbers ({describe(ids)}); else a perturbation method will do"
    raise InputError("network", expected=wanted, got=got)


def reads(layer: nn.Module, inputs: tuple, ids: Tensor, mask: Tensor) -> bool:
    """Say whether an embedding is called with the words' numbers: as they are, or of a bag all in one row."""
    words = inputs[0] if inputs else None
    if not isinstance(words, Tensor):
        return False
    if isinstance(layer, nn.EmbeddingBag) and words.ndim == 1:
        return words.shape == ids[mask].shape and bool((words == ids[mask]).all())
    return words.shape == ids.shape and bool(((words == ids) | ~mask).all())


def vectors_of(layer: nn.Module, ids: Tensor, output: Tensor) -> Tensor:
    """Return the vector of each word, (n, L, D): what an embedding put out, or what a bag is about to add up."""
    return layer.weight[ids] if isinstance(layer, nn.EmbeddingBag) else output


def put_out(layer: nn.Module, inputs: tuple, vectors: Tensor, mask: Tensor, output: Tensor) -> Tensor:
    """Return what an embedding puts out with other vectors (n, L, D) of its words.

    Args:
        layer: An embedding, or a bag that adds the vectors of a text up, or takes their mean or maximum.
        inputs: What it was called with.
        vectors: (n, L, D).
        mask: Which of them are words, (n, L).
        output: What it put out of its own vectors.
    """
    vectors = vectors.to(output.dtype)
    if not isinstance(layer, nn.EmbeddingBag):
        return vectors
    words = inputs[0]
    weights = inputs[2] if len(inputs) > 2 else None
    if words.ndim == 1:  # all texts in a row, each from its offset on: those are the words that are there
        weights = _in_rows(weights, mask)
        counted = mask
    else:
        counted = torch.ones_like(mask) if layer.padding_idx is None else words != layer.padding_idx
    if layer.mode == "max":
        return torch.where(counted[:, :, None], vectors, -torch.inf).amax(1)
    share = counted.to(vectors.dtype) if weights is None else torch.where(counted, weights, 0)
    if layer.mode == "mean":
        share = share / counted.sum(1, keepdim=True).clamp_min(1)
    return (vectors * share[:, :, None]).sum(1)


def _in_rows(weights: Tensor | None, mask: Tensor) -> Tensor | None:
    if weights is None:
        return None
    rows = torch.zeros(mask.shape, dtype=weights.dtype, device=weights.device)
    return rows.masked_scatter(mask, weights)
