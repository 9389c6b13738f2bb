"""Everything that an explanation must leave as it was, as one comparable value."""

from __future__ import annotations

import random

import numpy as np
import torch
from torch import nn


def state_of(network: nn.Module) -> dict[str, object]:
    """Return modes, hooks, attributes, buffers, gradients and the global state of the process."""
    modules = list(network.modules())
    return {
        "modes": [module.training for module in modules],
        "hooks": [[len(value) for key, value in vars(module).items() if "hooks" in key] for module in modules],
        "attributes": [sorted(vars(module)) for module in modules],
        "identities": [id(parameter) for parameter in network.parameters()],
        "weights": [parameter.detach().clone() for parameter in network.parameters()],
        "buffers": [buffer.clone() for buffer in network.buffers()],
        "gradients": [None if parameter.grad is None else parameter.grad.clone() for parameter in network.parameters()],
        "requires_grad": [parameter.requires_grad for parameter in network.parameters()],
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state()[1].tolist(),  # noqa: NPY002
        "python": random.getstate(),
        "grad_mode": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "threads": torch.get_num_threads(),
        "cudnn": (torch.backends.cudnn.enabled, torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic),
        "dtype": torch.get_default_dtype(),
    }


def differences(before: dict[str, object], after: dict[str, object]) -> list[str]:
    """Return the names of what changed."""
    return [name for name in before if not _same(before[name], after[name])]


def _same(first: object, second: object) -> bool:
    if isinstance(first, torch.Tensor):
        return isinstance(second, torch.Tensor) and torch.equal(first, second)
    if isinstance(first, list):
        return len(first) == len(second) and all(_same(a, b) for a, b in zip(first, second, strict=True))
    return first == second
