"""What every kind of input is, and all that methods, checks and reports ask of a kind.

Explanations are made in the caller's units: pixels of an image, columns of a table. The network's own normalization
is a differentiable step behind them, so that a gradient is a gradient per pixel value and a baseline is a picture.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from xai.base.arrays import check_finite, to_tensor
from xai.base.errors import InputError, describe, one_line
from xai.inputs.baselines import make_background, make_baseline
from xai.inputs.description import Described
from xai.inputs.hiding import Hiding, Replacing
from xai.inputs.parts import Parts, given_labels, one_each

__all__ = ["Input"]


class Input(Described, frozen=True, tag_field="kind", forbid_unknown_fields=True, omit_defaults=True):
    """A kind of input: a frozen struct whose tag is the kind's name, in a model folder's TOML too.

    What stands here is true of any floating-point batch (N, positions, ...); a kind overrides what it knows better.

    >>> class Spectrogram(Input, frozen=True, tag="spectrogram"):
    ...     bands: int
    >>> Spectrogram(bands=40).kind
    'spectrogram'
    """

    @classmethod
    def of(cls, input: Input) -> Self:
        """Return an input of this kind as what it is.

        Args:
            input: A kind of input, as of `Model.input`.

        Raises:
            InputError: It is of another kind.

        >>> from xai.inputs.tensor import TensorInput
        >>> from xai.inputs.text import TextInput
        >>> TensorInput.of(TextInput())
        Traceback (most recent call last):
        ...
        xai.base.errors.InputError: model: expected one with inputs of kind 'tensor', got kind 'text'
        """
        if not isinstance(input, cls):
            wanted = f"one with inputs of kind {cls.__struct_config__.tag!r}"
            raise InputError("model", expected=wanted, got=f"kind {input.kind!r}")
        return input

    @property
    def kind(self) -> str:
        """Return the name of the kind."""
        return str(self.__struct_config__.tag)

    def unlimited(self) -> Input:
        """Return the kind that also takes values out of its limits, where noise has moved them."""
        return self

    def form(self, batch: Tensor) -> str:
        """Return what an audit reads a `batch` as: what it has checks for, else the name of the kind."""
        return self.kind

    def prepare(self, value: object, argument: str = "inputs") -> Tensor:
        """Return what a caller handed over as a batch in the caller's units, shape (N, ...), all numbers finite.

        Args:
            value: a tensor, an array, a list of numbers, or another form that the kind takes.
            argument: its name, for the error.

        Raises:
            InputError: where it is something else.
        """
        batch = to_tensor(value, argument)
        if batch.ndim < 2:
            raise InputError(argument, expected="a batch of shape (N, ...)", got=describe(batch))
        return check_finite(batch, argument)

    def exact(self, value: object, argument: str = "inputs") -> Tensor:
        """Return what `prepare` does, in float64 where what was handed over is as exact; a model rounds it by itself.

        Args:
            value: as `prepare`.
            argument: as `prepare`.

        Raises:
            InputError: as `prepare`.
        """
        return self.prepare(value, argument)

    def read(self, items: Sequence[str]) -> tuple[Tensor, tuple[str, ...]]:
        """Return a batch (N, ...) from `items`, files or words of a command line, and what to call each input.

        Raises:
            InputError: for files that hold something else, and by a kind that has none.
        """
        raise InputError("inputs", expected="a kind of input that is read from files", got=self.kind)

    def readable(self, batch: Tensor) -> Tensor:
        """Return a `batch` (N, ...) in the form that people read, where a data set may hold another."""
        return batch

    def decode(self, content: bytes, name: str) -> Tensor | str:
        """Return one input, (1, ...) or a text, from the `content` of a file of that `name`.

        Raises:
            InputError: for a file that holds something else.
        """
        try:
            return torch.from_numpy(np.load(io.BytesIO(content), allow_pickle=False))[None]
        except (ValueError, OSError, EOFError, TypeError) as error:
            raise InputError(name, expected="an array of numbers", got=one_line(error)) from error

    def feed(self, batch: Any) -> Tensor | list[str]:
        """Return what the network is called with, from a `batch` (N, ...) in the caller's units; differentiable.

        A kind whose `hiding` shows something else, such as strings, takes that too.
        """
        return batch

    def handed(self, seen: Any) -> Any:
        """Return what a caller's own `forward=` gets, from `seen`, which `feed` returned."""
        return seen

    def call(self, network: nn.Module, seen: Any) -> object:
        """Call a `network` with `seen`, which `feed` returned: it is its one argument."""
        return network(seen)

    def check_gradients(self) -> None:
        """Raise InputError where some of what is explained has no gradient, which would be read as having no effect."""

    def remarks(self, batch: Tensor) -> dict[str, list]:
        """Return what is to be said of each row of a `batch` before anything is explained, by name."""
        return {}

    def present(self, batch: Tensor) -> Tensor | None:
        """Return which positions of a `batch` are data and no padding, (N, L) of bool; None where none is padded."""
        return None

    def blank(self, count: int = 1) -> Tensor | None:
        """Return `count` inputs that mean nothing, to trace a network with; None where their size is not known."""
        return None if self.shape is None else torch.zeros(count, *self.shape)

    def draws_from(self, row: Tensor) -> Tensor:
        """Return what the random draws for one `row` depend on: not its padding, which depends on the batch."""
        return row

    def axes(self, batch: Tensor) -> tuple[int, ...]:
        """Return the axes of a `batch` along which its positions lie, none where that is not known.

        A position is the least that can be hidden: a pixel with all its channels, a column, a step. Of two axes maps
        are made, smoothed and moved as pictures.
        """
        return (1,)

    def positions(self, batch: Tensor) -> tuple[int, ...]:
        """Return how many positions of a `batch` lie along each of their axes."""
        return tuple(batch.shape[axis] for axis in self.axes(batch))

    def spread(self, values: Tensor, batch: Tensor) -> Tensor:
        """Return `values`, one for each position (n, *positions), shaped to broadcast with a `batch` (n, ...)."""
        if values.ndim == batch.ndim:
            return values
        sizes = dict(zip(self.axes(batch), values.shape[1:], strict=True))
        return values.reshape(len(values), *(sizes.get(axis, 1) for axis in range(1, batch.ndim)))

    def parts(self, batch: Tensor, how: object = None, seed: int = 0) -> Parts:
        """Cut each input of a batch into the parts that a method hides.

        Args:
            batch: (N, ...), in the caller's units.
            how: None for the kind's own way, a name that the kind knows, or labels: whole numbers of the positions.
            seed: of a cut that draws.

        Raises:
            InputError: for a way that the kind does not know.
        """
        shape = (len(batch), *self.positions(batch))
        if how is None:
            return Parts(one_each(shape, batch.device), "segments", "each")
        return Parts(given_labels(how, shape, batch.device), "segments", "given")

    def hide(self, batch: Tensor, shown: Tensor, baseline: Tensor) -> Tensor:
        """Return a batch (n, ...) with a baseline where a position is not shown.

        Args:
            batch: (n, ...), or (1, ...) for n times the same.
            shown: (n, *positions) of bool.
            baseline: like the batch.
        """
        return torch.where(self.spread(shown, batch), batch, baseline)

    def hiding(self, batch: Tensor, parts: Parts, baselines: Any) -> Hiding:
        """Return how the parts of a batch are hidden, for `masked_scores`.

        Args:
            batch: (N, ...).
            parts: those of the batch, or of one input for all.
            baselines: what stands where a part is hidden, (B, N, ...); of a kind without numbers what it has for it.
        """
        axes_sizes = self.positions(batch) if parts.labels is None else tuple(parts.labels.shape[1:])
        return Replacing(batch, parts.labels, baselines, axes_sizes, self.hide)

    def baselines(self, batch: Tensor) -> tuple[str, ...]:
        """Return the names of the baselines that such inputs have; `batch`: some of them, which tell their axes."""
        return ("zero", "mean", "noise")

    def absent(self, batch: Tensor) -> str:
        """Return the name of the baseline that says best that a part of a `batch` is absent."""
        return "zero"

    def imputing(self, batch: Tensor) -> Hiding | None:
        """Return how parts of a `batch` are hidden by what stands around them; None where that cannot be told."""
        return None

    def called(self, baseline: object, batch: Tensor) -> str:
        """Return how a sentence names a `baseline` of a `batch`."""
        return str(baseline)

    def baseline(self, name: object, batch: Tensor) -> tuple[Tensor, str | float]:
        """Return a baseline for each input, (N, ...), and its name. Padding keeps its values.

        Args:
            name: among `baselines`, a number, or numbers like the batch or one row of it, which are called "given".
            batch: (N, ...).

        Raises:
            InputError: for another name or shape.
        """
        gaps = bool(getattr(self, "missing", None) or getattr(self, "dates", None))
        return make_baseline(name, batch, self.axes(batch), self.baselines(batch), self.present(batch), gaps)

    def background(self, background: object, batch: Tensor) -> tuple[Tensor, str | float]:
        """Return several baselines for each input, (B, N, ...), and their name. Padding keeps its values.

        Args:
            background: what `baseline` takes as a name or number, several of those, or a tensor of B rows of data, each
                of which stands behind every input; that is called "data".
            batch: (N, ...).
        """
        return make_background(background, batch, lambda one: self.baseline(one, batch))

    def middle(self, rows: Tensor) -> Tensor:
        """Return the middle of several `rows` (B, N, ...) behind each input, (N, ...)."""
        return rows.mean(0)

    def noise_scale(self, batch: Tensor, rows: Tensor | None = None, whose: str = "") -> tuple[Tensor, str]:
        """Return what a small change of each value is measured in, (N, ...), and how a sentence says it.

        Args:
            batch: (N, ...).
            rows: data that say how far values spread, (B, ...), for kinds whose inputs do not say it themselves.
            whose: how a sentence names those rows.
        """
        flat = batch.flatten(1)
        scale = (flat.amax(1) - flat.amin(1)).view(-1, *[1] * (batch.ndim - 1)).expand_as(batch)
        present = self.present(batch)
        return scale if present is None else scale * self.spread(present, batch), "the range of the input"
