"""The versions of a model that are compared: A, B, and replicas of A that differ from it by their seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from xai.auditing.audit_data import AuditData, prepare
from xai.auditing.kinds import class_names, table_of
from xai.auditing.rates import LEAST
from xai.auditing.scores import ONE_CLASS
from xai.auditing.split import Prepared, Split
from xai.base.arrays import same_numbers
from xai.base.errors import InputError, describe
from xai.model.model import Model

__all__ = ["A", "B", "Ensemble", "Group", "read_ensemble"]

A, B = 0, 1  # numbers of the versions in an ensemble; replicas follow
RIGHT = "right answer"


class Group(NamedTuple):
    """Rows that have one word in one column: mask (N,)."""

    column: str
    word: str
    mask: np.ndarray

    @property
    def name(self) -> str:
        """Return "sex = Female"."""
        return f"{self.column} = {self.word}"

    @property
    def quoted(self) -> str:
        """Return 'sex = "Female"', for a sentence."""
        return f'{self.column} = "{self.word}"'


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Versions of a model, A first, B second, then replicas of A, and what each predicts on the same rows.

    splits: one for each version, in its own preparation of the same inputs. data: those of A, as an audit has them.
    """

    models: tuple[Model, ...]
    splits: tuple[Split, ...]
    data: Prepared

    def __len__(self) -> int:
        return len(self.models)

    @property
    def replicas(self) -> int:
        """Return how many models there are that differ from A by their seed alone."""
        return len(self) - 2

    @property
    def first(self) -> Split:
        """Return the rows as A takes them, with their labels and groups."""
        return self.splits[A]

    @property
    def task(self) -> str:
        return self.first.task

    @property
    def reference(self) -> list[int]:
        """Return the numbers of all versions but B: A and its replicas."""
        return [number for number in range(len(self)) if number != B]

    @property
    def names(self) -> list[str]:
        """Return how the versions are called in tables and pictures."""
        return ["A", "B", *(f"replica {number + 1}" for number in range(self.replicas))]

    @property
    def classes(self) -> list[str]:
        """Return the names of A's classes, or their numbers."""
        return class_names(self.models[A], self.first.outputs)

    @property
    def wrong(self) -> np.ndarray:
        """Return where each version errs (versions, N): 1.0 or 0.0.

        Of a regression, an error is one among the largest quarter of the errors of all versions together.
        """
        if self.task != "regression":
            return np.stack([1 - split.quality.numpy() for split in self.splits])
        errors = np.stack([(split.prediction - split.labels).abs().mean(1).numpy() for split in self.splits])
        return (errors > np.quantile(errors, 0.75)).astype(np.float64)

    def groups(self) -> list[Group]:
        """Return the groups of at least 20 rows: by protected column, and by right answer."""
        frame = self.first.groups.copy()
        if self.task in ONE_CLASS:
            frame[RIGHT] = [self.classes[label] for label in self.first.labels.tolist()]
        found = []
        for column in frame.columns:
            words = frame[column].to_numpy()
            found += [Group(str(column), str(word), words == word) for word in sorted(set(words))]
        return [group for group in found if group.mask.sum() >= LEAST]


def read_ensemble(
    a: Model, b: Model, data: AuditData, replicas: Sequence[Model], *, rows: int = 10_000, seed: int = 0
) -> Ensemble:
    """Return the versions with what they predict on at most so many rows, drawn at random.

    Raises InputError where a version has another task, other classes or another kind of input than A, or where a
    replica has the weights of another version: it would say that there is no noise.
    """
    if not isinstance(data, AuditData):
        raise InputError("data", expected="an AuditData", got=describe(data))
    if isinstance(replicas, Model) or not all(isinstance(item, Model) for item in replicas):
        raise InputError("replicas", expected="a list of models", got=describe(replicas))
    versions = {"a": a, "b": b, **{f"replicas[{number}]": item for number, item in enumerate(replicas)}}
    for argument, model in versions.items():
        if not isinstance(model, Model):
            raise InputError(argument, expected="a Model", got=describe(model))
        _check_fit(a, model, argument)
    _check_others(versions)
    # A comparison needs no training rows: nothing of them is read.
    prepared = prepare(a, replace(data, train=None, train_groups=None), rows=rows, seed=seed)
    first = prepared.held_out
    others = [_read(model, data, first, argument) for argument, model in versions.items() if argument != "a"]
    return Ensemble(tuple(versions.values()), (first, *others), prepared)


def _read(model: Model, data: AuditData, first: Split, argument: str) -> Split:
    """Return the rows of another version: the same inputs as it takes them, and what it predicts."""
    batch = model.prepare(data.inputs).cpu()[data.positions(first.index)]
    same = same_numbers(batch, first.inputs)
    inputs = first.inputs if same else batch  # twenty versions need not hold the rows twenty times
    prediction = model.predict(inputs).double().cpu()
    if prediction.shape[1] != first.outputs:
        wanted = f"a model of {first.outputs} outputs, as A"
        raise InputError(argument, expected=wanted, got=f"{prediction.shape[1]} outputs")
    return replace(first, inputs=inputs, prediction=prediction)


def _check_fit(a: Model, other: Model, argument: str) -> None:
    """Raise InputError where another version answers another question than A."""

    def names(model: Model) -> list[str]:
        table = table_of(model)
        return [] if table is None else list(table.names)

    facts = {
        "task": lambda model: model.task,
        "classes": lambda model: model.classes,
        "input": lambda model: model.input.kind,
        "columns": names,
    }
    for fact, of in facts.items():
        wanted, got = of(a), of(other)
        if fact == "classes" and (wanted is None or got is None):
            continue  # without names, the number of outputs must do
        if wanted != got:
            like_a = f"a model with the {fact} of A ({_short(wanted)})"
            raise InputError(argument, expected=like_a, got=_short(got))


def _check_others(versions: dict[str, Model]) -> None:
    seen: dict[str, str] = {}
    for argument, model in versions.items():
        if not list(model.network.parameters()):
            continue  # a function has no weights that could be compared
        digest = model.digest()
        if digest in seen and argument.startswith("replicas"):
            wanted = "a model trained with a seed of its own"
            raise InputError(argument, expected=wanted, got=f"the weights of {seen[digest]}")
        seen.setdefault(digest, argument)


def _short(value: object) -> str:
    words = ", ".join(map(str, value[:6])) + (", ..." if len(value) > 6 else "") if isinstance(value, list) else value
    return str(words) or "none"
