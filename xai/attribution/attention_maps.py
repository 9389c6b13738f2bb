"""Attention as an explanation: rolled out over the layers, or weighted by its gradient (Chefer et al.)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from xai.attribution.attention_tokens import AttendedTokens
from xai.attribution.attention_weights import Attended, read_attention
from xai.base.errors import InputError, names_errors
from xai.model.map_layers import noted
from xai.model.model import Model
from xai.results.explanation import Explanation

__all__ = ["attention_gradient", "attention_rollout"]

Combine = Callable[[list[Attended]], Tensor]  # layers of attention -> what each token is given, (n, T), float64
HEADS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda weights: weights.mean(1),
    "max": lambda weights: weights.amax(1),
    "min": lambda weights: weights.amin(1),
}


@names_errors("attention_rollout")
def attention_rollout(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    heads: str = "mean",
    reshape: tuple[int, ...] | None = None,
    batch_size: int | None = None,
) -> Explanation:
    """Return how much of each token reaches the tokens that the score is read from, by attention alone.

    Of each layer half is attention and half the token itself, which passes beside it; the layers are multiplied. No
    class is asked: the map is the same for every target that is read from the same tokens, so that it cannot do better
    than the map of another class, and `verify` never calls it supported where that rival can be made. It is 0 nowhere,
    it has no sign, and whether answers follow it is another question: the check "attention" takes tokens away.

    Args:
        model: What is explained: layers of self-attention over all tokens, one after another.
        inputs: Images, texts, series or tables whose parts are its tokens.
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        heads: "mean", "max" or "min" over the heads of a layer.
        reshape: Where the parts of the input are among the tokens, where that is not found: (tokens before them, H, W),
            or the sides of another grid.
        batch_size: How many inputs at a time; None chooses it.

    Returns:
        values: (N, H, W) or (N, T) in input size, at least 0, resized linearly from the grid of tokens; of texts a list
        of one number per word. All tokens together have 1, a class token too.

    Raises:
        NetworkError: No attention is found, or it is not one stream of tokens (windows, an encoder beside a decoder).
        InputError: Where the parts of the input are among the tokens is not known, or `reshape` does not fit.

    Source: Abnar, Zuidema 2020, arXiv:2005.00928.

    >>> layer = torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    >>> network = torch.nn.Sequential(layer, torch.nn.Flatten(), torch.nn.Linear(12, 2))
    >>> made = attention_rollout(Model(network), torch.rand(1, 3, 4))
    >>> made.values.shape, round(float(made.values.sum()), 4)
    (torch.Size([1, 3]), 1.0)
    """
    if not isinstance(heads, str) or heads not in HEADS:
        raise InputError("heads", expected=f"one of {', '.join(HEADS)}", got=repr(heads))

    def combine(layers: list[Attended]) -> Tensor:
        return rollout([HEADS[heads](layer.weights) for layer in layers], read_by(layers))

    options: dict[str, object] = {} if heads == "mean" else {"heads": heads}
    return _explained("attention_rollout", model, inputs, target, reshape, batch_size, combine, options)


@names_errors("attention_gradient")
def attention_gradient(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    reshape: tuple[int, ...] | None = None,
    batch_size: int | None = None,
) -> Explanation:
    """Return how much each token adds to the score through attention: its weights times their gradient, layer by layer.

    Relevance begins as each token's own; a layer adds the mean over its heads of the positive part of gradient times
    weights, times the relevance before it. Read at the tokens that the score is read from, less what those had to begin
    with. It depends on the class; what speaks against it is cut, and what passes beside the attention is not seen.

    Args:
        model: What is explained: layers of self-attention over all tokens, one after another.
        inputs: Images, texts, series or tables whose parts are its tokens.
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        reshape: Where the parts of the input are among the tokens, as for `attention_rollout`.
        batch_size: How many inputs at a time; None chooses it.

    Returns:
        values: (N, H, W) or (N, T) in input size, at least 0, resized linearly from the grid of tokens; of texts a list
        of one number per word.

    Raises:
        NetworkError: No attention is found, or it is not one stream of tokens (windows, an encoder beside a decoder).
        InputError: Where the parts of the input are among the tokens is not known, or `reshape` does not fit.

    Source: Chefer, Gur, Wolf 2021, arXiv:2103.15679, for self-attention.

    >>> layer = torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    >>> network = torch.nn.Sequential(layer, torch.nn.Flatten(), torch.nn.Linear(12, 2))
    >>> attention_gradient(Model(network), torch.rand(1, 3, 4)).values.shape
    torch.Size([1, 3])
    """

    def combine(layers: list[Attended]) -> Tensor:
        weighted = [(layer.weights * layer.gradient).relu().mean(1) for layer in layers]
        return weighted_attention(weighted, read_by(layers))

    return _explained("attention_gradient", model, inputs, target, reshape, batch_size, combine, {})


def read_by(layers: list[Attended]) -> Tensor:
    """Return the share of each token in what the scores are read from, (n, T): alike where the last layer has gradient.

    Behind the last attention tokens go their own ways, so that a class token alone has a gradient there, or the last
    token of a causal network, or all that a mean is taken over. All 0 where no token has one.
    """
    read = layers[-1].gradient.ne(0).any(-1).any(1).double()
    return read / read.sum(1, keepdim=True).clamp_min(1)


def rollout(weights: list[Tensor], read: Tensor) -> Tensor:
    """Return the product of layers (n, T, T), half of each the tokens themselves, seen from those `read` (n, T)."""
    for layer in reversed(weights):
        shares = layer.double()
        shares = shares / shares.sum(-1, keepdim=True).clamp_min(1e-12)
        read = (read + (read[:, None] @ shares)[:, 0]) / 2
    return read


def weighted_attention(weighted: list[Tensor], read: Tensor) -> Tensor:
    """Return what layers (n, T, T), each added to the relevance that it multiplies, give to tokens seen from `read`.

    (1 + A_k) ... (1 + A_1) - 1, of which only the rows are made that are read.
    """
    found = read
    for layer in reversed(weighted):
        found = found + (found[:, None] @ layer.double())[:, 0]
    return found - read


def _explained(
    method: str,
    model: Model,
    inputs: object,
    target: object,
    reshape: tuple[int, ...] | None,
    batch_size: int | None,
    combine: Combine,
    options: dict[str, object],
) -> Explanation:
    with model.explaining(method, inputs, target, batch_size=batch_size, differentiable=True) as session:
        tokens = AttendedTokens(session, reshape)
        parts, read, layers = [], [], []
        for rows in session.chunks(len(session)):
            layers = read_attention(session, rows, tokens.locate)
            parts.append(combine(layers))
            read.append(read_by(layers).ne(0).sum(1))
        session.note("tokens_read", torch.cat(read))
        values, over = tokens.values(torch.cat(parts))
        run = {**tokens.run(), "attention": [layer.layer for layer in layers]}
        return session.explanation(method, values, over, options={**options, **noted(reshape)}, run=run)
