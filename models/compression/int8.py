"""Dense layers that really multiply in int8, through torchao (the optional extra `quantize`)."""

from __future__ import annotations

import copy
import importlib.util
import warnings

from torch import nn

from xai.base.errors import InputError, names_errors

__all__ = ["has_torchao", "run_in_int8"]


def has_torchao() -> bool:
    """Say whether torchao is installed."""
    return importlib.util.find_spec("torchao") is not None


@names_errors("run_in_int8")
def run_in_int8(network: nn.Module) -> nn.Module:
    """Return a copy for inference whose dense layers hold int8 weights and multiply int8 activations by them.

    One symmetric scale for each unit of the weights and for each row of activations, found as it runs. Other layers
    stay in floating point. A model folder keeps the plain network (with `quantize_weights(network, "int8")` its weights
    already lie on the same grid); convert it after loading. Raises InputError where torchao is not installed.
    """
    if not has_torchao():
        raise InputError("torchao", expected="pip install 'xai-toolkit[quantize]'", got="no torchao")
    if not any(isinstance(module, nn.Linear) for module in network.modules()):
        raise InputError("network", expected="a torch.nn.Linear inside", got=type(network).__name__)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchao warns at import about kernels for other machines
        from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

        made = copy.deepcopy(network).eval().requires_grad_(False)
        quantize_(made, Int8DynamicActivationInt8WeightConfig())  # ty: ignore[not-callable]  # a module has its name too
    return made
