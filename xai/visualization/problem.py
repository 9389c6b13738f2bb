"""What a call of `visualize` optimizes; each kind of input has a subclass in a file of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from xai.base.errors import InputError, describe
from xai.inputs.base import Input
from xai.model.model import Model
from xai.visualization.constraints import Constraint
from xai.visualization.parameterization import Parameterization
from xai.visualization.transforms import Transform

__all__ = ["Problem", "ProblemConfig"]


@dataclass(frozen=True)
class ProblemConfig:
    """The arguments of `visualize` that say what is optimized."""

    size: int | tuple[int, int] | None = None
    parameters: str | None = None
    transforms: Sequence[Transform] | None = None
    bounds: object = None
    constraints: Sequence[Constraint] = ()
    start: object = None
    reference: object = None


class Problem(ABC):
    """The shape and range of the inputs of one call, and a parameterization of any of them.

    start and real are batches in the caller's units, None where the caller gave none.
    """

    real_noun: ClassVar[str] = "real rows"
    rate: ClassVar[float] = 0.05
    compares_images: ClassVar[bool] = False  # whether its inputs can be compared with real ones as images
    shape: tuple[int, ...]  # of one input, set by the kind

    def __init__(self, model: Model, config: ProblemConfig) -> None:
        self.model, self.config = model, config
        self.clip = any(item.clips for item in config.constraints)
        self.input: Input = self.resized_input()
        sized = Model(
            model.network,
            task=model.task,
            output=model.output,
            input=self.input,
            forward=model.forward,
            output_key=model.output_key,
        )
        self.start, self.real = (
            None if item is None else sized.prepare(item, name)
            for item, name in ((config.start, "start"), (config.reference, "reference"))
        )
        self.set_limits()

    @classmethod
    def check(cls, config: ProblemConfig) -> None:
        """Raise InputError for arguments that this kind of input does not take."""
        if config.transforms or config.parameters is not None:
            wanted = "parameters=None, and transforms=None or [], for inputs that are no images"
            got = describe(config.parameters or config.transforms)
            raise InputError("parameters, transforms", expected=wanted, got=got)

    @classmethod
    def learning_rate(cls, config: ProblemConfig) -> float:
        """Return the learning rate where the caller gave none."""
        return cls.rate

    def resized_input(self) -> Input:
        """Return the model's input in the size that the caller asked for."""
        return self.model.input

    @abstractmethod
    def set_limits(self) -> None:
        """Set the shape of one input and what else the kind needs to know; raises InputError."""

    @abstractmethod
    def blank(self) -> Tensor:
        """Return one input to read the network's layers with, (1, ...)."""

    @abstractmethod
    def parameterize(self, generators: Sequence[torch.Generator], start: Tensor | None) -> Parameterization:
        """Return the parameterization of one input per generator; start (N, ...) is where they begin."""

    def parameterization(
        self, numbers: Sequence[int], generators: Sequence[torch.Generator], total: int
    ) -> Parameterization:
        """Return the parameterization of the inputs with these numbers out of `total`."""
        start = self.start
        if start is not None:
            if len(start) not in (1, total):
                raise InputError("start", expected=f"one input, or one for each of {total}", got=len(start))
            start = start.expand(total, *start.shape[1:])[list(numbers)]
        return self.parameterize(generators, start)

    @property
    def varies(self) -> bool:
        """Whether each step sees the inputs under small changes."""
        return self.config.transforms is None or len(self.config.transforms) > 0

    def options(self) -> dict[str, object]:
        """Return what a result records of this kind of input alone."""
        return {}

    def as_inputs(self, snapshot: Tensor) -> Tensor:
        """Return a snapshot as inputs that can be shown."""
        return snapshot

    def words(self, inputs: Tensor) -> tuple[tuple[str, ...], ...] | None:
        """Return the words of each input, None where the kind has none."""
        return None
