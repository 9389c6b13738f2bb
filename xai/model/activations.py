"""What layers put out for a batch, as a caller asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from xai.base.errors import LayerError, describe, names_errors
from xai.model.target_function import TargetFunction
from xai.network.hooks import recording, run_recorded

if TYPE_CHECKING:
    from xai.model.model import Model

__all__ = ["activations_of"]


@names_errors("activations")
def activations_of(
    model: Model, inputs: object, layer: str | Sequence[str], *, before: bool = False, batch_size: int | None = None
) -> Tensor | dict[str, Tensor]:
    """Return what a layer puts out, (N, ...); of several layers a dictionary by name.

    Args:
        model: Whose layer.
        inputs: A batch that the model's input takes, (N, ...).
        layer: By name, or several; "gru:reset" is a gate of a recurrent layer.
        before: Read layers that are activation functions before them.
        batch_size: How many inputs at a time; None chooses it.

    Raises:
        LayerError: A layer does not exist, is not reached, or puts out another shape for other rows.

    >>> from xai.model.model import Model
    >>> Model(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU())).activations(torch.zeros(5, 3), "1").shape
    torch.Size([5, 4])
    """
    names = [layer] if isinstance(layer, str) else list(layer) if isinstance(layer, Iterable) else []
    if not names or not all(isinstance(name, str) for name in names):
        raise LayerError("layer", expected="the name of a layer, or several", got=describe(layer))
    network, parts = model.network, {name: [] for name in names}
    if model.aim is not None:
        model = model.aim.base
    # The layer itself is what is asked of the network, whose output may be no scores (a map of classes, say).
    unit = TargetFunction(
        f"what {names[0]} puts out",
        read=lambda output, recorded: recorded[names[0], before].flatten(1).float().mean(1),
        layers=((names[0], before),),
        inner=True,
    )
    with model.explaining("activations", inputs, unit, exact=True, batch_size=batch_size) as session:
        for rows in session.chunks(len(session)):
            part = session.inputs[rows]
            recorder = recording(network, names, before=before, stop=True)
            with torch.no_grad(), recorder as recorded, model.memory.rows.padded(len(part)) as ours:
                run_recorded(partial(model.forward_on, network, part), recorded, names)
            for name in names:
                parts[name].append(recorded[name][ours].detach().clone())
    for name, found in parts.items():
        if len({part.shape[1:] for part in found}) > 1:
            wanted = f"{name!r} to put out one shape for every row (pad to a fixed length, or batch_size=1 and a row)"
            raise LayerError("layer", expected=wanted, got="several")
    made = {name: torch.cat(found) for name, found in parts.items()}
    return made[names[0]] if isinstance(layer, str) else made
