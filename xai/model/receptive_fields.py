"""What one position of each layer sees of a model's images: asked for by who shows it, never by an explanation."""

from __future__ import annotations

import torch

from xai.model.model import Model
from xai.model.tracing import numbers_on
from xai.network.guard import untouched
from xai.network.hooks import first_tensor
from xai.network.receptive import Known, receptive_field

__all__ = ["receptive_fields"]


def receptive_fields(model: Model) -> dict[str, tuple[int | None, int | None]]:
    """Return what one position of each layer sees of the model's images, by the layer's name; see `receptive_field`.

    A layer that is not in it is not known: it puts out no tensor with a graph, or the input is no image of known shape.
    """
    shape = getattr(model.input, "shape", None)
    if shape is None or len(shape) != 3:
        return {}
    found: dict[str, tuple[int | None, int | None]] = {}
    known: Known = {}
    with untouched(model.network):
        image = torch.zeros(model.memory.rows.fewest, *shape, device=model.device, requires_grad=True)

        def record(name: str, output: object) -> None:
            tensor = first_tensor(output)
            if tensor is not None and tensor.grad_fn is not None:
                found[name] = receptive_field(tensor, image, known)

        for name, module in model.network.named_modules():
            if name and not isinstance(module, torch.jit.ScriptModule):
                # Taken off again by `untouched`.
                module.register_forward_hook(lambda module, inputs, output, name=name: record(name, output))
        numbers_on(model, model.network, image)
    return found
