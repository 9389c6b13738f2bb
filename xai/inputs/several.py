"""Several inputs at once: an image and the columns beside it, say, and tensors that are passed on unexplained.

A row is kept as one vector of all its numbers, so that every method for vectors explains it; the network gets the parts
apart, in their own shapes. `unpack` cuts values, which are such vectors too, into the parts.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from itertools import product
from math import prod
from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from xai.base.arrays import check_finite, to_tensor
from xai.base.errors import InputError, describe, names_errors
from xai.inputs.base import Input
from xai.inputs.baselines import make_baseline
from xai.inputs.hiding import Hiding, Replacing
from xai.inputs.parts import Parts, given_labels, renumbered

__all__ = ["Companion", "Inputs", "SeveralInputs"]

MOST_NAMES = 4096  # numbers of a row that get a name each
INPUTS = "inputs"  # the way to cut that makes each input one part


class Companion(msgspec.Struct, frozen=True):
    """A tensor that the network needs and that is not explained: a mask, lengths, the edges of a graph.

    Args:
        shape: Of one row's.
        dtype: What the network gets, by the name of torch.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"


@names_errors("Inputs")
def Inputs(**kinds: Input | Tensor) -> SeveralInputs:
    """Return the kind of several inputs: by the name of each its kind; companions as a tensor like one row's.

    Batches are dictionaries by these names, or tuples in this order. The network is called with the parts by name where
    its `forward` has arguments of these names, else in this order; `forward=` gets a dictionary.

    Args:
        kinds: ImageInput, TabularInput, SequenceInput, TensorInput with a shape, or another kind whose shape is known;
            a tensor is a companion, which travels along with its row and is not explained.

    Raises:
        InputError: A kind has no known shape or no numbers.

    >>> from xai.inputs.image import ImageInput
    >>> from xai.inputs.table import TabularInput
    >>> both = Inputs(image=ImageInput((1, 4, 4)), meta=TabularInput(["age"]), mask=torch.ones(2, dtype=torch.bool))
    >>> batch = both.prepare({"image": torch.ones(3, 1, 4, 4), "meta": torch.ones(3, 1), "mask": torch.ones(3, 2)})
    >>> batch.shape, both.unpack(batch)["image"].shape
    (torch.Size([3, 19]), torch.Size([3, 1, 4, 4]))
    """
    explained: dict[str, Input] = {}
    companions: dict[str, Companion] = {}
    for name, kind in kinds.items():
        if isinstance(kind, Tensor):
            companions[name] = Companion(tuple(kind.shape), str(kind.dtype).removeprefix("torch."))
        elif not isinstance(kind, Input) or kind.embedded or kind.shape is None:
            wanted = "a kind of numbers whose shape is known (an image, a table, a series), or a tensor like one row's"
            raise InputError(name, expected=wanted, got=kind.kind if isinstance(kind, Input) else describe(kind))
        else:
            explained[name] = kind
    if not explained:
        raise InputError("kinds", expected="at least one input that is explained", got="none")
    return SeveralInputs(explained, companions, list(kinds))


class SeveralInputs(Input, frozen=True, tag="several"):
    """Several inputs at once: what `Inputs` makes.

    Args:
        kinds: What is explained, by name.
        companions: What travels along, by name.
        order: All names, in the order of the network's arguments.
    """

    kinds: dict[str, Input]
    companions: dict[str, Companion]
    order: list[str]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of one row of each part, in their order."""
        known = {name: tuple(kind.shape or ()) for name, kind in self.kinds.items()}
        known |= {name: companion.shape for name, companion in self.companions.items()}
        return {name: known[name] for name in self.order}

    @property
    def shape(self) -> tuple[int]:
        """Return how many numbers a row has, those of companions too."""
        return (sum(map(prod, self.shapes.values())),)

    @property
    def names(self) -> tuple[str, ...]:
        """Return a name for each number: the part, and the column or position in it; none where there are many."""
        if self.shape[0] > MOST_NAMES:
            return ()
        found: list[str] = []
        for name, shape in self.shapes.items():
            column_names = tuple(self.kinds[name].names) if name in self.kinds and len(shape) == 1 else ()
            indices = column_names if len(column_names) == prod(shape) else map(list, product(*map(range, shape)))
            found += [f"{name} {position}" for position in indices]
        return tuple(found)

    def unpack(self, batch: Tensor) -> dict[str, Tensor]:
        """Return the parts (N, ...) of vectors (N, D) by name: of a batch, or of the values of an explanation."""
        sizes = [prod(shape) for shape in self.shapes.values()]
        columns = zip(self.shapes.items(), batch.split(sizes, 1), strict=True)
        return {name: values.reshape(len(batch), *shape) for (name, shape), values in columns}

    def pack(self, parts: Mapping[str, Tensor]) -> Tensor:
        """Return vectors (N, D) of parts (N, ...) by name."""
        return torch.cat([parts[name].flatten(1) for name in self.order], 1)

    def prepare(self, value: object, argument: str = "inputs") -> Tensor:
        """Return a dictionary of batches by name, a tuple of them in order, or packed rows, as vectors (N, D)."""
        if isinstance(value, tuple) and len(value) == len(self.order):
            value = dict(zip(self.order, value, strict=True))
        if not isinstance(value, Mapping):
            rows = to_tensor(value, argument) if isinstance(value, Tensor) else None
            if rows is None or rows.ndim != 2 or rows.shape[1:] != self.shape:
                raise InputError(argument, expected=f"a dictionary of {', '.join(self.order)}", got=describe(value))
            return check_finite(rows, argument)
        if set(value) != set(self.order):
            got = f"one of {', '.join(map(str, value))}"
            raise InputError(argument, expected=f"a dictionary of {', '.join(self.order)}", got=got)
        parts = {name: self._part(name, value[name], f"{argument}[{name!r}]") for name in self.order}
        counts = {len(part) for part in parts.values()}
        if len(counts) > 1:
            got = ", ".join(f"{len(part)} of {name}" for name, part in parts.items())
            raise InputError(argument, expected="as many rows of each", got=got)
        return self.pack(parts)

    def _part(self, name: str, value: object, argument: str) -> Tensor:
        if name in self.kinds:
            part = self.kinds[name].exact(value, argument)
        else:
            part = to_tensor(value, argument)
            part = check_finite(part if part.is_floating_point() else part.float(), argument)
        if tuple(part.shape[1:]) != self.shapes[name]:
            wanted = f"shape (N, {', '.join(map(str, self.shapes[name]))})"
            raise InputError(argument, expected=wanted, got=describe(part))
        return part

    def feed(self, batch: Tensor) -> Tensor:
        """Return vectors of what the network reads: each part as its own kind feeds it; companions have no gradient."""
        fed = {
            name: self.kinds[name].feed(part) if name in self.kinds else part.detach()
            for name, part in self.unpack(batch).items()
        }
        return self.pack({name: part for name, part in fed.items() if isinstance(part, Tensor)})

    def handed(self, seen: Any) -> Any:
        """Return what `forward=` gets: the parts by name, companions in their own type."""
        parts = self.unpack(seen)
        for name, companion in self.companions.items():
            parts[name] = parts[name].to(getattr(torch, companion.dtype))
        return parts

    def call(self, network: nn.Module, seen: Any) -> object:
        """Call a network with the parts: by name where its forward has these names, else in their order."""
        parts = self.handed(seen)
        taken = inspect.signature(network.forward).parameters
        if all(name in taken for name in parts):
            return network(**parts)
        return network(*parts.values())

    def _explained(self, batch: Tensor) -> Tensor:
        """Return which numbers of a row are explained, (1, D) of bool."""
        flags = {name: torch.full((1, *shape), name in self.kinds) for name, shape in self.shapes.items()}
        return self.pack(flags).to(batch.device)

    def parts(self, batch: Tensor, how: object = None, seed: int = 0) -> Parts:
        """Return the parts of each input side by side; how: "inputs" for each input as one part, or labels (N, D)."""
        if how is not None and not (isinstance(how, str) and how == INPUTS):
            return self._of_labels(batch, how)
        made: dict[str, Tensor] = {}
        names: list[list[str]] = [[] for _ in batch]
        for name, part in self.unpack(batch).items():
            made[name] = torch.full_like(part, -1, dtype=torch.int64)  # a companion belongs to no part
            if name not in self.kinds:
                continue
            start = torch.tensor([len(row) for row in names], device=batch.device)
            labels, called = self._whole(name, part) if how == INPUTS else self._cut(name, part, seed)
            labels = self.kinds[name].spread(labels, part).expand(part.shape)
            made[name] = torch.where(labels < 0, -1, labels + start.view(-1, *[1] * (part.ndim - 1)))
            for row, more in zip(names, called, strict=True):
                row += more
        over, cut = ("segments", INPUTS) if how == INPUTS else ("features", "own")
        return Parts(self.pack(made), over, cut, tuple(map(tuple, names)))

    def _of_labels(self, batch: Tensor, how: object) -> Parts:
        if isinstance(how, str):
            raise InputError("segments", expected=f"none, {INPUTS!r}, or labels", got=repr(how))
        labels = given_labels(how, tuple(batch.shape), batch.device)
        explained_mask = self._explained(batch)[0]
        for row in labels:
            row[explained_mask], row[~explained_mask] = renumbered(row[explained_mask]), -1
        return Parts(labels, "segments", "given")

    def _whole(self, name: str, part: Tensor) -> tuple[Tensor, list[list[str]]]:
        labels = torch.zeros(len(part), *self.kinds[name].positions(part), dtype=torch.int64, device=part.device)
        return labels, [[name] for _ in part]

    def _cut(self, name: str, part: Tensor, seed: int) -> tuple[Tensor, list[list[str]]]:
        """Return the labels of an input's own parts and what each is called, by row."""
        kind = self.kinds[name]
        cut = kind.parts(part, None, seed)
        labels = cut.labelled()
        counts = (labels.flatten(1).amax(1) + 1).tolist()
        columns = [str(column) for column in kind.names] if cut.over == "features" else []
        known = cut.names or [columns if len(columns) == count else list(map(str, range(count))) for count in counts]
        return labels, [[f"{name} {called}" for called in row] for row in known]

    def hide(self, batch: Tensor, shown: Tensor, baseline: Tensor) -> Tensor:
        """Return a batch with a baseline where a number is not shown; companions stay."""
        return torch.where(shown | ~self._explained(batch), batch, baseline)

    def hiding(self, batch: Tensor, parts: Parts, baselines: Any) -> Hiding:
        """Return how the parts of a batch are hidden, for `masked_scores`."""
        labels = parts.labels  # of companions -1, which `hide` leaves alone: any part will do
        return Replacing(batch, None if labels is None else labels.clamp_min(0), baselines, self.shape, self.hide)

    def baselines(self, batch: Tensor) -> tuple[str, ...]:
        """Return "absent", which is each input's own, and what all have."""
        parts = self.unpack(batch)
        shared = [set(kind.baselines(parts[name])) for name, kind in self.kinds.items()]
        return ("absent", *sorted(set.intersection(*shared)))

    def absent(self, batch: Tensor) -> str:
        return "absent"

    def called(self, baseline: object, batch: Tensor) -> str:
        return "what stands for nothing in each input" if baseline == "absent" else str(baseline)

    def baseline(self, name: object, batch: Tensor) -> tuple[Tensor, str | float]:
        """Return a baseline for each row: a name or number for all inputs, one for each by name, or vectors (N, D)."""
        if isinstance(name, Mapping):
            if set(name) != set(self.kinds):
                raise InputError("baseline", expected=f"one for each of {', '.join(self.kinds)}", got=describe(name))
            baseline_of: Callable[[str], object] = name.__getitem__
        elif isinstance(name, str | int | float) and not isinstance(name, bool):
            if isinstance(name, str) and name not in self.baselines(batch):
                wanted = f"one of {', '.join(self.baselines(batch))}, a number, or one for each input by name"
                raise InputError("baseline", expected=wanted, got=repr(name))
            baseline_of = lambda part: name  # noqa: E731
        else:
            made, called = make_baseline(name, batch, (1,), self.baselines(batch))
            return torch.where(self._explained(batch), made, batch), called
        parts = self.unpack(batch)
        for one, kind in self.kinds.items():
            asked = baseline_of(one)
            parts[one] = kind.baseline(kind.absent(parts[one]) if asked == "absent" else asked, parts[one])[0]
        if isinstance(name, int | float):
            return self.pack(parts), float(name)
        called = ", ".join(f"{one}: {value}" for one, value in name.items()) if isinstance(name, Mapping) else str(name)
        return self.pack(parts), called

    def noise_scale(self, batch: Tensor, rows: Tensor | None = None, whose: str = "") -> tuple[Tensor, str]:
        """Return what a small change is measured in, by each input's own kind; companions do not change."""
        parts, data = self.unpack(batch), None if rows is None else self.unpack(rows)
        scales = {
            name: self.kinds[name].noise_scale(part, None if data is None else data[name], whose)[0]
            if name in self.kinds
            else torch.zeros_like(part)
            for name, part in parts.items()
        }
        return self.pack(scales), "the range of each input"
