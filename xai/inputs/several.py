"""Several inputs at once: an image and the columns beside it, say, and tensors that are passed on unexplained.

A row is kept as one vector of all its numbers, so that every method for vectors explains it; the network gets the parts
apart, in their own shapes. `unpack` cuts values, which are such vectors too, into the parts. A text's numbers are its
characters; all texts of a batch are as wide as its longest, so that their width follows from the row's.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from xai.base.arrays import check_finite, to_tensor
from xai.base.errors import InputError, describe, names_errors
from xai.inputs.base import Input
from xai.inputs.baselines import make_baseline
from xai.inputs.hiding import Hiding, Replacing
from xai.inputs.parts import Parts, given_labels, renumbered
from xai.inputs.several_parts import (
    Companion,
    Shown,
    layout_of,
    named_cut,
    names_of_numbers,
    shapes_in,
    tokens_by_name,
    whole,
)  # fmt: skip
from xai.inputs.text import TextInput
from xai.inputs.text_columns import as_codes, columns_of, hidden_text, named_codes, wider

__all__ = ["Inputs", "SeveralInputs"]

MOST_NAMES = 4096  # numbers of a row that get a name each
INPUTS = "inputs"  # the way to cut that makes each input one part


@names_errors("Inputs")
def Inputs(**kinds: Input | Tensor) -> SeveralInputs:
    """Return the kind of several inputs: by the name of each its kind; companions as a tensor like one row's.

    Batches are dictionaries by these names, or tuples in this order. The network is called with the parts by name where
    its `forward` has arguments of these names, else in this order; `forward=` gets a dictionary.

    Args:
        kinds: ImageInput, TabularInput, SequenceInput, TensorInput with a shape, or another kind whose shape is known;
            TextInput, whose words are hidden, but have no gradients here; a tensor is a companion, which travels along
            with its row and is not explained. A network gets a text as numbers of words, of a tokenizer as a dictionary
            or under the names in it (`input_ids`), else as strings.

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
        elif not isinstance(kind, TextInput) and (not isinstance(kind, Input) or kind.embedded or kind.shape is None):
            wanted = (
                "a kind of numbers whose shape is known (an image, a table, a series), texts, or a tensor like a row's"
            )
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
    def texts(self) -> dict[str, TextInput]:
        """Return the kinds that are texts, by name."""
        return {name: kind for name, kind in self.kinds.items() if isinstance(kind, TextInput)}

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of one row of each part, in their order; of texts (0,), as they have no fixed one."""
        known = {name: tuple(kind.shape or (0,)) for name, kind in self.kinds.items()}
        known |= {name: companion.shape for name, companion in self.companions.items()}
        return {name: known[name] for name in self.order}

    @property
    def shape(self) -> tuple[int] | None:
        """Return how many numbers a row has, those of companions too; None where there are texts."""
        return None if self.texts else (sum(map(prod, self.shapes.values())),)

    @property
    def names(self) -> tuple[str, ...]:
        """Return a name for each number: the part, and the column or position in it; none where there are many."""
        few = self.shape is not None and self.shape[0] <= MOST_NAMES
        return names_of_numbers(self.kinds, self.shapes) if few else ()

    @property
    def layout(self) -> dict[str, list]:
        return layout_of(self.kinds, self.shapes)

    def unpack(self, batch: Tensor) -> dict[str, Tensor]:
        """Return the parts (N, ...) of vectors (N, D) by name: of a batch, or of the values of an explanation."""
        shapes = shapes_in(batch.shape[1], self.shapes, self.texts)
        columns = zip(shapes.items(), batch.split([prod(shape) for shape in shapes.values()], 1), strict=True)
        return {name: values.reshape(len(batch), *shape) for (name, shape), values in columns}

    def pack(self, parts: Mapping[str, Tensor]) -> Tensor:
        """Return vectors (N, D) of parts (N, ...) by name."""
        width = max((parts[name].shape[1] for name in self.texts), default=0)
        flat = {name: wider(part, width) if name in self.texts else part.flatten(1) for name, part in parts.items()}
        return torch.cat([flat[name] for name in self.order], 1)

    def prepare(self, value: object, argument: str = "inputs") -> Tensor:
        """Return a dictionary of batches by name, a tuple of them in order, or packed rows, as vectors (N, D)."""
        if isinstance(value, tuple) and len(value) == len(self.order):
            value = dict(zip(self.order, value, strict=True))
        wanted = f"a dictionary of {', '.join(self.order)}"
        if not isinstance(value, Mapping):
            rows = to_tensor(value, argument) if isinstance(value, Tensor) else None
            if rows is None or rows.ndim != 2 or not self._fits(rows.shape[1]):
                raise InputError(argument, expected=wanted, got=describe(value))
            return check_finite(rows, argument)
        if set(value) != set(self.order):
            raise InputError(argument, expected=wanted, got=f"one of {', '.join(map(str, value))}")
        parts = {name: self._part(name, value[name], f"{argument}[{name!r}]") for name in self.order}
        counts = {len(part) for part in parts.values()}
        if len(counts) > 1:
            got = ", ".join(f"{len(part)} of {name}" for name, part in parts.items())
            raise InputError(argument, expected="as many rows of each", got=got)
        return self.pack(parts)

    def _fits(self, width: int) -> bool:
        """Say whether rows of so many numbers can be cut into the parts."""
        more = width - sum(map(prod, self.shapes.values()))
        return more > 0 and more % len(self.texts) == 0 if self.texts else more == 0

    def _part(self, name: str, value: object, argument: str) -> Tensor:
        if name in self.texts:
            return columns_of(self.texts[name], value, argument)
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
        own = self.kinds.keys() - self.texts.keys()
        fed = {
            name: self.kinds[name].feed(part) if name in own else part.detach()
            for name, part in self.unpack(batch).items()
        }
        return self.pack({name: part for name, part in fed.items() if isinstance(part, Tensor)})

    def handed(self, seen: Any) -> Any:
        """Return what `forward=` gets: the parts by name, companions in their own type, texts as of their kind."""
        parts: dict[str, Any] = dict(self.unpack(seen))
        if self.texts and torch.finfo(seen.dtype).bits < 32:
            wanted = "one of float32 or float64, beside texts"
            raise InputError("network", expected=wanted, got=str(seen.dtype).removeprefix("torch."))
        for name, kind in self.texts.items():
            parts[name] = kind.handed(kind.feed(as_codes(parts[name])))
        for name, companion in self.companions.items():
            parts[name] = parts[name].to(getattr(torch, companion.dtype))
        return parts

    def call(self, network: nn.Module, seen: Any) -> object:
        """Call a network with the parts: by name where its forward has these names, else in their order."""
        parts = self.handed(seen)
        taken = inspect.signature(network.forward).parameters
        parts = tokens_by_name(parts, taken)
        return network(**parts) if all(name in taken for name in parts) else network(*parts.values())

    def _explained(self, batch: Tensor) -> Tensor:
        """Return which numbers of a row are explained, (1, D) of bool."""
        shapes = shapes_in(batch.shape[1], self.shapes, self.texts)
        flags = {name: torch.full((1, *shape), name in self.kinds) for name, shape in shapes.items()}
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
            kind = self.kinds[name]
            labels, called = whole(name, kind, part) if how == INPUTS else named_cut(name, kind, part, seed)
            labels = kind.spread(labels, part).expand(part.shape)
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

    def hide(self, batch: Tensor, shown: Tensor, baseline: Tensor) -> Tensor:
        """Return a batch with a baseline where a number is not shown; companions stay, texts lose their characters."""
        shown = shown | ~self._explained(batch)
        if not self.texts:
            return torch.where(shown, batch, baseline)
        parts, masks, others = (self.unpack(rows) for rows in (batch, shown, baseline))
        return self.pack({
            name: hidden_text(part, masks[name], others[name]) if name in self.texts
            else torch.where(masks[name], part, others[name])
            for name, part in parts.items()
        })  # fmt: skip

    def hiding(self, batch: Tensor, parts: Parts, baselines: Any) -> Hiding:
        """Return how the parts of a batch are hidden, for `masked_scores`; what belongs to no part stays."""
        if parts.labels is None:
            return Replacing(batch, None, baselines, tuple(batch.shape[1:]), self.hide)
        return Shown(batch, parts.labels.clamp_min(0), baselines, tuple(batch.shape[1:]), self.hide, parts.labels < 0)

    def baselines(self, batch: Tensor) -> tuple[str, ...]:
        """Return "absent", which is each input's own, and what all have."""
        parts = self.unpack(batch)
        shared = [set(kind.baselines(parts[name])) for name, kind in self.kinds.items() if name not in self.texts]
        return ("absent", *sorted(set.intersection(*shared) if shared else ("removed",)))

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
            if isinstance(kind, TextInput):
                parts[one] = named_codes(kind, asked, parts[one])
                continue
            parts[one] = kind.baseline(kind.absent(parts[one]) if asked == "absent" else asked, parts[one])[0]
        if isinstance(name, Mapping):
            return self.pack(parts), ", ".join(f"{one}: {value}" for one, value in name.items())
        return self.pack(parts), name if isinstance(name, str) else float(name)

    def noise_scale(self, batch: Tensor, rows: Tensor | None = None, whose: str = "") -> tuple[Tensor, str]:
        """Return what a small change is measured in, by each input's own kind; companions do not change."""
        parts, data = self.unpack(batch), None if rows is None else self.unpack(rows)
        scales = {
            name: self.kinds[name].noise_scale(part, None if data is None else data[name], whose)[0]
            if name in self.kinds and name not in self.texts
            else torch.zeros_like(part)
            for name, part in parts.items()
        }
        return self.pack(scales), "the range of each input"

    def check_gradients(self) -> None:
        if self.texts:
            wanted = "numbers alone (occlusion, kernel_shap and lime_segments hide words of texts beside them)"
            raise InputError("inputs", expected=wanted, got="texts among several inputs")

    def draws_from(self, row: Tensor) -> Tensor:
        """Return the numbers of one row without what pads its texts, which depends on the batch."""
        parts, texts = self.unpack(row[None]), self.texts
        return torch.cat([part[part >= 0] if name in texts else part.flatten() for name, part in parts.items()])
