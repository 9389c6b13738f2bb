"""Remove single connections: the smallest weights become 0, and what is left is kept as sparse matrices."""

from __future__ import annotations

import copy
import math
import warnings

from torch import Tensor, nn
from torch.nn.utils import prune

from models.compression.chain import WEIGHTED
from xai.base.errors import InputError, names_errors

__all__ = ["SparseLinear", "cut_connections", "finish_cutting", "sparse_copy", "sparsity"]


@names_errors("cut_connections")
def cut_connections(network: nn.Module, share: float, *, together: bool = True) -> nn.Module:
    """Return a copy in which a share of the weights, the smallest, is held at 0 while the others go on training.

    together: rank the weights of all layers in one list, or each matrix by itself. Biases stay. Training the copy is
    the fine-tuning; `finish_cutting` then makes it a plain network again. Ranking and masks are torch.nn.utils.prune.
    """
    if not 0 <= share < 1:
        raise InputError("share", expected="a number from 0 and below 1", got=share)
    cut = copy.deepcopy(network)
    weights = _weights_of(cut)
    if not weights:
        raise InputError("network", expected="a layer with weights", got=type(network).__name__)
    if together:
        prune.global_unstructured(weights, prune.L1Unstructured, amount=share)
    else:
        for module, name in weights:
            prune.l1_unstructured(module, name, amount=share)
    return cut


def finish_cutting(network: nn.Module) -> nn.Module:
    """Make the zeros part of the weights, in place, and return the network: no masks and no hooks are left."""
    for module in network.modules():
        hooks = list(module._forward_pre_hooks.values())
        for hook in hooks:
            if isinstance(hook, prune.BasePruningMethod):
                prune.remove(module, hook._tensor_name)
    return network


def sparsity(network: nn.Module) -> float:
    """Return the share of zeros among the weights of dense, convolutional and recurrent layers."""
    weights = [getattr(module, name).detach() for module, name in _weights_of(network)]
    total = sum(weight.numel() for weight in weights)
    return sum(int((weight == 0).sum()) for weight in weights) / total if total else math.nan


class SparseLinear(nn.Module):
    """A dense layer that multiplies by a sparse matrix (CSR), for inference: (N, inputs) -> (N, outputs)."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta state")
            self.matrix = layer.weight.detach().to_sparse_csr()
        self.bias = None if layer.bias is None else layer.bias.detach().clone()

    def forward(self, inputs: Tensor) -> Tensor:
        """Return inputs times the transposed matrix, plus bias."""
        rows = inputs.reshape(-1, inputs.shape[-1])
        result = (self.matrix @ rows.T).T
        result = result if self.bias is None else result + self.bias
        return result.reshape(*inputs.shape[:-1], -1)


def sparse_copy(network: nn.Module) -> nn.Module:
    """Return a copy for inference whose dense layers inside are sparse matrices. A folder keeps the plain network."""
    made = finish_cutting(copy.deepcopy(network)).eval()
    for name, module in list(made.named_modules()):
        if isinstance(module, nn.Linear) and name:
            parent, _, last = name.rpartition(".")
            setattr(made.get_submodule(parent), last, SparseLinear(module))
    return made


def _weights_of(network: nn.Module) -> list[tuple[nn.Module, str]]:
    weights = []
    for module in network.modules():
        if isinstance(module, WEIGHTED):
            recurrent = [name for name in getattr(module, "_flat_weights_names", ()) if name.startswith("weight")]
            weights += [(module, name) for name in recurrent or ["weight"]]
    return weights
