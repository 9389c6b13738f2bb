"""What a model is audited on: held-out rows with their labels, the rows it learned from, and who the rows are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from xai.auditing.goals import as_labels, quality
from xai.core.arguments import whole_number
from xai.core.arrays import to_tensor
from xai.core.digest import tensor_digest
from xai.core.errors import InputError, describe, expected
from xai.core.inputs import TabularInput
from xai.core.model import Model

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AuditData", "Prepared", "Rows", "prepare"]

BINS = 4  # a protected number is read in quarters


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

    def __post_init__(self) -> None:
        if self.train is not None and (not isinstance(self.train, tuple | list) or len(self.train) != 2):
            raise InputError(expected("AuditData", "train", "a pair (inputs, labels)", describe(self.train)))
        if isinstance(self.protected, str):
            raise InputError(expected("AuditData", "protected", "a list of column names", repr(self.protected)))


@dataclass(frozen=True, eq=False)
class Rows:
    """One part of the data as the model takes it, beside what the model says.

    inputs (N, ...) in the caller's units; labels (N,) class numbers, or (N, K) for several of many and regressions;
    prediction (N, K) in float64; places (N,): the number of each row in what the caller gave; groups: protected
    columns by row, as words; masks (N, H, W), True where the object is.
    """

    inputs: Tensor
    labels: Tensor
    prediction: Tensor
    places: Tensor
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

    def take(self, index: Tensor) -> Rows:
        """Return the rows of these numbers."""
        parts = {name: getattr(self, name)[index] for name in ("inputs", "labels", "prediction", "places")}
        groups = self.groups.iloc[index.tolist()].reset_index(drop=True)
        return replace(self, **parts, groups=groups, masks=None if self.masks is None else self.masks[index])

    def sample(self, count: int, seed: int) -> Rows:
        """Return so many rows drawn at random, or all there are, in their order."""
        return self.take(_draw(len(self), count, seed))


@dataclass(frozen=True, eq=False)
class Prepared:
    """The data of one audit: held-out rows, training rows where there are any, and what the caller gave in all.

    digest: SHA-256 of everything given, whether it was drawn or not. given: how many rows each part had.
    """

    held_out: Rows
    train: Rows | None
    name: str
    digest: str
    given: dict[str, int]


def prepare(model: Model, data: AuditData, *, rows: int = 10_000, seed: int = 0) -> Prepared:
    """Return the data as the model takes it, at most `rows` of each part, drawn at random, with its predictions.

    Raises InputError for labels, groups or masks that do not fit.
    """
    if not isinstance(data, AuditData):
        raise InputError(expected("audit", "data", "an AuditData", describe(data)))
    rows = whole_number("audit", "rows", rows, 20)
    digests: list[str] = []

    def part(inputs: object, labels: object, groups: object, masks: object, argument: str) -> Rows:
        batch = model.prepare(inputs, "audit", argument).cpu()
        goals = as_labels(model, labels, len(batch), "audit")
        who = _groups(model, data.protected, batch, groups)
        areas = None if masks is None else _masks(masks, batch)
        digests.extend(tensor_digest(item) for item in (batch, goals) if item is not None)
        digests.append(who.to_csv(index=False))
        index = _draw(len(batch), rows, seed)
        prediction = model.predict(batch[index]).double().cpu()
        if goals.ndim == 1 and int(goals.max()) >= prediction.shape[1]:
            wanted = f"classes from 0 to {prediction.shape[1] - 1}"
            raise InputError(expected("audit", "labels", wanted, f"{int(goals.max())}"))
        if goals.ndim == 2 and goals.shape[1] != prediction.shape[1]:
            raise InputError(expected("audit", "labels", f"{prediction.shape[1]} per row", f"{goals.shape[1]}"))
        picked = who.iloc[index.tolist()].reset_index(drop=True)
        return Rows(
            batch[index], goals[index], prediction, index, model.task, picked, None if areas is None else areas[index]
        )

    held_out = part(data.inputs, data.labels, data.groups, data.masks, "inputs")
    train = None if data.train is None else part(*data.train, data.train_groups, None, "train")
    given = {"held_out": _count(data.labels), "train": 0 if data.train is None else _count(data.train[1])}
    content = "|".join(digests).encode()
    whole = tensor_digest(torch.frombuffer(bytearray(content), dtype=torch.uint8))
    return Prepared(held_out, train, str(data.name), whole, given)


def _count(labels: object) -> int:
    return len(labels)  # type: ignore[arg-type] - checked by as_labels


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
        raise InputError(expected("audit", "groups", "a DataFrame or columns by name", describe(groups))) from error
    if groups is not None and len(frame) != len(batch):
        raise InputError(expected("audit", "groups", f"one entry per row ({len(batch)})", len(frame)))
    names = model.input.names if isinstance(model.input, TabularInput) else []
    for name in protected:
        if name not in names:
            known = ", ".join(names) if names else "none: the model takes no table; hand them over as groups"
            raise InputError(expected("audit", "protected", f"columns of the table ({known})", repr(name)))
        values = batch[:, names.index(name)].double().numpy()
        words = model.input.categorical.get(name)
        frame[name] = values if words is None else [words[int(code)] for code in values]
    # Numbers with many values are read in quarters; a missing entry is a group of its own.
    return pd.DataFrame({str(name): _as_words(frame[name]) for name in frame.columns}, index=range(len(batch)))


def _as_words(column: pd.Series) -> list[str]:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column) and column.nunique() > 2 * BINS:
        column = pd.qcut(column, BINS, duplicates="drop").map(lambda bin: f"{bin.left:g} < to {bin.right:g}")
    return ["missing" if pd.isna(item) else str(item) for item in column.tolist()]


def _masks(masks: object, batch: Tensor) -> Tensor:
    areas = to_tensor(masks, "audit", "masks").cpu() > 0
    areas = areas[:, 0] if areas.ndim == 4 and areas.shape[1] == 1 else areas
    if batch.ndim != 4 or areas.shape != (len(batch), *batch.shape[2:]):
        wanted = f"one area per image, ({len(batch)}, H, W)"
        raise InputError(expected("audit", "masks", wanted, describe(np.asarray(masks))))
    return areas
