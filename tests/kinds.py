"""The zoo's networks behind each kind of input: one contract holds methods for images, tables, texts and series."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from tests.zoo import SHAPE, ZOO, images
from xai.inputs.table import TabularInput
from xai.inputs.tensor import TensorInput
from xai.inputs.text import TextInput
from xai.methods import METHODS
from xai.model.model import Model

COLUMNS = ["a", "b", "c", "d"]
WORDS = ("good", "bad", "film", "plot", "end")


def kind_of(method: str) -> str:
    """Return the kind of input that a method is tried with."""
    kinds = METHODS[method].inputs
    return "image" if "image" in kinds else kinds[0]


def model_for(method: str, network: str) -> Model:
    """Return a network of the zoo as a model of what the method explains."""
    model = ZOO[network]()
    kind = kind_of(method)
    if kind == "image":
        return model
    dtype, inner = model.dtype, model.forward or (lambda module, pixels: module(pixels))

    def forward(module: nn.Module, batch: Tensor | list[str]) -> object:
        values = _counts(batch) if isinstance(batch, list) else batch.flatten(1)
        spread = torch.linspace(0, 1, SHAPE[0] * SHAPE[1] * SHAPE[2]).view(1, *SHAPE)
        pixels = torch.sin(values.double().sum(1)[:, None, None, None] + spread + values.double()[:, :1, None, None])
        return inner(module, pixels.to(dtype))

    inputs = {"tabular": TabularInput(COLUMNS), "text": TextInput(), "tensor": TensorInput()}
    settings = {"task": model.task, "output": model.output, "classes": model.classes}
    return Model(model.network, **settings, input=inputs[kind], forward=forward)


def inputs_for(method: str, count: int = 3) -> object:
    """Return inputs of the kind that the method explains."""
    generator = torch.Generator().manual_seed(1)
    kind = kind_of(method)
    if kind == "image":
        return images(count)
    if kind == "text":
        return ["a good film", "bad plot, good end", "film"][:count]
    return (
        torch.randn(count, 4, generator=generator)
        if kind == "tabular"
        else torch.randn(count, 5, 2, generator=generator)
    )


def forms_for(method: str) -> list[object]:
    """Return the same three inputs in other forms."""
    given = inputs_for(method)
    if kind_of(method) == "image":
        return [given.permute(0, 2, 3, 1).contiguous().numpy(), given.repeat_interleave(2, 0)[::2]]
    if kind_of(method) == "text":
        return [np.array(given), tuple(given)]
    if kind_of(method) == "tabular":
        return [given.numpy(), pd.DataFrame(given.numpy(), columns=COLUMNS)]
    return [given.numpy(), given.repeat_interleave(2, 0)[::2]]


def bad_inputs_for(method: str) -> list[object]:
    """Return what no method may take."""
    common = ["a picture", None, [], torch.zeros(2, 8, 8, dtype=torch.complex64)]
    of_kind = {
        "image": [torch.full((1, 2, 8, 8), torch.nan), torch.full((1, 2, 8, 8), 7.0), torch.zeros(1, 3, 8, 8),
                  torch.zeros(0, 2, 8, 8)],
        "text": ["", ["fine", ""], [1, 2], torch.zeros(2, 3), "?!"],
        "tabular": [torch.full((1, 4), torch.inf), torch.zeros(1, 5), torch.zeros(0, 4), pd.DataFrame({"a": [1.0]})],
        "tensor": [torch.full((1, 5, 2), torch.nan), torch.zeros(3), torch.zeros(0, 5, 2), torch.zeros(1, 2, 3, 4)],
    }  # fmt: skip
    kind = kind_of(method)
    return of_kind[kind] + (common[1:] if kind == "text" else common)


def _counts(texts: list[str]) -> Tensor:
    return torch.tensor([[float(text.count(word)) for word in WORDS] for text in texts])
