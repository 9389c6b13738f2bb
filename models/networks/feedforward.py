"""Layers of neurons, each connected to all of the layer before."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from models.networks.activations import make_activation
from models.networks.columns import Columns, Rescale
from xai.base.arguments import whole_number
from xai.base.errors import InputError, names_errors

__all__ = ["feedforward"]


@names_errors("feedforward")
def feedforward(
    inputs: int,
    outputs: int,
    hidden: Sequence[int] = (64,),
    activation: str = "relu",
    dropout: float = 0.0,
    categories: Sequence[int] | None = None,
    rescale: bool = False,
) -> nn.Module:
    """Return a network of len(hidden) hidden layers; (N, inputs) -> (N, outputs), with nothing after the last sum.

    activation: a name in ACTIVATIONS; without hidden layers there is none. dropout: the chance to drop a hidden unit.
    categories: for rows of a table, 0 for each column that is a number, else its number of categories; the first layer
    standardizes and spreads them (see Columns). rescale: for a regression, targets are standardized inside the network.
    Layers are named columns, linear1, relu1, dropout1, ..., logits. Raises InputError for sizes that cannot be.

    >>> import torch
    >>> feedforward(4, 2, hidden=[8, 8])(torch.zeros(3, 4)).shape
    torch.Size([3, 2])
    """
    inputs = whole_number("inputs", inputs, 1)
    outputs = whole_number("outputs", outputs, 1)
    hidden = [whole_number("hidden", size, 1) for size in hidden]
    if not 0 <= dropout < 1:
        raise InputError("dropout", expected="a chance from 0, below 1", got=dropout)
    if categories is not None and len(categories) != inputs:
        raise InputError("categories", expected=f"{inputs} numbers, one per column", got=len(categories))
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    width = inputs
    if categories is not None:
        layers["columns"] = Columns(categories)
        width = layers["columns"].width
    for number, size in enumerate(hidden, start=1):
        layers[f"linear{number}"] = nn.Linear(width, size)
        layers[f"{activation}{number}"] = make_activation(activation)
        if dropout:
            layers[f"dropout{number}"] = nn.Dropout(dropout)
        width = size
    layers["logits"] = nn.Linear(width, outputs)
    if rescale:
        layers["rescale"] = Rescale(outputs)
    return nn.Sequential(layers)
