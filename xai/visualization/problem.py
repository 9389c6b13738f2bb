"""What a call of `visualize` optimizes: from its arguments to a canvas for each kind of input."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import torch
from torch import Tensor

from xai.base.errors import InputError, describe
from xai.inputs.text import FIRST_WORD
from xai.model.model import Model
from xai.visualization.constraints import Constraint
from xai.visualization.images import image_canvas, image_shape
from xai.visualization.parameterization import Canvas
from xai.visualization.rows import row_canvas, row_limits, row_shape
from xai.visualization.tokens import token_canvas, token_count
from xai.visualization.transforms import Transform

__all__ = ["Easel"]


class Easel:
    """What a call optimizes: the shape and limits of its inputs, and a canvas for any of them."""

    def __init__(
        self,
        model: Model,
        size: object,
        parameters: str,
        transforms: Sequence[Transform] | None,
        bounds: object,
        chosen: Sequence[Constraint],
        start: object,
        reference: object,
        seed: int,
    ) -> None:
        self.model, self.parameters, self.transforms, self.seed = model, parameters, transforms, seed
        self.clip = any(item.clips for item in chosen)
        self.input = model.input
        if self.input.kind == "image":
            self.shape = image_shape(self.input, size, parameters)
            self.input = msgspec.structs.replace(self.input, shape=self.shape)
        sized = Model(model.network, task=model.task, output=model.output, input=self.input, forward=model.forward)
        self.start, self.real = (
            None if item is None else sized.prepare(item, name)
            for item, name in ((start, "start"), (reference, "reference"))
        )
        if self.input.kind == "text":
            self.shape = (token_count(self.input, size),)
            self.start, self.real = (None if item is None else self._numbers(item) for item in (self.start, self.real))
        elif self.input.kind != "image":
            self.shape = row_shape(self.input, size, self.real if self.start is None else self.start)
            low, high = row_limits(self.input, self.shape, bounds, self.real)
            self.limits = low.to(model.device, model.dtype), high.to(model.device, model.dtype)
            if self.input.kind == "sequence" and self.start is not None:
                self.start = self.start[:, : self.shape[0]]
        if self.input.kind == "image" and bounds is not None:
            raise InputError(
                "bounds",
                expected="none for images: ImageInput has a range",
                got=describe(bounds),
            )

    def blank(self) -> Tensor:
        """Return one input to read the network's layers with, (1, ...)."""
        if self.input.kind == "text":
            return torch.full((1, *self.shape), FIRST_WORD, device=self.model.device)
        if self.input.kind == "image":
            return torch.zeros(1, *self.shape, device=self.model.device)
        low, high = self.limits
        return ((low + high) / 2).expand(1, *self.shape).clone()

    def canvas(self, numbers: Sequence[int], generators: Sequence[torch.Generator], total: int) -> Canvas:
        """Return the canvas of the inputs with these numbers out of `total`."""
        start = self.start
        if start is not None:
            if len(start) not in (1, total):
                raise InputError("start", expected=f"one input, or one for each of {total}", got=len(start))
            start = start.expand(total, *start.shape[1:])[list(numbers)]
        moves = self.transforms is None or len(self.transforms) > 0
        if self.input.kind == "image":
            given = self.input.limits or self._range()
            settings = {"start": start, "real": self.real, "transforms": self.transforms, "clip": self.clip}
            return image_canvas(self.shape, generators, self.parameters, given, **settings)
        if self.input.kind == "text":
            return token_canvas(self.input, *self.shape, generators, start=start, vary=moves)
        return row_canvas(self.input, self.shape, generators, self.limits, start=start, vary=moves, clip=self.clip)

    def _range(self) -> tuple[float, float]:
        return (-1.0, 1.0) if self.real is None else (float(self.real.min()), float(self.real.max()))

    def _numbers(self, texts: Tensor) -> Tensor:
        numbers = self.input.feed(texts)
        room = max(0, self.shape[0] - numbers.shape[1])
        return torch.nn.functional.pad(numbers, (0, room)).to(self.model.device)
