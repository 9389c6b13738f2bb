"""What a model is audited on: held-out rows with their labels, the rows it learned from, and who the rows are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from xai.auditing.kinds import table_of
from xai.auditing.scores import quality
from xai.auditing.sentences import plain_number
from xai.base.arguments import whole_number
from xai.base.arrays import to_tensor
from xai.base.digest import tensor_digest
from xai.base.errors import InputError, describe, names_errors
from xai.model.labels import as_labels, check_outputs
from xai.model.model import Model

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AuditData", "Prepared", "Split", "prepare"]

BINS = 4  # a protected number is read in quarters
FEWEST_ROWS = 20
LARGEST = float(torch.finfo(torch.float32).max)  # trees of scikit-learn compute in float32


@dataclass(frozen=True, eq=False)
class AuditData:
    """Labelled rows to audit a model on.

    inputs: as the model takes them (array, tensor, DataFrame, texts). labels: class numbers or names (N,), 0 and 1
    (N, K) for several of many, numbers (N,) or (N, K) for a regression. train: the (inputs, labels) that the model
    learned from, where they are at hand: several checks compare with them. groups: columns by row of `inputs` that say
    who a row is and that the model does not see; train_groups: the same of the training rows. protected: names of such
    columns that it does see. masks: (N, H, W), true where the object of an image is. name: what the report calls it.

    >>> AuditData([[0.0, 1.0], [1.0, 0.0]], [1, 0]).name
    'given data'
    """

    inputs: object
    labels: object
    train: tuple[object, object] | None = None
    groups: Mapping[str, Sequence] | pd.DataFrame | None = None
    train_groups: Mapping[str, Sequence] | pd.DataFrame | None = None
    protected: Sequence[str] = ()
    masks: object = None
    name: str = "given data"

    @names_errors("AuditData")
    def __post_init__(self) -> None:
        if self.train is not None and (not isinstance(self.train, tuple | list) or len(self.train) != 2):
            raise InputError("train", expected="a pair (inputs, labels)", got=describe(self.train))
        if isinstance(self.protected, str):
            raise InputError("protected", expected="a list of column names", got=repr(self.protected))


@dataclass(frozen=True, eq=False)
class Split:
    """One part of the data as the model takes it, beside what the model predicts.

    inputs (N, ...) in the caller's units; labels (N,) class numbers, or (N, K) for several of many and regressions;
    prediction (N, K) in float64; index (N,): the number of each row in what the caller gave; groups: protected columns
    by row, as words; masks (N, H, W), True where the object is.
    """

    inputs: Tensor
    labels: Tensor
    prediction: Tensor
    index: Tensor
    task: str
    groups: pd.DataFrame
    masks: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def quality(self) -> Tensor:
        """Return what each row adds to the score (N,), float64: its mean is the accuracy, or R² of a regression."""
        return quality(self.prediction, self.labels, self.task)

    @property
    def outputs(self) -> int:
        """Return the number of classes, or of a regression's values."""
        return self.prediction.shape[1]

    @property
    def predicted(self) -> Tensor:
        """Return the number of the most probable class (N,)."""
        return self.prediction.argmax(1)

    def take(self, chosen: Tensor) -> Split:
        """Return the rows of these numbers."""
        parts = {name: getattr(self, name)[chosen] for name in ("inputs", "labels", "prediction", "index")}
        groups = self.groups.iloc[chosen.tolist()].reset_index(drop=True)
        return replace(self, **parts, groups=groups, masks=None if self.masks is None else self.masks[chosen])

    def sample(self, count: int, seed: int) -> Split:
        """Return so many rows drawn at random, or all there are, in their order."""
        return self.take(_draw(len(self), count, seed))


@dataclass(frozen=True, eq=False)
class Prepared:
    """The data of one audit: held-out rows, training rows where there are any, and what the caller gave in all.

    digest: SHA-256 of everything given, whether it was drawn or not. given: how many rows each part had.
    """

    held_out: Split
    train: Split | None
    name: str
    digest: str
    given: dict[str, int]


def prepare(model: Model, data: AuditData, *, rows: int = 10_000, seed: int = 0) -> Prepared:
    """Return the data as the model takes it, at most `rows` of each part, drawn at random, with its predictions.

    Raises InputError for labels, groups or masks that do not fit, and for fewer than
    20 held-out or 2 training rows, of which no check could say anything.
    """
    if not isinstance(data, AuditData):
        raise InputError("data", expected="an AuditData", got=describe(data))
    rows = whole_number("rows", rows, FEWEST_ROWS)
    held_out = _read(model, data, data.inputs, data.labels, data.groups, "inputs", FEWEST_ROWS)
    train = data.train and _read(model, data, *data.train, data.train_groups, "train", 2)
    parts = [part for part in (held_out, train) if part is not None]
    _name_groups(parts)
    masks = None if data.masks is None else _masks(data.masks, held_out.inputs)
    content = [tensor_digest(item) for part in parts for item in (part.inputs, part.labels)]
    content += [part.groups.to_csv(index=False) for part in parts]
    whole = tensor_digest(torch.frombuffer(bytearray("|".join(content).encode()), dtype=torch.uint8))
    return Prepared(
        _predicted(model, replace(held_out, masks=masks), rows, seed),
        None if train is None else _predicted(model, train, rows, seed),
        str(data.name),
        whole,
        {"held_out": len(held_out), "train": 0 if train is None else len(train)},
    )


def _read(
    model: Model,
    data: AuditData,
    inputs: object,
    labels: object,
    groups: object,
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
    who = _groups(model, data.protected, batch, groups)
    return Split(batch, numbers, torch.empty(0), torch.arange(len(batch)), model.task, who)


def _predicted(model: Model, part: Split, rows: int, seed: int) -> Split:
    """Return at most so many rows of a part, with what the model predicts."""
    chosen = _draw(len(part), rows, seed)
    prediction = model.predict(part.inputs[chosen]).double().cpu()
    outputs = prediction.shape[1]
    _check_size(prediction, "model", "answers")
    check_outputs(part.labels, outputs)
    empty = torch.zeros(len(part), outputs, dtype=torch.float64)
    return replace(replace(part, prediction=empty).take(chosen), prediction=prediction)


def _check_size(values: Tensor, argument: str, what: str) -> None:
    if values.is_floating_point() and float(values.abs().max()) > LARGEST:
        raise InputError(argument, expected=f"{what} of at most {LARGEST:.3g}", got=f"{values.abs().max():.3g}")


def _draw(total: int, count: int, seed: int) -> Tensor:
    if count >= total:
        return torch.arange(total)
    return torch.randperm(total, generator=torch.Generator().manual_seed(seed))[:count].sort().values


def _groups(model: Model, protected: Sequence[str], batch: Tensor, groups: object) -> pd.DataFrame:
    """Return the protected columns as words by row: those given, and those that the model sees."""
    import pandas as pd

    try:
        frame = pd.DataFrame({} if groups is None else dict(groups))
    except (TypeError, ValueError) as error:
        raise InputError("groups", expected="a DataFrame or columns by name", got=describe(groups)) from error
    if groups is not None and len(frame) != len(batch):
        raise InputError("groups", expected=f"one entry per row ({len(batch)})", got=len(frame))
    table = table_of(model)
    names = [] if table is None else table.names
    for name in protected:
        if name not in names:
            known = ", ".join(names) if names else "none: the model takes no table; hand them over as groups"
            raise InputError("protected", expected=f"columns of the table ({known})", got=repr(name))
        values = batch[:, names.index(name)].double().numpy()
        words = table.categorical.get(name)
        frame[name] = values if words is None else [words[int(code)] for code in values]
    return frame if len(frame.columns) else pd.DataFrame(index=range(len(batch)))


def _name_groups(parts: list[Split]) -> None:
    """Turn protected columns into words: numbers of many values into quarters of both parts together."""
    import pandas as pd

    for name in parts[0].groups.columns:
        having = [part.groups for part in parts if name in part.groups.columns]
        whole = pd.concat([frame[name] for frame in having])
        edges = []
        if (
            pd.api.types.is_numeric_dtype(whole)
            and not pd.api.types.is_bool_dtype(whole)
            and whole.nunique() > 2 * BINS
        ):
            edges = sorted(set(np.nanquantile(whole, [share / BINS for share in range(1, BINS)])))
        for frame in having:
            frame[name] = [_word(value, edges) for value in frame[name].tolist()]


def _word(value: object, edges: list[float]) -> str:
    import pandas as pd

    if pd.isna(value):
        return "missing"
    if not edges:
        return str(value)
    quarter = int(np.searchsorted(edges, value))
    if quarter == 0:
        return f"up to {plain_number(edges[0], 6)}"
    if quarter == len(edges):
        return f"above {plain_number(edges[-1], 6)}"
    return f"above {plain_number(edges[quarter - 1], 6)}, up to {plain_number(edges[quarter], 6)}"


def _masks(masks: object, batch: Tensor) -> Tensor:
    areas = to_tensor(masks, "masks").cpu() > 0
    areas = areas[:, 0] if areas.ndim == 4 and areas.shape[1] == 1 else areas
    if batch.ndim != 4 or areas.shape != (len(batch), *batch.shape[2:]):
        wanted = f"one area per image, ({len(batch)}, H, W)"
        raise InputError("masks", expected=wanted, got=describe(np.asarray(masks)))
    return areas
