"""What a layer puts out, in place of the inputs: what explains an input explains a layer."""

from __future__ import annotations

from functools import partial
from typing import cast

import torch
from torch import Tensor

from xai.base.errors import LayerError
from xai.inputs.base import Input
from xai.inputs.tensor import Activations
from xai.inputs.text import TextInput
from xai.model.session import Session
from xai.network.hooks import recording, replacing, run_recorded

__all__ = ["LayerSession"]


class LayerSession(Session):
    """A session whose inputs are what `layer` puts out, at least in float32; a score is the network's from there on."""

    @classmethod
    def of_layer(cls, session: Session, layer: str) -> LayerSession:
        """Return the session of a layer, read in the plain network: in a folded one it may be another.

        Raises LayerError where it does not exist, is not reached, or runs more than once.
        """
        model, raw = session.model, session.inputs
        # Words as numbers, padded together: a part of the batch alone would be padded less.
        if raw.dtype == torch.int32 and model.input.embedded:
            raw = TextInput.of(model.input).as_numbers(raw)
        parts = []
        for part in raw.split(session.plan.batch_size):
            recorder = recording(model.network, [layer], stop=True)
            with torch.no_grad(), recorder as recorded, model.memory.rows.padded(len(part)) as ours:
                run_recorded(partial(model.forward_on, model.network, part), recorded, [layer])
            parts.append(recorded[layer][ours])
        if len({part.shape[1:] for part in parts}) > 1:
            wanted = f"{layer!r} to put out one shape for every row (pad to a fixed length)"
            raise LayerError("layer", expected=wanted, got="several")
        values = torch.cat(parts)
        inputs = values.to(torch.promote_types(values.dtype, torch.float32))
        return cls.over(session, inputs=inputs, made_from=raw, layer=layer)

    @property
    def kind(self) -> Input:
        """Return the kind of a layer's output: what is padding in the inputs, say, tells nothing of it."""
        return Activations()

    def _forward(self, batch: Tensor | list[str], rows: Tensor) -> Tensor:
        network, values = self.plan.network, cast(Tensor, batch)  # never texts: a layer's output
        if self.layer is None or self.made_from is None:
            raise ValueError("LayerSession.of_layer makes a session of a layer")

        def go_on(inputs: tuple, output: Tensor) -> Tensor:
            if output.shape != values.shape:
                wanted = (
                    f"{self.layer!r} to put out {tuple(values.shape)} for any part of the batch (pad to one length)"
                )
                raise LayerError("layer", expected=wanted, got=tuple(output.shape))
            return values.to(output.dtype).clone()  # a copy: what follows may work in place

        with replacing(network, self.layer, go_on, once=True):
            scores = self.model.forward_on(network, self.made_from[rows])
        if isinstance(batch, Tensor) and batch.requires_grad and not scores.requires_grad:
            raise LayerError("layer", expected="one that the scores depend on", got=repr(self.layer))
        return scores

    def _finish(self, values: Tensor | list[Tensor], over: str, fields: dict) -> tuple[Tensor | list, str, dict]:
        return values, "layer" if over == "input" else over, fields

    def _names(self) -> tuple[str, ...]:
        return ()
