"""Operations that torch runs in one piece, written as steps that have rules: attention, gates, recurrent layers."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from xai.attribution.backward_rules import Rewritten
from xai.attribution.recurrent_steps import RECURRENT_STEPS

__all__ = ["REWRITTEN", "attention", "attention_logits"]


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Return what `scaled_dot_product_attention` does, by two products and the softmax between them.

    A position that may look at nothing gets 0, as in torch.
    """
    if enable_gqa:  # several heads of queries share one of values
        value = value.repeat_interleave(query.shape[-3] // value.shape[-3], -3)
    logits = attention_logits(query, key, attn_mask, is_causal, scale, enable_gqa)
    blind = (logits.detach() == -torch.inf).all(-1, keepdim=True)
    weights = logits.masked_fill(blind, 0.0).softmax(-1).masked_fill(blind, 0.0)
    if dropout_p:  # asked for in whatever mode: no rule knows it, and it is named
        weights = functional.dropout(weights, dropout_p, training=True)
    return weights @ value


def attention_logits(
    query: Tensor,
    key: Tensor,
    attn_mask: Tensor | None = None,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Return what goes into the softmax of attention, (..., L, S); where the mask forbids to look it is -inf."""
    if enable_gqa:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    logits = (query * scale) @ key.transpose(-2, -1)
    if is_causal:
        attn_mask = torch.ones(logits.shape[-2:], dtype=torch.bool, device=logits.device).tril()
    if attn_mask is None:
        return logits
    return logits.masked_fill(~attn_mask, -torch.inf) if attn_mask.dtype == torch.bool else logits + attn_mask


def _glu(input: Tensor, dim: int = -1) -> Tensor:
    signal, gate = input.chunk(2, dim)
    return signal * gate.sigmoid()


def _length(x: Tensor, ord: float = 2, dim: Any = None, keepdim: bool = False, **more: object) -> Any:
    if ord != 2 or any(item is not None for item in more.values()):
        return NotImplemented
    return x.square().sum(dim, keepdim=keepdim).sqrt()


REWRITTEN: dict[str, Rewritten] = {
    "scaled_dot_product_attention": Rewritten(attention),
    "glu": Rewritten(_glu),
    "linalg_vector_norm": Rewritten(_length),
    **RECURRENT_STEPS,
}
