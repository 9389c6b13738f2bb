"""Targets that are no classes: a number of the network's output, by name, or any function of that output.

Every method takes one as `target=`, one per row, or a pair (a, b) for a rather than b; `a - b` is such a pair.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from xai.base.arguments import whole_number
from xai.base.arrays import all_finite, as_tensor
from xai.base.errors import InputError, LayerError, TargetError, describe, names_errors
from xai.model.boxes import best_overlap, check_box, query_scores
from xai.model.read_output import one_tensor
from xai.model.target_function import Answer, Class, Recorded, TargetFunction, class_number, column, of_class, takes_row

__all__ = [
    "TargetFunction", "box", "class_", "function", "outputs", "pixel", "region", "similarity", "step", "token", "unit",
]  # fmt: skip

FAR = 10**9  # further from the end than any position


@names_errors("targets.class_")
def class_(number: int | str, *, output: str | int | None = None) -> TargetFunction:
    """Return a class as a target: of use beside others ("a class rather than a unit").

    Args:
        number: Its number or name.
        output: Which tensor the scores are, where a network puts out several: a key, field or place.

    >>> str(class_(3))
    'class 3'
    """
    if number is None:
        raise InputError("number", expected="the number or name of a class", got="None")
    return of_class(number, lambda raw: one_tensor(raw, output, (2,)), "", _written("class_", output=output))


@names_errors("targets.outputs")
def outputs(
    numbers: Sequence[int], *, reduce: Literal["sum", "mean"] = "sum", output: str | int | None = None
) -> TargetFunction:
    """Return the sum or mean of several outputs of a network that puts out (N, K).

    Args:
        numbers: The outputs.
        reduce: "sum" or "mean".
        output: Which tensor they are in, where a network puts out several.

    >>> outputs([0, 2]).name
    'the sum of outputs 0, 2'
    """
    if isinstance(numbers, str) or not isinstance(numbers, Sequence) or not len(numbers):
        raise InputError("numbers", expected="a list of outputs", got=describe(numbers))
    chosen = [whole_number("numbers", number) for number in numbers]
    if reduce not in ("sum", "mean"):
        raise InputError("reduce", expected="'sum' or 'mean'", got=repr(reduce))

    def read(raw: Any, recorded: Recorded) -> Tensor:
        scores = one_tensor(raw, output, (2,))
        found = torch.stack([column(scores, number, "output") for number in chosen])
        return found.sum(0) if reduce == "sum" else found.mean(0)

    name = f"the {reduce} of outputs {', '.join(map(str, chosen))}"
    return TargetFunction(name, _written("outputs", *chosen, *["mean"] * (reduce == "mean"), output=output), read=read)


@names_errors("targets.pixel")
def pixel(y: int, x: int, class_: Class = None, *, output: str | int | None = None) -> TargetFunction:
    """Return the score of a class at one pixel, of a network that puts out (N, K, H, W) (segmentation).

    Args:
        y: The row, from the top.
        x: The column, from the left.
        class_: A number or name; None is the class that the pixel of each row has.
        output: Which tensor the scores are, where a network puts out several; torchvision's "out" needs none.

    >>> pixel(40, 60, 3).written
    'pixel:40,60,3'
    """
    y, x = whole_number("y", y), whole_number("x", x)

    def scores(raw: Any) -> Tensor:
        found = one_tensor(raw, output, (4,))
        if y >= found.shape[2] or x >= found.shape[3]:
            raise TargetError("target", expected=f"a pixel within {tuple(found.shape[2:])}", got=f"({y}, {x})")
        return found[:, :, y, x]

    return of_class(class_, scores, f" at pixel ({y}, {x})", _written("pixel", y, x, output=output))


@names_errors("targets.region")
def region(mask: object, class_: Class = None, *, output: str | int | None = None) -> TargetFunction:
    """Return the sum of a class's scores over a fixed region, of a network that puts out (N, K, H, W).

    Args:
        mask: True in the region, (H, W) of the output.
        class_: A number or name; None is the class with the largest sum there.
        output: Which tensor the scores are, where a network puts out several.

    >>> region(torch.ones(2, 2), 1).name
    'class 1 over a region of 4 pixels'
    """
    area = as_tensor(mask, "mask")
    if area.ndim != 2 or not bool(area.bool().any()):
        got = "one that is 0 everywhere" if area.ndim == 2 else describe(area)
        raise InputError("mask", expected="a mask (H, W) with something in it", got=got)
    area = area.bool()

    def scores(raw: Any) -> Tensor:
        found = one_tensor(raw, output, (4,))
        if found.shape[2:] != area.shape:
            raise TargetError("mask", expected=f"a mask {tuple(found.shape[2:])}", got=f"{tuple(area.shape)}")
        return (found * area.to(found)).sum((2, 3))

    return of_class(class_, scores, f" over a region of {int(area.sum())} pixels", None)


@names_errors("targets.step")
def step(t: int, class_: Class = None, *, output: str | int | None = None) -> TargetFunction:
    """Return what a network of series puts out at one step: of (N, T) the number, of (N, T, K) a class's score.

    Args:
        t: The step, from 0; from the end where it is negative.
        class_: A number or name; None is the class that the step of each row has, or the only number there.
        output: Which tensor the scores are, where a network puts out several.

    >>> step(3, 1).name
    'class 1 at step 3'
    """
    t = whole_number("t", t, -FAR)
    scores = partial(_at_position, position=t, output=output, ranks=(3, 2))
    return of_class(class_, scores, f" at step {t}", _written("step", t, output=output))


@names_errors("targets.token")
def token(position: int, id: Class = None, *, output: str | int | None = None) -> TargetFunction:
    """Return the score of a token at a position, of a language model that puts out (N, L, V).

    Args:
        position: From 0; from the end where it is negative. What a causal model puts out there is what comes next.
        id: The token's number, or its name among the model's classes; None is the likeliest one there.
        output: Which tensor the scores are, where a network puts out several.

    >>> token(-1, 5).name
    'token 5 at position -1'
    """
    position = whole_number("position", position, -FAR)
    scores = partial(_at_position, position=position, output=output, ranks=(3,))
    return of_class(id, scores, f" at position {position}", _written("token", position, output=output), noun="token")


def _at_position(raw: Any, position: int, output: str | int | None, ranks: tuple[int, ...]) -> Tensor:
    found = one_tensor(raw, output, ranks)
    if not -found.shape[1] <= position < found.shape[1]:
        raise TargetError("target", expected=f"one of {found.shape[1]} positions", got=position)
    return found[:, position] if found.ndim == 3 else found[:, position, None]


@names_errors("targets.box")
def box(query: int | None = None, class_: Class = None, *, match: Sequence[float] | None = None) -> TargetFunction:
    """Return the score of an object that a detector finds.

    Of outputs with a slot per object, {"logits": (N, Q, K), "pred_boxes": (N, Q, 4)} as DETR's, `query` is the slot.
    `match` takes the detection that fits a box best, anew for each input: the largest score times overlap (IoU) of a
    class, as D-RISE has it; also of lists of {"boxes", "labels", "scores"} as torchvision's. It is 0 where none fits.

    Args:
        query: The number of a slot.
        class_: A number or name; of a query None is its likeliest class, of a match it has to be given.
        match: A box (x1, y1, x2, y2), in the units of the detector's boxes; of DETR's, shares of the sides.

    Source: Petsiuk et al. 2021, arXiv:2006.03204.

    >>> box(7, 2).written
    'box:7,2'
    """
    if (query is None) == (match is None):
        raise InputError("query", expected="the number of a slot, or match= with a box", got="both or none")
    if match is None:
        slot = whole_number("query", query)
        return of_class(class_, partial(query_scores, query=slot), f" in slot {slot}", _written("box", slot))
    if class_ is None:
        raise InputError("class_", expected="the class of the object that match= is to find", got="None")
    wanted = check_box(match)
    called = class_ if isinstance(class_, str) else f"class {class_}"
    name = f"{called} in the box ({', '.join(f'{side:g}' for side in wanted)})"

    def fix(answer: Answer) -> TargetFunction:
        number = class_number(class_, answer.classes)
        made = TargetFunction(name, read=lambda raw, recorded: best_overlap(raw, number, wanted))
        return answer.once((wanted, number), lambda: made)

    return TargetFunction(name, fix=fix)


@names_errors("targets.similarity")
def similarity(reference: object, *, embedding: bool = False, output: str | int | None = None) -> TargetFunction:
    """Return the cosine of what the network puts out, (N, D), with that of a reference (retrieval, siamese networks).

    Args:
        reference: An input as the model takes it, a batch of one; or a vector (D,), where `embedding` says so.
        embedding: The reference is what a network puts out, not an input.
        output: Which tensor the vectors are, where a network puts out several.

    >>> similarity([1.0, 0.0], embedding=True).name
    'similarity to a reference'
    """
    name = "similarity to a reference"

    def to(vector: Tensor) -> TargetFunction:
        if vector.ndim != 1 or not all_finite(vector) or not bool(vector.any()):
            raise InputError("reference", expected="finite numbers (D,) that are not all 0", got=describe(vector))

        def read(raw: Any, recorded: Recorded) -> Tensor:
            found = one_tensor(raw, output, (2,))
            if found.shape[1] != len(vector):
                raise TargetError("reference", expected=f"{found.shape[1]} numbers", got=len(vector))
            return torch.cosine_similarity(found, vector.to(found)[None], dim=1)

        return TargetFunction(name, read=read)

    if embedding:
        return to(as_tensor(reference, "reference").float())

    def fix(answer: Answer) -> TargetFunction:
        return answer.once(name, lambda: to(one_tensor(answer.run(reference), output, (2,))[0].detach()))

    return TargetFunction(name, fix=fix)


@names_errors("targets.unit")
def unit(layer: str, index: int | tuple[int, ...], *, before: bool = True) -> TargetFunction:
    """Return what a unit of a layer puts out.

    Args:
        layer: The layer, by name.
        index: A channel, whose mean over positions it is, or a tuple (channel, row, column).
        before: Read a layer that is an activation function before it, so that a unit at 0 still has a gradient.

    >>> unit("features.3", 5).written
    'unit:features.3,5'
    """
    position = index if isinstance(index, tuple) else (index,)
    if not position or any(isinstance(item, bool) or not isinstance(item, int) for item in position):
        raise LayerError("index", expected="a channel, or a tuple of a channel and a position", got=describe(index))
    if not isinstance(layer, str):
        raise LayerError("layer", expected="the name of a layer", got=describe(layer))
    if not isinstance(before, bool):
        raise InputError("before", expected="True or False", got=describe(before))

    def read(raw: Any, recorded: Recorded) -> Tensor:
        values = recorded[layer, before]
        sizes = values.shape[1 : len(position) + 1]  # a channel alone stands for all its positions
        if len(sizes) < len(position) or any(not -size <= at < size for at, size in zip(position, sizes, strict=True)):
            raise LayerError("index", expected=f"a position within {tuple(values.shape[1:])} of {layer}", got=index)
        found = values[(slice(None), *position)]
        return found.flatten(1).mean(1) if found.ndim > 1 else found

    name = f"unit {', '.join(map(str, position))} of {layer}"
    written = _written("unit", layer, *position) if before else None
    return TargetFunction(name, written, read=read, layers=((layer, before),), inner=True)


@names_errors("targets.function")
def function(read: Callable[..., Tensor], name: str | None = None) -> TargetFunction:
    """Return a function of what the network puts out as a target; `target=` takes a bare function as well.

    Args:
        read: A function (output) -> (N,), or (output, row) -> (N,) with the number of the row that is explained.
        name: How a reader is told; by default the function's own name.

    >>> function(lambda output: output.norm(dim=1), "length").name
    'length'
    """
    if not callable(read):
        raise InputError("read", expected="a function of the network's output", got=describe(read))
    if name is not None and not isinstance(name, str):
        raise InputError("name", expected="text", got=describe(name))
    called = name or getattr(read, "__name__", type(read).__name__)
    if not takes_row(read):
        return TargetFunction(called, read=lambda output, recorded: read(output))

    def fix(answer: Answer) -> TargetFunction:
        return TargetFunction(called, read=lambda output, recorded: read(output, answer.row))

    return TargetFunction(called, fix=fix)


def _written(name: str, *parts: object, output: str | int | None = None) -> str | None:
    """Return how a target is written on a command line; None where a part could not be told from the others."""
    words = list(map(str, parts))
    if output is not None or any("," in word for word in words):
        return None
    return f"{name}:{','.join(words)}"
