"""What a network's numbers mean: from its output, as the user declared it, to scores per class and probabilities."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

__all__ = ["OUTPUTS", "TASKS", "columns", "contradiction", "log_probabilities", "probabilities"]

TASKS = ("classification", "binary", "multilabel", "regression")
OUTPUTS = ("logits", "probabilities", "log_probabilities")
FEW = 8  # so many logits do not all lie between 0 and 1 by chance


def columns(raw: Tensor, task: str, output: str) -> Tensor:
    """Return one score per class from outputs (n, K): a single logit z of a binary network becomes (-z, z).

    >>> columns(torch.tensor([[2.0]]), "binary", "logits")
    tensor([[-2.,  2.]])
    """
    if task != "binary" or raw.shape[1] != 1:
        return raw
    if output == "logits":
        return torch.cat([-raw, raw], 1)
    if output == "probabilities":
        return torch.cat([1 - raw, raw], 1)
    return torch.cat([torch.log(-torch.expm1(raw)), raw], 1)


def probabilities(raw: Tensor, task: str, output: str) -> Tensor:
    """Return probabilities (n, K) from outputs (n, K); of a regression, the values.

    >>> probabilities(torch.tensor([[0.0]]), "binary", "logits")
    tensor([[0.5000, 0.5000]])
    """
    if task == "regression":
        return raw
    if output == "probabilities":
        return columns(raw, task, output)
    if output == "log_probabilities":
        return columns(raw, task, output).exp()
    if task == "multilabel":
        return raw.sigmoid()
    if raw.shape[1] == 1:
        return torch.cat([(-raw).sigmoid(), raw.sigmoid()], 1)
    return raw.softmax(1)


def log_probabilities(raw: Tensor, task: str, output: str) -> Tensor:
    """Return log-probabilities (n, K) from outputs (n, K), exact also where a probability rounds to 0.

    >>> log_probabilities(torch.tensor([[0.0, 200.0]]), "classification", "logits")
    tensor([[-200.,    0.]])
    """
    if output == "log_probabilities":
        return columns(raw, task, output)
    if output == "logits" and task in ("classification", "binary") and raw.shape[1] > 1:
        return raw.log_softmax(1)
    if output == "logits" and task == "binary":
        return logsigmoid(columns(raw, task, output))
    if output == "logits" and task == "multilabel":
        return logsigmoid(raw)
    known = probabilities(raw, task, output)
    return known.clamp_min(torch.finfo(known.dtype).tiny).log()


def contradiction(raw: Tensor, task: str, output: str) -> str | None:
    """Say why outputs (n, K) are probably not what was declared, or None where nothing speaks against it."""
    if task == "regression":
        return None
    several = raw.shape[1] > 1 and task == "classification"
    within = bool(((raw >= 0) & (raw <= 1)).all())
    sums = raw.sum(1)
    ones = torch.ones_like(sums)
    if output == "probabilities" and not within:
        return f"probabilities, but they reach from {raw.min():.3g} to {raw.max():.3g}"
    if output == "probabilities" and several and not torch.allclose(sums, ones, atol=1e-2):
        return "probabilities, but a row does not sum to 1"
    if output == "log_probabilities" and bool((raw > 1e-4).any()):
        return "log-probabilities, but some are above 0"
    if output == "log_probabilities" and several and bool((raw.logsumexp(1).abs() > 1e-2).any()):
        return "log-probabilities, but a row's probabilities do not sum to 1"
    if output == "logits" and not several and raw.numel() >= FEW and within:
        return "logits, but they look like probabilities (all lie between 0 and 1)"
    if output == "logits" and several and within and torch.allclose(sums, ones, atol=1e-4):
        return "logits, but they look like probabilities (each row sums to 1)"
    if output == "logits" and several and bool((raw.logsumexp(1).abs() < 1e-4).all()):
        return "logits, but they look like log-probabilities"
    return None
