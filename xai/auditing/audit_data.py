"""What a model is audited on: held-out rows with their labels, the rows it learned from, and who the rows are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor

from xai.auditing.drawn import drawn_fields
from xai.auditing.row_metadata import name_groups, read_groups, read_metadata
from xai.auditing.scores import ONE_CLASS
from xai.auditing.split import Prepared, Split
from xai.base.arguments import real_number, whole_number
from xai.base.arrays import as_tensor, to_tensor
from xai.base.deprecated import renamed_arguments, renamed_attribute
from xai.base.digest import tensor_digest
from xai.base.errors import InputError, describe, names_arguments, names_errors
from xai.inputs.streams import MOST_DRAWN, draw_numbers
from xai.model.labels import as_labels, check_outputs
from xai.model.model import Model

if TYPE_CHECKING:
    import pandas as pd

    from xai.auditing.row_metadata import Groups
    from xai.inputs.streams import Stream

__all__ = ["AuditData", "prepare"]

FEWEST_ROWS = 20
LARGEST = float(torch.finfo(torch.float32).max)  # trees of scikit-learn compute in float32


@names_arguments
@renamed_arguments(given="total", train_given="train_total")
@dataclass(frozen=True, eq=False)
class AuditData:
    """Labelled rows to audit a model on.

    inputs: as the model takes them (array, tensor, DataFrame, texts), or a torch Dataset, DataLoader or generator of
    (row, label) or of dictionaries with a `label`, of which at most `most` rows, drawn at random, are kept. labels:
    class numbers or names (N,), 0 and 1 (N, K) for several of many, numbers (N,) or (N, K) for a regression. train: the
    (inputs, labels) that the model learned from, or what comes a row at a time, where they are at hand: several checks
    compare with them. groups: columns by row of `inputs` that say who a row is and that the model does not see;
    train_groups: the same of the training rows. protected: names of such columns that it does see. masks: (N, H, W),
    true where the object of an image is. entity: whose each row is (a patient, a machine); time: when it was, numbers
    or dates; weights: how many rows of the population each stands for; one entry per row, or the name of a column of
    DataFrame inputs, which then is that of the training rows too; train_entity, train_time, train_weights: the same of
    the training rows. name: what the report calls it. numbers, train_numbers: what findings call each row, rising,
    where these are some rows of more; of those that were drawn, their positions. total, train_total: how many there
    were.

    >>> AuditData([[0.0, 1.0], [1.0, 0.0]], [1, 0]).name
    'given data'
    >>> data = AuditData((([row, 1.0], row % 2) for row in range(100)), most=30)
    >>> len(data.labels), data.total, data.inputs[:, 0].tolist() == data.numbers
    (30, 100, True)
    """

    inputs: object
    labels: object = None
    train: tuple[object, object] | Stream | None = None
    groups: Mapping[str, Sequence] | pd.DataFrame | None = None
    train_groups: Mapping[str, Sequence] | pd.DataFrame | None = None
    protected: Sequence[str] = ()
    masks: object = None
    name: str = "given data"
    entity: Sequence | str | None = None
    time: Sequence | str | None = None
    weights: Sequence | str | None = None
    train_entity: Sequence | str | None = None
    train_time: Sequence | str | None = None
    train_weights: Sequence | str | None = None
    most: int = MOST_DRAWN
    numbers: Sequence[int] | None = None
    train_numbers: Sequence[int] | None = None
    total: int | None = None
    train_total: int | None = None
    given = renamed_attribute("given", "total")
    train_given = renamed_attribute("train_given", "train_total")
    places = renamed_attribute("places", "positions")

    @names_errors("AuditData")
    def __post_init__(self) -> None:
        for name, value in drawn_fields(self, whole_number("most", self.most, FEWEST_ROWS)).items():
            object.__setattr__(self, name, value)  # what comes a row at a time cannot be read twice
        if self.labels is None:
            raise InputError("labels", expected="one per row", got="none")
        if self.train is not None and (not isinstance(self.train, tuple | list) or len(self.train) != 2):
            raise InputError("train", expected="a pair (inputs, labels)", got=describe(self.train))
        if isinstance(self.protected, str):
            raise InputError("protected", expected="a list of column names", got=repr(self.protected))

    def positions(self, rows: Sequence[int] | Tensor) -> list[int]:
        """Return the positions in `inputs` of the rows that findings name.

        Args:
            rows: Their numbers in the findings.
        """
        numbers = torch.as_tensor(rows)
        return (numbers if self.numbers is None else torch.searchsorted(_rising(self.numbers), numbers)).tolist()


def prepare(
    model: Model, data: AuditData, *, rows: int = 10_000, seed: int = 0, threshold: float | None = None
) -> Prepared:
    """Return the data as the model takes it, at most `rows` of each part, drawn at random, with its predictions.

    threshold: the probability from which the second of two classes is called. Raises InputError for labels, groups or
    masks that do not fit, and for fewer than 20 held-out or 2 training rows, of which no check could say anything.
    """
    if not isinstance(data, AuditData):
        raise InputError("data", expected="an AuditData", got=describe(data))
    if data.train_weights is not None and data.weights is None:
        wanted = "those of the held-out rows beside `train_weights`; equal ones say that each stands for as many"
        raise InputError("weights", expected=wanted, got="none")
    rows = whole_number("rows", rows, FEWEST_ROWS)
    for name, total in (("total", data.total), ("train_total", data.train_total)):
        if total is not None:
            whole_number(name, total)
    held_out = _read(model, data, data.inputs, data.labels, data.groups, data.numbers, "inputs", FEWEST_ROWS)
    learned = cast("tuple[object, object] | None", data.train)  # what came a row at a time is drawn already
    train = learned and _read(model, data, *learned, data.train_groups, data.train_numbers, "train", 2)
    parts = [part for part in (held_out, train) if part is not None]
    name_groups([part.groups for part in parts])
    columns = {"entity": data.entity, "time": data.time, "weights": data.weights}
    metadata = [read_metadata(data.inputs, len(held_out), **columns)]
    held_out = replace(held_out, metadata=metadata[0])
    if train is not None and learned is not None:
        known = {
            "entity": _of_training(data.train_entity, data.entity),
            "time": _of_training(data.train_time, data.time),
            "weights": _of_training(data.train_weights, data.weights, learned[0]),
        }
        metadata.append(read_metadata(learned[0], len(train), **known))
        train = replace(train, metadata=metadata[1])
    parts = [part for part in (held_out, train) if part is not None]
    masks = None if data.masks is None else _masks(data.masks, held_out.inputs)
    content = [tensor_digest(item) for part in parts for item in (part.inputs, part.labels)]
    content += [part.groups.to_csv(index=False) for part in parts]
    content += [part.to_csv(index=False) for part in metadata if len(part.columns)]
    whole = tensor_digest(torch.frombuffer(bytearray("|".join(content).encode()), dtype=torch.uint8))
    return Prepared(
        _predicted(model, replace(held_out, masks=masks), rows, seed, threshold),
        None if train is None else _predicted(model, train, rows, seed, threshold),
        str(data.name),
        whole,
        {"held_out": data.total or len(held_out), "train": data.train_total or (0 if train is None else len(train))},
    )


def _read(
    model: Model,
    data: AuditData,
    inputs: object,
    labels: object,
    groups: Groups,
    named: Sequence[int] | None,
    argument: str,
    fewest: int,
) -> Split:
    """Return one part, with no predictions yet, and its protected columns as they came."""
    batch = model.prepare(inputs, argument).cpu()
    if len(batch) < fewest:
        raise InputError(argument, expected=f"at least {fewest} rows", got=len(batch))
    numbers = as_labels(model, labels, len(batch))
    for what, values in ((argument, batch), ("labels", numbers)):
        _check_size(values, what, "numbers")
    who = read_groups(model, data.protected, batch, groups)
    index = torch.arange(len(batch)) if named is None else _rising(named)
    if len(index) != len(batch):
        raise InputError("numbers", expected=f"one per row ({len(batch)})", got=len(index))
    return Split(batch, numbers, torch.empty(0), index, model.task, who)


def _rising(numbers: Sequence[int]) -> Tensor:
    """Return the numbers of rows as a tensor; raises InputError where they do not increase."""
    index = as_tensor(numbers, "numbers")
    if index.ndim != 1 or index.is_floating_point() or not bool((index.diff() > 0).all()):
        raise InputError("numbers", expected="rising whole numbers, one per row", got=describe(numbers))
    return index.long()


def _of_training(values: object, name: object, inputs: object = None) -> object:
    """Return metadata of the training rows: as given, or the name of the column that holds it for the held-out rows.

    inputs: whose column it is where they have it; where they have not, nothing was given.
    """
    if values is not None or not isinstance(name, str):
        return values
    return name if inputs is None or name in getattr(inputs, "columns", ()) else None


def _predicted(model: Model, part: Split, rows: int, seed: int, threshold: float | None) -> Split:
    """Return at most so many rows of a part, with what the model predicts."""
    chosen = draw_numbers(len(part), rows, seed)
    prediction = model.predict(part.inputs[chosen]).double().cpu()
    outputs = prediction.shape[1]
    _check_size(prediction, "model", "answers")
    check_outputs(part.labels, outputs)
    if threshold is not None:
        threshold = real_number("threshold", threshold, 0)
        if threshold >= 1:
            raise InputError("threshold", expected="a probability between 0 and 1", got=threshold)
        if part.task not in ONE_CLASS or outputs != 2:
            raise InputError("threshold", expected="a model of two classes", got=f"{outputs} outputs, {part.task}")
    empty = torch.zeros(len(part), outputs, dtype=torch.float64)
    return replace(replace(part, prediction=empty).take(chosen), prediction=prediction, threshold=threshold)


def _check_size(values: Tensor, argument: str, what: str) -> None:
    if values.is_floating_point() and float(values.abs().max()) > LARGEST:
        raise InputError(argument, expected=f"{what} of at most {LARGEST:.3g}", got=f"{values.abs().max():.3g}")


def _masks(masks: object, batch: Tensor) -> Tensor:
    areas = to_tensor(masks, "masks").cpu() > 0
    areas = areas[:, 0] if areas.ndim == 4 and areas.shape[1] == 1 else areas
    if batch.ndim != 4 or areas.shape != (len(batch), *batch.shape[2:]):
        wanted = f"one area per image, ({len(batch)}, H, W)"
        raise InputError("masks", expected=wanted, got=describe(np.asarray(masks)))
    return areas
